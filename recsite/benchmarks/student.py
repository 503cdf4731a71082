"""The student beside its teacher on MovieLens-100K: quality, time to score and size, in one go.

Leave-last-out, full ranking, everyone counted; teacher and student are trained as runs are (validation chooses, then
both learn from everything but the test). Time is that of scoring every item for everyone in the test, the quickest of
three goes, one thread. The bar: at least .95 of the teacher's NDCG@10, as the mean over seeds, in at most a fifth of
its time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recommender.algorithms import registry
from recommender.algorithms.base import Recommender
from recommender.algorithms.student import StudentConfig, seconds
from recommender.data.splits import leave_last_out
from recommender.evaluation.protocol import evaluate
from recommender.evaluation.significance import compare
from recsite.benchmarks import Say
from recsite.benchmarks.quality import METRIC, Kept, movielens_100k, trained

SEEDS = 3
LEAST_QUALITY, MOST_TIME = 0.95, 0.2


def run(say: Say) -> dict[str, Any]:
    """ours: the student's NDCG@10, peer: its teacher's; a row per seed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return measured(say)
    finally:
        torch.set_num_threads(threads)


def measured(say: Say) -> dict[str, Any]:
    dataset = movielens_100k(say)
    split, kept, rows = leave_last_out(dataset), Kept(), []
    config = StudentConfig()
    for seed in range(SEEDS):
        models: dict[str, Recommender] = {}
        for name in (config.teacher, "student"):
            kept[name, seed] = trained(name, registry.config_class(name)(), split, seed, kept)
            models[name] = kept[name, seed].model
        tables = {name: evaluate(model, split.test, dataset).per_user for name, model in models.items()}
        row: dict[str, Any] = {"seed": seed}
        for name, model in models.items():
            row[f"{name} {METRIC}"] = round(float(tables[name][METRIC].mean()), 5)
            row[f"{name} ms a person"] = round(1000 * seconds(model, split.test.histories) / len(split.test.people), 4)
            row[f"{name} MB"] = round(sum(array.nbytes for array in model.state().values()) / 1e6, 2)
        found = compare(tables["student"], tables[config.teacher], METRIC)
        row |= {"difference": round(found.difference, 5), "p": found.p}
        rows.append(row)
        say(", ".join(f"{name} {value}" for name, value in row.items()))
    return summary(rows, config.teacher)


def summary(rows: list[dict[str, Any]], teacher: str) -> dict[str, Any]:
    """Means over the seeds, and whether the bar is reached."""
    ours, peer, fast, slow = (
        float(np.mean([row[f"{name} {what}"] for row in rows]))
        for what in (METRIC, "ms a person") for name in ("student", teacher)
    )  # fmt: skip
    reached = ours >= LEAST_QUALITY * peer and fast <= MOST_TIME * slow
    figures = {"ours": ours, "peer": peer, "ratio": ours / peer, "unit": "NDCG@10"}
    return figures | {"time ratio": fast / slow, "rows": rows, "reached": reached}
