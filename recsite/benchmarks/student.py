"""The student beside its teacher sasrec on MovieLens-100K and MovieLens-1M: quality, time to score and size, in one go.

Leave-last-out, full ranking, everyone counted; teacher and student are trained as runs are (validation chooses, then
both learn from everything but the test), on data that went through the import. Times are of scoring every item, one
thread, teacher and student taking turns: of many people at once the quickest of ROUNDS, of one person alone the mean
over people of each one's quickest. The bar on each data set: at least .95 of the teacher's NDCG@10, as the mean over
seeds, in at most a fifth of its time, many at once and alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from recommender.algorithms import registry
from recommender.algorithms.base import Recommender
from recommender.algorithms.sequence_training import spread
from recommender.algorithms.student import StudentConfig
from recommender.data.dataset import Dataset, Histories, Holdout
from recommender.data.splits import Split, leave_last_out
from recommender.evaluation.protocol import evaluate
from recommender.evaluation.significance import compare
from recsite.benchmarks import Say
from recsite.benchmarks import ensemble as on_1m
from recsite.benchmarks.quality import METRIC, Kept, movielens_100k, trained

LEAST_QUALITY, MOST_TIME = 0.95, 0.2
TOGETHER, ALONE, ROUNDS = 1000, 200, 8
"""People whose scoring is timed at once and one by one, evenly spread, and how often."""
TEACHER = StudentConfig().teacher
TIMES = ("ms a person", "ms alone")


@dataclass(frozen=True)
class Data:
    """`settings`: what differs from the defaults, by algorithm, chosen on validation."""

    load: Callable[[Say], Dataset]
    seeds: int
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


DATA = {
    "ml-100k": Data(movielens_100k, 3),
    "ml-1m": Data(
        on_1m.movielens_1m, 1,
        on_1m.SETTINGS | {"student": {"length": 200, "weight_decay": 0.1}},
    ),
}  # fmt: skip


def run(say: Say) -> dict[str, Any]:
    """ours: the student's NDCG@10 on MovieLens-1M, peer: its teacher's; `data`: the same of each data set, with times
    in parts of the teacher's and whether the bar is reached; a row per data set and seed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows = [row for name, data in DATA.items() for row in measured(name, data, say)]
    finally:
        torch.set_num_threads(threads)
    return summary(rows)


def measured(name: str, data: Data, say: Say) -> list[dict[str, Any]]:
    """A row per seed."""
    dataset = data.load(say)
    split, kept, rows = leave_last_out(dataset), Kept(), []
    for seed in range(data.seeds):
        models: dict[str, Recommender] = {}
        for algorithm in (TEACHER, "student"):
            config = registry.config_class(algorithm).from_mapping(data.settings.get(algorithm, {}))
            started = time.process_time()
            kept[algorithm, seed] = trained(algorithm, config, split, seed, kept)
            models[algorithm] = kept[algorithm, seed].model
            say(f"{name} seed {seed}: {algorithm} trained in {time.process_time() - started:.0f} s of processor time")
        rows.append({"data": name, "seed": seed} | compared(models, split, dataset))
        say(", ".join(f"{what} {value}" for what, value in rows[-1].items()))
    return rows


def compared(models: Mapping[str, Recommender], split: Split, dataset: Dataset) -> dict[str, Any]:
    """Quality, times and size of each, and the student's difference to its teacher, paired over people."""
    tables = {name: evaluate(model, split.test, dataset).per_user for name, model in models.items()}
    taken, row = times(models, split.test), dict[str, Any]()
    for name, model in models.items():
        row[f"{name} {METRIC}"] = round(float(tables[name][METRIC].mean()), 5)
        row |= {f"{name} {what}": round(1000 * seconds, 4) for what, seconds in zip(TIMES, taken[name], strict=True)}
        row[f"{name} MB"] = round(sum(array.nbytes for array in model.state().values()) / 1e6, 2)
    found = compare(tables["student"], tables[TEACHER], METRIC)
    return row | {"difference": round(found.difference, 5), "p": found.p}


def times(models: Mapping[str, Recommender], test: Holdout) -> dict[str, tuple[float, float]]:
    """Seconds a person of each model, many at once and alone; they take turns, so that whatever else the machine does
    hits all."""
    many, few = (spread(test, most) for most in (TOGETHER, ALONE))
    assert many is not None and few is not None
    lone = [few.histories.select(np.array([row])) for row in range(len(few.people))]
    together = dict.fromkeys(models, np.inf)
    alone = {name: np.full(len(lone), np.inf) for name in models}
    for _ in range(ROUNDS):
        for name, model in models.items():
            together[name] = min(together[name], seconds(model, many.histories) / len(many.people))
        for name, model in models.items():
            alone[name] = np.minimum(alone[name], [seconds(model, one) for one in lone])
    return {name: (float(together[name]), float(alone[name].mean())) for name in models}


def seconds(model: Recommender, histories: Histories) -> float:
    started = time.perf_counter()
    model.score(histories)
    return time.perf_counter() - started


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the seeds of each data set, and whether the bar is reached on all."""
    data = {
        name: of_one([row for row in rows if row["data"] == name])
        for name in dict.fromkeys(row["data"] for row in rows)
    }
    last = list(data.values())[-1]
    figures = {"ours": last["ours"], "peer": last["peer"], "ratio": last["ratio"], "unit": "NDCG@10"}
    return figures | {"data": data, "rows": rows, "reached": all(each["reached"] for each in data.values())}


def of_one(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the seeds of one data set, and whether it reaches the bar."""
    student, teacher = (
        {what: float(np.mean([row[f"{name} {what}"] for row in rows])) for what in (METRIC, *TIMES)}
        for name in ("student", TEACHER)
    )
    ours, peer = student[METRIC], teacher[METRIC]
    parts = {what: student[what] / teacher[what] for what in TIMES}
    reached = ours >= LEAST_QUALITY * peer and all(part <= MOST_TIME for part in parts.values())
    found = {"ours": ours, "peer": peer, "ratio": ours / peer}
    return found | {f"{what}, part of the teacher's": part for what, part in parts.items()} | {"reached": reached}
