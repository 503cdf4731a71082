"""Sizes, distributions, courses over time: the shape of what people did."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from recommender.data.dataset import Int
from recommender.data.health.rows import Rows, distinct

BINS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Lower ends of the bins of activity."""
POINTS = 100
"""Points of the Lorenz curve that are kept."""
MOST_VALUES = 20
DAY = 86_400.0


def sizes(rows: Rows) -> dict[str, Any]:
    """How many of each, and sparsity = 1 − different (person, item) / (people · items)."""
    cells = rows.n_users * rows.n_items
    met = distinct(rows.pairs)
    return {
        "people": rows.n_users,
        "items": rows.n_items,
        "interactions": len(rows),
        "kinds": {name: int((rows.kinds == at).sum()) for at, name in enumerate(rows.kind_names)},
        "sparsity": 1.0 - met / cells if cells else None,
        "idle_people": int((rows.per_user == 0).sum()),
        "idle_items": int((rows.per_item == 0).sum()),
        "per_person": _median(rows.per_user),
        "per_item": _median(rows.per_item),
        "without_time": int(np.isnan(rows.times).sum()),
    }


def _median(counts: Int) -> float | None:
    return float(np.median(counts)) if len(counts) else None


def ratings(rows: Rows) -> list[dict[str, Any]]:
    """{"value", "count"} of each value given as a rating; of many values, in twenty bins of equal width."""
    values = rows.values[rows.rated]
    if not len(values):
        return []
    different, counts = np.unique(values, return_counts=True)
    if len(different) <= MOST_VALUES:
        return [{"value": f"{value:g}", "count": int(n)} for value, n in zip(different, counts, strict=True)]
    counts, edges = np.histogram(values, bins=MOST_VALUES)
    names = [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    return [{"value": name, "count": int(n)} for name, n in zip(names, counts, strict=True)]


def over_time(rows: Rows) -> list[dict[str, Any]]:
    """{"period" (a date), "interactions", "people", "mean" (rating or None)} per day, or month from 120 days on."""
    known = ~np.isnan(rows.times)
    if not known.any():
        return []
    days = (rows.times[known] // DAY).astype("datetime64[D]")
    monthly = (days.max() - days.min()).astype(int) >= 120
    periods = days.astype("datetime64[M]") if monthly else days
    every = np.arange(periods.min(), periods.max() + 1)
    at = (periods - every[0]).astype(np.int64)
    counts = np.bincount(at, minlength=len(every))
    given = np.where(rows.rated[known], rows.values[known], 0.0)
    sums, rated = np.bincount(at, given, len(every)), np.bincount(at, rows.rated[known], len(every))
    people = np.bincount(np.unique(np.column_stack([at, rows.users[known]]), axis=0)[:, 0], minlength=len(every))
    return [
        {"period": str(period.astype("datetime64[D]")), "interactions": int(n), "people": int(who),
         "mean": float(total / number) if number else None}
        for period, n, who, total, number in zip(every, counts, people, sums, rated, strict=True)
    ]  # fmt: skip


def activity(rows: Rows) -> list[dict[str, Any]]:
    """{"bin", "people"}: how many people have so many interactions."""
    at = np.digitize(rows.per_user, BINS) - 1
    counts = np.bincount(at, minlength=len(BINS)) if len(at) else np.zeros(len(BINS), dtype=np.int64)
    return [{"bin": name, "people": int(n)} for name, n in zip(_bin_names(), counts, strict=True)]


def _bin_names() -> list[str]:
    highest = [after - 1 for after in BINS[1:]]
    names = [str(low) if low == high else f"{low}–{high}" for low, high in zip(BINS[:-1], highest, strict=True)]
    return [*names, f"{BINS[-1]}+"]


def long_tail(rows: Rows) -> dict[str, Any]:
    """The Lorenz curve of interactions over items and its Gini coefficient.

    With x_(1) ≤ … ≤ x_(n): G = Σ_i (2 i − n − 1) x_(i) / (n Σ_i x_(i)); 0 where all items are met alike, near 1 where
    one item has everything. `half` is the share of items, the most met first, that hold half of all interactions.
    """
    counts = np.sort(rows.per_item)
    total = int(counts.sum())
    if not total:
        return {"gini": None, "half": None, "curve": []}
    n = len(counts)
    gini = float(((2 * np.arange(1, n + 1) - n - 1) * counts).sum() / (n * total))
    held = np.concatenate([[0], np.cumsum(counts)]) / total
    at = np.unique(np.round(np.linspace(0, n, POINTS + 1)).astype(int))
    curve = [{"items": float(i / n), "interactions": float(held[i])} for i in at]
    most_met_first = np.cumsum(counts[::-1]) / total
    half = float((np.searchsorted(most_met_first, 0.5) + 1) / n)
    return {"gini": gini, "half": half, "curve": curve}
