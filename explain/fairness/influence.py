"""Figures of lists with how each person moves them, so that intervals of one figure and of its change from one list to
another come from the same people.

A figure T of n people has influences h_u, Σ h_u = 0: drawn again with multinomial weights w, it moves by
Σ w_u h_u / n, whose variance over all draws is Σ h_u² / n² exactly. Percentiles of the figure itself would not do:
lists of people drawn twice show fewer items, so every draw looks more uneven than the lists are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain.fairness.base import NONE
from recommender.data.dataset import Float, Int
from recommender.evaluation import beyond_accuracy as measure
from recommender.reranking.base import blocks, places

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Moving:
    """`value`, nan where it does not exist, and `influence` (n_people,) of each on it."""

    value: float
    influence: Values

    @property
    def error(self) -> float:
        """Its standard error over people."""
        n = len(self.influence)
        return float(np.sqrt((self.influence**2).sum()) / n) if n else float("nan")

    def scaled(self, value: float, slope: float) -> Moving:
        """A function of the figure that has this value and this slope."""
        return Moving(value, slope * self.influence)

    def less(self, other: Moving) -> Moving:
        """The difference to `other` of the same people, in the same order."""
        return Moving(self.value - other.value, self.influence - other.influence)


@dataclass(frozen=True)
class Shown:
    """What lists show: of each place that holds an item, the person `rows`, the `items` and how much it is seen,
    `weights`, each (n_places,), of n_people and n_items."""

    rows: Int
    items: Int
    weights: Values
    n_people: int
    n_items: int

    @classmethod
    def of(cls, lists: Int, n_items: int) -> Shown:
        """Of `lists` (n_people, k), best first, −1 = none; a place counts 1 / log₂(1 + rank)."""
        rows, at = np.nonzero(lists != NONE)
        return cls(rows, lists[rows, at], places(lists.shape[1])[at], len(lists), n_items)

    def exposure(self) -> Values:
        """(n_items,)"""
        return np.bincount(self.items, weights=self.weights, minlength=self.n_items).astype(np.float64)

    def by_person(self, of_items: Values) -> Values:
        """(n_people,) Σ over what a person is shown of weight × `of_items` (n_items,)."""
        summed = np.bincount(self.rows, weights=self.weights * of_items[self.items], minlength=self.n_people)
        return summed.astype(np.float64)


def nothing(n_people: int) -> Moving:
    return Moving(float("nan"), np.zeros(n_people))


def mean(values: Values) -> Moving:
    """Of `values` (n_people,), nan: takes no part."""
    known = ~np.isnan(values)
    if not known.any():
        return nothing(len(values))
    centre = float(values[known].mean())
    return Moving(centre, np.where(known, values - centre, 0.0) * len(values) / known.sum())


def exposure_gini(lists: Int, offered: NDArray[np.bool_]) -> Moving:
    """G = Σ_{i<j} |E_i − E_j| / (m S) over the m items that may be shown, E the exposure by `lists`, S = ΣE. Influences
    are the jackknife's, (n − 1) (Ḡ − G without u): first-order slopes would be too small where an item has few places
    (of 300 people and 1,500 items 95% intervals then held 88 of 100)."""
    n, at = len(lists), np.flatnonzero(offered)
    counted = (lists != NONE) & offered[lists]
    weights = np.where(counted, places(lists.shape[1]), 0.0)
    every = np.bincount(lists[counted], weights=weights[counted], minlength=len(offered)).astype(np.float64)
    exposure = np.sort(every[at])
    total, m = exposure.sum(), len(at)
    if not total:
        return nothing(n)
    ladder = 2 * np.arange(1, m + 1) - m - 1
    apart = float(ladder @ exposure)
    without = np.zeros(n)
    for part in blocks(n, 3 * lists.shape[1] ** 2):
        before = every[np.where(counted[part], lists[part], 0)]
        moved = _without(before, before - weights[part], counted[part], exposure)
        left = total - weights[part].sum(axis=1)
        np.divide(apart + moved, m * left, out=without[part], where=left > 0)
    return Moving(apart / (m * total), (n - 1) * (without.mean() - without))


def pooled(figure: Moving, owners: Int, n_people: int) -> Moving:
    """A figure that lists move as one that their people move, `owners` (n_lists,) the person of each: those whose lists
    they are move it together."""
    if not len(owners):
        return nothing(n_people)
    summed = np.bincount(owners, weights=figure.influence, minlength=n_people).astype(np.float64)
    return Moving(figure.value, summed * (n_people / len(owners)))


def ratio(above: Values, below: Values) -> Moving:
    """Σ above / Σ below, each (n_people,) what a person adds to it; nan where Σ below is 0."""
    total = float(below.sum())
    if not total:
        return nothing(len(below))
    value = float(above.sum()) / total
    return Moving(value, (above - value * below) * len(below) / total)


def _without(before: Values, after: Values, counted: NDArray[np.bool_], exposure: Values) -> Values:
    """(n,) what Σ_{i<j} |E_i − E_j| changes by where the k items of a person go from `before` to `after`, both (n, k);
    `exposure` (m,) of all items, ascending."""
    sums = np.concatenate([[0.0], np.cumsum(exposure)])

    def distances(values: Values) -> Values:
        """(n, k) Σ_j |value − E_j|"""
        below = np.searchsorted(exposure, values)
        found = values * (2 * below - len(exposure)) + sums[-1] - 2 * sums[below]
        return np.asarray(np.where(counted, found, 0.0))

    def pairs(one: Values, other: Values) -> Values:
        """(n,) Σ_ab |one_a − other_b| over the items of a person."""
        both = counted[:, :, None] & counted[:, None, :]
        return np.asarray(np.where(both, np.abs(one[:, :, None] - other[:, None, :]), 0.0).sum(axis=(1, 2)))

    gone = distances(before).sum(axis=1) - pairs(before, before) / 2
    come = distances(after).sum(axis=1) - pairs(after, before) + pairs(after, after) / 2
    return np.asarray(come - gone)


def coverage(shown: Shown, offered: NDArray[np.bool_]) -> Moving:
    """Share of the items that may be shown which are in somebody's list.

    Influences are the jackknife's, what would be shown no more without a person, (n − 1) (s_u − s̄). Their variance
    counts the items f₁ that are shown once, where that of coverage is the number that would come with as many people
    again, f₁ − f₂ + f₃ − … (Good and Toulmin 1956); so they are scaled by the root of the ratio, from ½ to 1.
    """
    here = offered[shown.items]
    counts = np.bincount(shown.items[here], minlength=shown.n_items)
    m = int(offered.sum())
    if not m or not shown.n_people:
        return nothing(shown.n_people)
    alone = here & (counts[shown.items] == 1)
    only = np.bincount(shown.rows[alone], minlength=shown.n_people) / m
    once = max(1, int((counts == 1).sum()))
    more = float(((counts % 2 == 1) & (counts > 0)).sum() - ((counts % 2 == 0) & (counts > 0)).sum())
    scale = np.sqrt(np.clip(more / once, 0.25, 1.0))
    return Moving(float((counts > 0).sum()) / m, scale * (shown.n_people - 1) * (only - only.mean()))


def popularity_lift(lists: Int, profiles: Values, shares: Values) -> Moving:
    """(P − H) / H: P the mean over people of the mean popularity of their list, H that of what they met, `profiles`
    (n_people,), nan without a history."""
    listed = measure.mean_of_first(measure.popularity(lists, shares), lists.shape[1])
    ours, theirs = mean(listed), mean(profiles)
    if not theirs.value > 0 or np.isnan(ours.value):
        return nothing(len(lists))
    value = ours.value / theirs.value - 1
    slope = -ours.value / theirs.value**2
    return Moving(value, ours.influence / theirs.value + slope * theirs.influence)


def distance_to_tastes(lists: Int, tastes: Values, members: Float) -> Moving:
    """Mean of KL(p ‖ q̃) over people (Steck 2018, beyond_accuracy.miscalibration)."""
    return mean(measure.miscalibration(lists, tastes, members, lists.shape[1]))


def disparate_exposure(shown: Shown, wanted: Values, member: Values) -> Moving:
    """(E_g / R_g) / (E_h / R_h) of a class of items, `member` (n_items,), and all other items: exposure by relevance,
    1 where exposure follows what is wanted. `wanted` (n_people, 2): how many of a person's held-out items are of the
    class, and how many of the others. nan where one of the four is 0."""
    sides = [(shown.by_person(member), wanted[:, 0]), (shown.by_person(1 - member), wanted[:, 1])]
    sums = np.array([[part.sum() for part in side] for side in sides])
    if not sums.all():
        return nothing(shown.n_people)
    value = float(sums[0, 0] / sums[0, 1] / (sums[1, 0] / sums[1, 1]))
    signs = ((1, -1), (-1, 1))
    moved = sum(signs[side][part] * sides[side][part] / sums[side, part] for side in range(2) for part in range(2))
    return Moving(value, value * shown.n_people * np.asarray(moved))


def gap(quality: Values, inside: NDArray[np.bool_], among: NDArray[np.bool_]) -> Moving:
    """Mean of `quality` (n_people,) over those `inside` a group − mean over the others `among` whom it is compared."""
    rest = among & ~inside
    group, others = (mean(np.where(side, quality, np.nan)) for side in (inside, rest))
    return group.less(others)
