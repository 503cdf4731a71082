"""Steps of a preparation that take interactions out or change their values. Each is a pure function of histories."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Float, Histories, Int
from recommender.data.preparation.histories import last_of_repeats, pairs, rated

Mask = NDArray[np.bool_]
DAY = 86_400.0


def drop_duplicates(histories: Histories) -> Histories:
    """Without rows that are equal to an earlier one in person, item, kind, value, time and context."""
    columns: list[NDArray[Any]] = [pairs(histories), histories.kinds, histories.values, histories.times]
    columns += [np.unique(column.astype(str), return_inverse=True)[1] for column in histories.contexts.values()]
    order = np.lexsort(columns[::-1])  # stable: of equal rows the earliest comes first
    same = np.ones(len(order), dtype=np.bool_)
    same[:1] = False
    for column in columns:
        same[1:] &= column[order][1:] == column[order][:-1]
    return histories.keep(~scattered(same, order))


def scattered(values: Mask, order: Int) -> Mask:
    found = np.zeros(len(order), dtype=np.bool_)
    found[order] = values
    return found


def contradicting(histories: Histories) -> Mask:
    """(nnz,) ratings of a person for an item whom the same person also gave another rating."""
    keys, is_rating = pairs(histories), rated(histories)
    _, codes = np.unique(keys, return_inverse=True)
    low = np.full(codes.max(initial=-1) + 1, np.inf)
    high = -low
    np.minimum.at(low, codes[is_rating], histories.values[is_rating])
    np.maximum.at(high, codes[is_rating], histories.values[is_rating])
    return is_rating & (low < high)[codes]


def settle_contradictions(histories: Histories, how: str) -> Histories:
    """`how`: last (only the last rating stays), mean (the first one stays, with the mean), drop."""
    wrong = contradicting(histories)
    if how == "drop":
        return histories.keep(~wrong)
    only = histories.keep(wrong)
    keys, first, codes = np.unique(pairs(only), return_index=True, return_inverse=True)
    at = np.flatnonzero(wrong)
    stays = ~wrong
    if how == "last":
        stays[at[last_of_repeats(only)]] = True
        return histories.keep(stays)
    means = np.bincount(codes, weights=only.values, minlength=len(keys)) / np.maximum(np.bincount(codes), 1)
    values = histories.values.copy()
    values[at[first]] = means.astype(np.float32)
    stays[at[first]] = True
    return replace(histories, values=values).keep(stays)


def only_last(histories: Histories) -> Histories:
    """Of several interactions of a person with an item only the last."""
    return histories.keep(last_of_repeats(histories))


def within_scale(histories: Histories, low: float | None, high: float | None, how: str) -> Histories:
    """Ratings outside `low` to `high` dropped, or moved to the end of the scale (`how` clip)."""
    bounds = (-np.inf if low is None else low, np.inf if high is None else high)
    outside = rated(histories) & ((histories.values < bounds[0]) | (histories.values > bounds[1]))
    if how == "drop":
        return histories.keep(~outside)
    values = cast(Float, np.where(outside, np.clip(histories.values, *bounds), histories.values).astype(np.float32))
    return replace(histories, values=values)


def busiest_days(histories: Histories) -> Int:
    """(n_people,) the most interactions of each person in one day (UTC)."""
    days = np.floor(histories.times / DAY).astype(np.int64)
    days -= days.min(initial=0)
    keys, counts = np.unique(histories.rows * (days.max(initial=0) + 1) + days, return_counts=True)
    found = np.zeros(len(histories), dtype=np.int64)
    np.maximum.at(found, keys // (days.max(initial=0) + 1), counts)
    return found


def busy_limit(counts: Int, rule: str, factor: float) -> float:
    """The number of interactions in a day above which someone is implausible; `counts` of active people.

    iqr: Q3 + factor (Q3 − Q1); z: mean + factor · standard deviation.
    """
    if rule == "z":
        return float(counts.mean() + factor * counts.std())
    low, high = np.quantile(counts, [0.25, 0.75])
    return float(high + factor * (high - low))


def without_busy(histories: Histories, rule: str, factor: float) -> tuple[Histories, float, int]:
    """Without what implausibly busy people did; with the limit and how many they are."""
    counts = busiest_days(histories)
    active = counts[counts > 0]
    if not len(active):
        return histories, 0.0, 0
    limit = busy_limit(active, rule, factor)
    busy = counts > limit
    return histories.keep(~busy[histories.rows]), limit, int(busy.sum())


def minimal(histories: Histories, n_items: int, person: int, item: int, *, core: bool) -> Histories:
    """Only interactions of people with at least `person` of them and with items with at least `item`.

    Once, people first; or, with `core`, again until nothing changes.
    """
    while True:
        before = len(histories.items)
        histories = histories.keep((histories.lengths >= person)[histories.rows])
        counts = np.bincount(histories.items, minlength=n_items)
        histories = histories.keep((counts >= item)[histories.items])
        if not core or len(histories.items) == before:
            return histories
