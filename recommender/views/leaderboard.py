"""The leaderboard: each configuration's latest run beside popular and random, and what the differences are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recommender.models import Catalog, Run
from recommender.services import comparing
from recommender.templatetags.pages import plain

FALLING = frozenset({"rmse", "mae"})
"""Errors: less is better."""
METRICS = (
    *(f"{name}@{k}" for k in (5, 10, 20) for name in ("ndcg", "hit", "recall", "precision", "f1", "map", "mrr")),
    *("rmse", "mae"),
)
ALPHA = 0.05
POWER = (1.96 + 0.84) / 1.96
"""A gap this many half intervals wide is seen four times in five."""
REFERENCES = ("popularity", "random")


@dataclass
class Row:
    run: Run
    value: float
    low: float | None
    high: float | None
    coverage: float | None
    best: bool = False
    verdict: str = ""
    detail: str = ""

    @property
    def reference(self) -> bool:
        return self.run.algorithm in REFERENCES

    @property
    def name(self) -> str:
        return f"{self.run.algorithm} #{self.run.pk}"

    @property
    def prepared(self) -> bool:
        """Whether data were left out or changed before anything was held out."""
        return bool(self.run.preparation)

    def place(self, metric: str) -> tuple[float, int]:
        """What rows are sorted by, best first."""
        return (self.value if metric in FALLING else -self.value, self.run.pk)

    def interval(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.low, "high": self.high}


def leaderboard(catalog: Catalog, metric: str, limit: int = 20) -> list[Row]:
    """Measured runs, best first; popular and random are kept even where they fall off the end."""
    found = catalog.runs.filter(status=Run.Status.SUCCEEDED).defer("curve", "traceback")
    rows = sorted(filter(None, (row_of(run, metric) for run in found)), key=lambda row: row.place(metric))
    kept = rows[:limit]
    kept += [row for row in first_references(rows) if row not in kept]
    if kept:
        kept[0].best = True
    return kept


def row_of(run: Run, metric: str) -> Row | None:
    parts = run.metrics.get(metric)
    if not parts or parts.get("value") is None:
        return None
    k = metric.rpartition("@")[2]
    coverage = (run.metrics.get(f"coverage@{k}") or {}).get("value")
    return Row(run, parts["value"], parts.get("low"), parts.get("high"), coverage)


def first_references(rows: Sequence[Row]) -> list[Row]:
    found = {}
    for row in rows:
        if row.reference:
            found.setdefault(row.run.algorithm, row)
    return list(found.values())


def judge(rows: Sequence[Row], metric: str, *, now: bool) -> bool:
    """Write beside each row how it compares with the best; False where some comparisons are not made yet."""
    if not rows:
        return True
    best, others = rows[0], [row for row in rows[1:] if row.run.person_metrics]
    if not best.run.person_metrics:
        return True
    column = f"{metric}_person" if metric in FALLING else metric
    found = comparing.against_best(best=best.run, others=[row.run for row in others], metric=column, now=now)
    for row in others:
        if row.run.pk in found:
            row.verdict, row.detail = verdict(found[row.run.pk], falling=metric in FALLING)
    return now or len(found) == len(others)


def verdict(compared: Mapping[str, Any], *, falling: bool = False) -> tuple[str, str]:
    """What a paired comparison allows to say, and its figures. `falling`: the best has the least."""
    difference, low, high = compared["difference"], compared["low"], compared["high"]
    if falling:
        difference, low, high = -difference, -high, -low
    p, people = compared["p_holm"], compared["people"]
    if p < ALPHA:
        chance = "p < .001" if p < 0.001 else f"p = {plain(p)}"
        return f"worse by {plain(difference)}", f"{plain(low)} to {plain(high)}, {chance}"
    seen = POWER * (high - low) / 2
    return "no difference found", f"a gap under {plain(seen)} would likely not have been seen with {people:,} people"


def metric_of(catalog: Catalog, asked: str) -> str:
    """The metric that was asked for; else NDCG@10, or RMSE where all that was measured are ratings."""
    if asked in METRICS:
        return asked
    done = catalog.runs.filter(status=Run.Status.SUCCEEDED)
    only_ratings = (
        done.filter(metrics__has_key="rmse").exists() and not done.filter(metrics__has_key="ndcg@10").exists()
    )
    return "rmse" if only_ratings else "ndcg@10"
