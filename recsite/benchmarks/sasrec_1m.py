"""sasrec on MovieLens-1M: leave-last-out, full ranking, everyone counted, within an hour on two cores.

The data go through the import and out of the database. The seconds are of the whole training: first validation
chooses when to stop, then everything but the test trains again. The peer is implicit's CosineRecommender (K = 100).
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from recommender.algorithms import registry
from recommender.data.splits import leave_last_out
from recommender.evaluation.protocol import evaluate, fit_measured
from recsite.benchmarks import Say
from recsite.benchmarks.ensemble import SETTINGS, movielens_1m
from recsite.benchmarks.quality import METRIC, CosineNeighbours

BAR, MOST_SECONDS = 0.16, 3600.0


def run(say: Say) -> dict[str, Any]:
    """ours: sasrec, peer: implicit's cosine neighbours, in NDCG@10; `rows`: validation NDCG@10 after each epoch."""
    dataset = movielens_1m(say)
    split = leave_last_out(dataset)
    torch.set_num_threads(os.cpu_count() or 1)
    rows: list[dict[str, Any]] = []
    started = time.perf_counter()

    def report(progress: float, metrics: Mapping[str, float], state: Any) -> None:
        row = {name: round(value, 5) for name, value in metrics.items()}
        rows.append(row | {"seconds": round(time.perf_counter() - started, 1)})
        say(", ".join(f"{name} {value}" for name, value in rows[-1].items()))

    config = registry.config_class("sasrec").from_mapping(SETTINGS["sasrec"])
    fitted = fit_measured(partial(registry.create, "sasrec"), config, split, seed=0, report=report)
    seconds = time.perf_counter() - started
    ours = evaluate(fitted.model, split.test, dataset).summary[METRIC]
    peer = evaluate(CosineNeighbours(split), split.test, dataset).summary[METRIC]
    return {
        "ours": ours,
        "peer": peer,
        "ratio": ours / peer,
        "unit": "NDCG@10",
        "seconds": seconds,
        "people": len(split.test.people),
        "bar": BAR,
        "reached": ours >= BAR and seconds <= MOST_SECONDS,
        "rows": rows,
    }
