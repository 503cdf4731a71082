"""How a metric differs between people and between groups of them: figures that describe, without intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.fairness.base import number

Values = NDArray[np.float64]
POINTS = 101
"""Points of a Lorenz curve over people."""


def group_means(values: Values, codes: NDArray[np.int64], n_groups: int) -> tuple[Values, Values]:
    """(n_groups,) mean of `values` (n_people,) in each group and the number of people it is of; nan is left out."""
    known = (codes >= 0) & ~np.isnan(values)
    counts = np.bincount(codes[known], minlength=n_groups).astype(np.float64)
    sums = np.bincount(codes[known], weights=values[known], minlength=n_groups)
    return np.divide(sums, counts, out=np.full(n_groups, np.nan), where=counts > 0), counts


def spread(means: Values, people: Values) -> dict[str, float | None]:
    """Of the means of groups (those that are shown), each group once but for `weighted_std`:

    `range` max − min; `ratio` min / max; `std` √(Σ (m − m̄)² / G); `weighted_std` √(Σ n (m − m̿)² / Σ n), m̿ the mean
    over people; `mad` the mean of |mᵢ − mⱼ| over pairs; `gini` as over people. None where it does not exist.
    """
    if len(means) < 2:
        return dict.fromkeys(("range", "ratio", "std", "weighted_std", "mad", "gini"))
    mean = np.average(means, weights=people)
    highest = means.max()
    return {
        "range": number(highest - means.min()),
        "ratio": number(means.min() / highest) if highest > 0 and means.min() >= 0 else None,
        "std": number(means.std()),
        "weighted_std": number(np.sqrt(np.average((means - mean) ** 2, weights=people))),
        "mad": number(mean_absolute_difference(means)),
        "gini": number(gini(means)),
    }


def mean_absolute_difference(values: Values) -> float:
    """UserMAD: mean over pairs i ≠ j of |qᵢ − qⱼ| = 2 Σᵢ (2i − n − 1) q₍ᵢ₎ / (n (n − 1)), q sorted ascending."""
    ordered = np.sort(values[~np.isnan(values)])
    n = len(ordered)
    if n < 2:
        return float("nan")
    places = 2 * np.arange(1, n + 1) - n - 1
    return float(2 * (places @ ordered) / (n * (n - 1)))


def gini(values: Values) -> float:
    """Σᵢ (2i − n − 1) q₍ᵢ₎ / (n Σ q), q sorted ascending: 0 where everyone has the same, near 1 where one has all.

    nan where a value is negative or all are 0.
    """
    ordered = np.sort(values[~np.isnan(values)])
    n = len(ordered)
    if not n or ordered[0] < 0 or ordered[-1] == 0:
        return float("nan")
    places = 2 * np.arange(1, n + 1) - n - 1
    return float(places @ ordered / (n * ordered.sum()))


def gini_influence(values: Values) -> Values:
    """(n_people,) how each person moves the Gini coefficient, first order: (E|q − Q| − A − G (q − μ)) / μ, with
    A = E|Q − Q'| and G = A / 2μ; their mean is 0. nan where the value is not known or there is no coefficient."""
    found = np.full(len(values), np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    ordered, n = values[order], len(order)
    if not n or ordered[0] < 0 or ordered[-1] == 0:
        return found
    below = np.cumsum(ordered)
    at = np.arange(1, n + 1)
    distance = (ordered * (2 * at - n) + below[-1] - 2 * below) / n
    mean, apart = ordered.mean(), distance.mean()
    found[order] = (distance - apart - apart / (2 * mean) * (ordered - mean)) / mean
    return found


def lorenz(values: Values, points: int = POINTS, step: int = 1) -> list[list[float | None]]:
    """[share of people, share of the metric that the people with the least of it have together], from 0 to 1; from one
    point to the next at least `step` people, so that no single one's figure can be read."""
    ordered = np.sort(values[~np.isnan(values)])
    if not len(ordered) or ordered[0] < 0 or ordered[-1] == 0:
        return []
    summed = np.concatenate([[0.0], np.cumsum(ordered)]) / ordered.sum()
    shares = np.linspace(0, 1, min(points, len(ordered) // step + 1))
    heights = np.interp(shares, np.linspace(0, 1, len(summed)), summed)
    return [[number(share), number(height)] for share, height in zip(shares, heights, strict=True)]


def of_people(values: Values, least: int) -> dict[str, Any]:
    """The figures over people that need no resampling."""
    known = values[~np.isnan(values)]
    return {
        "mean": number(known.mean()) if len(known) else None,
        "std": number(known.std()) if len(known) else None,
        "mad": number(mean_absolute_difference(known)),
        "gini": number(gini(known)),
        "lorenz": lorenz(known, step=least),
    }
