"""NDCG@10 of every recommender on MovieLens-100K: leave-last-out, full ranking, seen items filtered, everyone counted.

The data go through the import and out of the database, so what is measured is what is served. Where chance plays a
part and a bar is to be reached, the figure is the mean over five seeds; of the others one seed shows the order. The
peer is CosineRecommender (K = 100) of the library implicit, on the same split in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from django.conf import settings
from implicit.nearest_neighbours import CosineRecommender

from recommender.algorithms import registry
from recommender.algorithms.base import Config, Recommender
from recommender.data.dataset import Dataset, Float, Histories, Int
from recommender.data.splits import Split, leave_last_out
from recommender.evaluation.parents import TrainedParents
from recommender.evaluation.protocol import CHOOSING, MEASURED, Fitted, evaluate, fit_measured
from recommender.selectors.dataset import load_dataset
from recsite.benchmarks import Say
from recsite.demo.steps import import_once

METRIC, SEEDS = "ndcg@10", 5
BARS = {"popularity": 0.044, "item_knn": 0.055, "ials": 0.063, "ease": 0.072, "sasrec": 0.107, "ensemble": 0.110}
Kept = dict[tuple[str, int], Fitted]
"""What was trained, by algorithm and seed: ensembles are made of it."""


def run(say: Say) -> dict[str, Any]:
    """ours: sasrec, peer: implicit's cosine neighbours; a row per recommender with its bar."""
    dataset = movielens_100k(say)
    split = leave_last_out(dataset)
    kept: Kept = {}
    rows = [measured(name, split, dataset, say, kept) for name in registry.ALGORITHMS if measurable(name)]
    peer = evaluate(CosineNeighbours(split), split.test, dataset).summary[METRIC]
    ours = next(row[METRIC] for row in rows if row["algorithm"] == "sasrec")
    return {
        "ours": ours,
        "peer": peer,
        "ratio": ours / peer,
        "unit": "NDCG@10",
        "people": len(split.test.people),
        "rows": rows,
    }


def measurable(algorithm: str) -> bool:
    """Whether it gives lists and learns from interactions alone; what reads texts is measured by `benchmark text`."""
    return registry.ranks(algorithm) and not registry.needs_text(algorithm, registry.config_class(algorithm)())


def movielens_100k(say: Say) -> Dataset:
    """The arrays of a catalog that is imported for this, unless it is there."""
    data = settings.DATASETS_DIR / "ml-100k" if settings.DATASETS_DIR else None
    catalog = import_once(data if data and data.is_dir() else None, settings.DATA_DIR / "downloads", say)
    return load_dataset(catalog_id=catalog.pk)


def measured(
    algorithm: str, split: Split, dataset: Dataset, say: Say, kept: Kept | None = None, **config: Any
) -> dict[str, Any]:
    """Mean and every value over the seeds, seconds of a whole go, and whether the bar is reached.

    `config` differs from the defaults where given. What is made of others is made of what lies in `kept`, else its
    members are trained first, which then counts into its seconds.
    """
    settings = registry.config_class(algorithm).from_mapping(config)
    kept = {} if kept is None else kept
    chance = any(registry.get(name).stochastic for name in (algorithm, *registry.parents(algorithm, settings)))
    values, started = [], time.perf_counter()
    for seed in range(SEEDS if chance and algorithm in BARS else 1):
        fitted = kept[algorithm, seed] = trained(algorithm, settings, split, seed, kept)
        values.append(evaluate(fitted.model, split.test, dataset).summary[METRIC])
        say(f"{algorithm} seed {seed}: {values[-1]:.4f}")
    mean, seconds = float(np.mean(values)), (time.perf_counter() - started) / len(values)
    row = {"algorithm": algorithm, METRIC: round(mean, 5), "seeds": [round(value, 5) for value in values]}
    bar = BARS.get(algorithm)
    return row | {"seconds": round(seconds, 1), "bar": bar, "reached": bar is None or mean >= bar}


def trained(algorithm: str, config: Config, split: Split, seed: int, kept: Kept) -> Fitted:
    """One recommender, learned from everything but the test."""
    names = registry.parents(algorithm, config)
    parents = TrainedParents(
        registry.create, {name: registry.config_class(name)() for name in names}, split, seed, lambda *_: None,
        dict(_earlier(names, seed, kept)),
    )  # fmt: skip
    create = partial(registry.create, algorithm)
    return fit_measured(create, config, split, seed=seed, report=lambda *_: None, parents=parents)


def _earlier(names: Iterable[str], seed: int, kept: Kept) -> Iterator[tuple[tuple[int, str], Recommender]]:
    """Of what is kept, the models of each stage; where chance plays no part there is one for all seeds."""
    for name in names:
        fitted = kept.get((name, seed if registry.get(name).stochastic else 0))
        if fitted:
            yield (MEASURED, name), fitted.model
        if fitted and fitted.blind:
            yield (CHOOSING, name), fitted.blind


class CosineNeighbours:
    """implicit's item neighbours, asked like one of ours."""

    name = "implicit CosineRecommender"

    def __init__(self, split: Split, neighbours: int = 100) -> None:
        self.n_items = split.before_test.n_items
        self.model = CosineRecommender(K=neighbours)
        self.model.fit(split.before_test.histories.matrix(self.n_items), show_progress=False)

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        scores = (histories.matrix(self.n_items) @ self.model.similarity).toarray().astype(np.float32)
        return scores if items is None else scores[:, items]
