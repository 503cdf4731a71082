"""What remedies cost and bring on MovieLens-1M: leave-last-out, everyone's lists, each remedy over its strengths.

A recommender is trained without the test's answers; every remedy that re-ranks learns from the same candidates and is
asked for everyone's ten places at each strength of its grid. Changes are paired by person (the same 1,000 resamples of
people for all, 300 for Gini coefficients). The bar: exposure's Gini coefficient down by a quarter for a loss of at
most 3% of NDCG@10 by the best remedy.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from recommender.algorithms.base import Recommender
from recommender.algorithms.reranked import RerankedConfig, estimated, pool_of
from recommender.data.dataset import Dataset, Int
from recommender.data.splits import Split, leave_last_out
from recommender.reranking import classes, registry
from recommender.reranking.base import Candidates
from recsite.benchmarks import Say
from recsite.benchmarks.audit_data import attributes, people_1m
from recsite.benchmarks.remedied import Ground, figures, ground, point
from recsite.benchmarks.trained_1m import trained_1m

PARENTS = ("ease", "ials")
BY = {"calibrated": "categories"}
"""What items are classed by; else the most popular fifth and the rest."""
AIMED = {
    "calibrated": "miscalibration", "xquad": "lift", "fa_ir": "tail against head", "p_mmf": "tail against head",
    "cp_fair": "tail against head", "gini": "gini",
}  # fmt: skip
"""The figure that each remedy works on."""
LOSS, FALL = 0.03, 0.25
ACTIVE = 0.05


def run(say: Say) -> dict[str, Any]:
    """ours: the largest fall of exposure's Gini coefficient for the loss allowed, peer: the best of the papers' own
    remedies; a row per recommender, remedy and strength."""
    people = people_1m(say)
    split = leave_last_out(people.dataset)
    on = ground(people.dataset, split.test, tuple(attributes(people.attributes)))
    rows, said = [], []
    for of in PARENTS:
        swept = list(sweeps(of, trained_1m(of, split, say), on, split, say))
        mark_dominated(swept)
        rows += swept
        for remedy in registry.REMEDIES:
            said += not_monotone(of, remedy, [row for row in swept if row["remedy"] == remedy])
    return summary(rows, said) | {"people": len(split.test.people)}


def sweeps(of: str, parent: Recommender, on: Ground, split: Split, say: Say) -> Iterable[dict[str, Any]]:
    """A row per remedy and strength."""
    size = RerankedConfig().pool
    met = split.test.histories
    candidates = estimated(parent, met, size).given(pool_of(parent, met, size))
    before = figures(on, candidates.items)
    for remedy, module in ((name, registry.get(name)) for name in registry.REMEDIES):
        for strength in module.grid:
            started = time.perf_counter()
            lists = made(remedy, strength, candidates, on.dataset, split)
            found = figures(on, lists)
            row = {"algorithm": of, "remedy": remedy, "strength": strength, **point(on, found, before)}
            yield row | {"seconds": round(time.perf_counter() - started, 2)}
            say(f"{of}, {remedy} {strength:g}: NDCG@10 {row['ndcg@10']:.4f}, Gini {row['gini']:.4f}")


def made(remedy: str, strength: float, candidates: Candidates, dataset: Dataset, split: Split) -> Int:
    """(n, 10) lists of everyone, as `reranked` makes them."""
    met = split.test.histories
    known = classes.known(dataset.with_histories(split.before_test.histories), BY.get(remedy, classes.POPULARITY))
    active = np.sort(met.lengths)[::-1][round(ACTIVE * len(met))]
    groups = (met.lengths > active).astype(np.int64)
    kind = registry.get(remedy)(strength, known, k=10)
    return kind.learn(candidates, met, groups).lists(candidates, met, groups)


def mark_dominated(rows: Sequence[dict[str, Any]]) -> None:
    """`dominated`: another point of the same recommender loses no more NDCG@10 and has no higher Gini coefficient, and
    is better in one."""
    for row in rows:
        row["dominated"] = any(
            other["ndcg@10"] >= row["ndcg@10"] and other["gini"] <= row["gini"]
            and (other["ndcg@10"] > row["ndcg@10"] or other["gini"] < row["gini"])
            for other in rows
        )  # fmt: skip


def not_monotone(of: str, remedy: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences on where a curve turns by more than the half widths of both intervals: NDCG@10 should not rise, and
    what the remedy works on not move back."""
    aim, said = AIMED[remedy], []
    upward = aim == "tail against head"
    for before, after in pairwise(rows):
        spans = f"from {before['strength']:g} to {after['strength']:g}"
        if after["ndcg@10 change low"] > before["ndcg@10 change high"]:
            said.append(f"{of}, {remedy}: NDCG@10 rises {spans}, as what comes in is taken up more than what goes.")
        moved = (after[aim] - before[aim]) * (-1 if upward else 1)
        if moved > _slack(before, after, aim):
            said.append(f"{of}, {remedy}: {aim} turns back {spans}.")
    return said


def _slack(before: dict[str, Any], after: dict[str, Any], aim: str) -> float:
    """Half of both intervals of the change; a hundredth where there is none."""
    if f"{aim} change low" not in before:
        return 0.01
    return sum((row[f"{aim} change high"] - row[f"{aim} change low"]) / 2 for row in (before, after))


def summary(rows: Sequence[dict[str, Any]], said: list[str]) -> dict[str, Any]:
    affordable = [row for row in rows if row["loss of ndcg@10"] <= LOSS]
    best = max(affordable, key=lambda row: row["gini fall"])
    others = max((row["gini fall"] for row in affordable if row["remedy"] != best["remedy"]), default=0.0)
    return {
        "ours": best["gini fall"],
        "peer": others,
        "ratio": best["gini fall"] / others if others else float("inf"),
        "unit": "fall of exposure's Gini coefficient",
        "best": {name: best[name] for name in ("algorithm", "remedy", "strength", "loss of ndcg@10", "gini fall")},
        "most_loss": LOSS,
        "least_fall": FALL,
        "reached": best["gini fall"] >= FALL,
        "not monotone": said or ["Every curve is monotone within its intervals."],
        "narrowed": narrowed(rows),
        "gaps looked at": sum(bool(row["strength"]) and "change" in gap for row in rows for gap in row["worst groups"]),
        "rows": list(rows),
    }


def narrowed(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Points at which the paired interval of how far the gap of the worst group narrows lies above 0. Chance alone
    makes more than one in forty of those that were looked at: the group was chosen for being lowest, on the same
    people."""
    names = ("algorithm", "remedy", "strength", "loss of ndcg@10")
    return [
        {name: row[name] for name in names} | worst
        for row in rows
        for worst in row["worst groups"]
        if worst.get("change low", 0.0) > 0
    ]
