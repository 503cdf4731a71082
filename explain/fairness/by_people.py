"""What lists are like for groups of people: how popular, how close to tastes, made of which classes, and how much of
what was taken they hold. Groups that are hidden have no rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from explain.fairness.base import Classes, Grouping, number
from explain.fairness.cells import share_interval, two_ways
from explain.fairness.provider import divided
from explain.fairness.seen import Seen, of_owners, ones
from recommender.data.dataset import Int
from recommender.evaluation import beyond_accuracy as measure

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
POPULARITY = "popularity"
DIGITS = 4
"""Of shares in small tables: with more, the number of people they are of could be worked out."""


def sums_of(values: Values, codes: Int, n_groups: int) -> Values:
    """(n_groups,) of `values` (n_people,)"""
    there = codes >= 0
    return np.bincount(codes[there], weights=values[there], minlength=n_groups).astype(np.float64)


class Lifts:
    """How popular lists are beside what their people knew: GAP = mean share of people who had met the items, of lists
    and of profiles; lift = (GAP of lists − GAP of profiles) / GAP of profiles. Of people with both."""

    def __init__(self, seen: Seen) -> None:
        material = seen.material
        listed = measure.mean_of_first(measure.popularity(seen.attention.lists, material.shares), seen.asked.k)
        self.level = seen.asked.level
        self.least = seen.asked.least
        self.listed = of_owners(listed, material.owners, material.n_people)
        met = material.histories
        summed = np.bincount(met.rows, weights=material.shares[met.items], minlength=material.n_people)
        self.profiles = np.divide(summed, met.lengths, out=np.full(len(met), np.nan), where=met.lengths > 0)

    @property
    def known(self) -> Mask:
        """(n_people,) of whom there are both."""
        return np.asarray(~np.isnan(self.listed) & ~np.isnan(self.profiles))

    def of(self, codes: Int, n_groups: int) -> list[dict[str, float | None]]:
        """A row per group; the interval by the delta method, who is in it drawn again."""
        codes = np.where(self.known, codes, -1)
        one, other = np.nan_to_num(self.listed), np.nan_to_num(self.profiles)
        people = sums_of(np.ones(len(codes)), codes, n_groups)
        pairs = ((one, None), (other, None), (one, one), (one, other), (other, other))
        with np.errstate(all="ignore"):
            means = [sums_of(a if b is None else a * b, codes, n_groups) / people for a, b in pairs]
            ours, theirs = means[0], means[1]
            lift = ours / theirs - 1
            spread = means[2] - 2 * (1 + lift) * means[3] + (1 + lift) ** 2 * means[4]
            far = t_reach(people, self.level) * np.sqrt(np.maximum(spread, 0) / np.maximum(people - 1, 1)) / theirs
        told = people >= self.least
        return [
            {"profile": number(theirs[at]), "lists": number(ours[at]), "lift": number(lift[at]),
             "low": number(lift[at] - far[at]), "high": number(lift[at] + far[at])}
            if told[at] else dict.fromkeys(("profile", "lists", "lift", "low", "high"))
            for at in range(n_groups)
        ]  # fmt: skip


def t_reach(people: Values, level: float) -> Values:
    return np.asarray(stats.t.ppf((1 + level) / 2, np.maximum(people - 1, 1)), dtype=np.float64)


class Distances:
    """How far the classes in each person's lists are from those of what they met (Steck 2018), by the first way of
    classing items that is not by popularity."""

    def __init__(self, seen: Seen) -> None:
        material = seen.material
        self.level, self.least = seen.asked.level, seen.asked.least
        self.by = next((each for each in material.classes if each.name != POPULARITY and each.members.any()), None)
        self.values = np.full(material.n_people, np.nan)
        if self.by is not None:
            self.values = of_owners(_distances(seen, self.by), material.owners, material.n_people)

    @property
    def known(self) -> Mask:
        """(n_people,) whose distance there is."""
        return np.asarray(~np.isnan(self.values))

    @property
    def title(self) -> str:
        return self.by.title if self.by is not None else ""

    def of(self, codes: Int, n_groups: int) -> list[dict[str, float | None]]:
        """A row per group: mean and interval, on the scale of logarithms."""
        codes = np.where(self.known, codes, -1)
        values = np.nan_to_num(self.values)
        people, total, squares = (sums_of(each, codes, n_groups) for each in (values**0, values, values**2))
        with np.errstate(all="ignore"):
            mean = total / people
            spread = np.maximum(squares / people - mean**2, 0) / np.maximum(people - 1, 1)
            factor = np.exp(t_reach(people, self.level) * np.sqrt(spread) / mean)
            low, high = mean / factor, mean * factor
        return [
            {"mean": number(mean[at]), "low": number(low[at]), "high": number(high[at])}
            if people[at] >= self.least else dict.fromkeys(("mean", "low", "high"))
            for at in range(n_groups)
        ]  # fmt: skip


def _distances(seen: Seen, by: Classes) -> Values:
    """(n_lists,) a block of lists at a time."""
    material, found = seen.material, np.empty(len(seen.attention.lists))
    met = material.histories
    for start in range(0, len(found), 100_000):
        some = slice(start, start + 100_000)
        owners, place = np.unique(material.owners[some], return_inverse=True)
        own = met.select(owners)
        tastes = measure.tastes(own.rows, own.items, len(own), by.members)
        found[some] = measure.miscalibration(seen.attention.lists[some], tastes[place], by.members, seen.asked.k)
    return found


Rows = list[list[dict[str, Any]]]
"""Per grouping."""


def parity(seen: Seen, by: Classes, groupings: list[Grouping], shown: list[Mask]) -> Rows:
    """Share of the places in a person's lists that a class takes (an item of several counts in each by an equal part),
    the mean over the people of a group: demographic parity asks that it be the same for all."""
    weights, found = divided(by.members), [np.zeros((3, len(each.names), len(by.names))) for each in groupings]
    for at in seen.blocks():
        places = seen.places[at]
        total = np.asarray(places.sum(axis=1))
        shares = np.divide(places @ weights, total, out=np.zeros((len(total), len(by.names))), where=total > 0)
        here = (total > 0) * np.ones_like(shares)
        for grouping, sums in zip(groupings, found, strict=True):
            of_groups = ones(grouping.codes[at], len(grouping.names))
            sums += np.stack([of_groups @ here, of_groups @ shares, of_groups @ shares**2])
    return [_mean_rows(seen, by, grouping, mask, sums)
            for grouping, mask, sums in zip(groupings, shown, found, strict=True)]  # fmt: skip


def _mean_rows(seen: Seen, by: Classes, grouping: Grouping, shown: Mask, sums: Values) -> list[dict[str, Any]]:
    people, total, squares = sums
    with np.errstate(all="ignore"):
        mean = total / people
        error = np.sqrt(np.maximum(squares / people - mean**2, 0) / np.maximum(people - 1, 1))
    absent = np.full(len(by.names), float((np.diff(seen.places.indptr) > 0).sum())) - people.sum(axis=0)
    return _rows(seen, by, grouping, two_ways(people, shown, absent, seen.asked.least), (people, mean, error), shown)


def opportunity(seen: Seen, by: Classes, groupings: list[Grouping], shown: list[Mask]) -> Rows:
    """Of what people of a group took of a class, the share that was in their lists (recall): equal opportunity asks
    that it be the same for all. Nothing of what was served, where nothing was held out."""
    if seen.material.targets is None:
        return [[] for _ in groupings]
    weights, found = divided(by.members), [np.zeros((6, len(each.names), len(by.names))) for each in groupings]
    everyone = np.zeros(len(by.names))
    for at in seen.blocks():
        taken = seen.taken[at]
        hits, asked = taken.multiply(seen.places[at] > 0) @ weights, taken @ weights
        everyone += (asked > 0).sum(axis=0)
        products = (asked > 0, asked, hits, asked**2, asked * hits, hits**2)
        for grouping, sums in zip(groupings, found, strict=True):
            of_groups = ones(grouping.codes[at], len(grouping.names))
            sums += np.stack([of_groups @ np.asarray(each, dtype=np.float64) for each in products])
    return [_recall_rows(seen, by, grouping, mask, sums, everyone)
            for grouping, mask, sums in zip(groupings, shown, found, strict=True)]  # fmt: skip


def _recall_rows(
    seen: Seen, by: Classes, grouping: Grouping, shown: Mask, sums: Values, everyone: Values
) -> list[dict[str, Any]]:
    people, asked, hits, squares, both, found = sums
    with np.errstate(all="ignore"):
        recall = hits / asked
        spread = np.maximum(found - 2 * recall * both + recall**2 * squares, 0)
        error = np.sqrt(spread * people / np.maximum(people - 1, 1)) / asked
    mask = two_ways(people, shown, everyone - people.sum(axis=0), seen.asked.least)
    return _rows(seen, by, grouping, mask, (people, recall, error), shown)


def _rows(
    seen: Seen, by: Classes, grouping: Grouping, mask: Mask, figures: tuple[Values, Values, Values], shown: Mask
) -> list[dict[str, Any]]:
    """A row per group that is shown and class; without figures where `mask` (n_groups, n_classes) says so."""
    people, value, error = figures
    low, high = share_interval(value, error, people, seen.asked.level)
    return [
        {"classes": by.name, "value": grouping.names[group], "class": by.names[at]}
        | ({name: number(part[group, at], DIGITS) for name, part in (("share", value), ("low", low), ("high", high))}
           if mask[group, at] else dict.fromkeys(("share", "low", "high")))
        for group in np.flatnonzero(shown) for at in range(len(by.names))
    ]  # fmt: skip
