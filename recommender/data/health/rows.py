"""Interactions as they were put in, and which of them say the same or the opposite."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Int

Real = NDArray[np.float64]
Mask = NDArray[np.bool_]
RATING = "rating"


@dataclass(frozen=True)
class Rows:
    """(n,) interactions in any order: `users` and `items` positions; `values` NaN where none was given; `times`
    seconds since 1970, NaN where the source had no clock; `kinds` index into `kind_names`."""

    users: Int
    items: Int
    values: Real
    times: Real
    kinds: NDArray[np.int16]
    kind_names: tuple[str, ...]
    n_users: int
    n_items: int

    def __len__(self) -> int:
        return len(self.users)

    @cached_property
    def rated(self) -> Mask:
        """(n,) which are ratings with a value."""
        if RATING not in self.kind_names:
            return np.zeros(len(self), dtype=np.bool_)
        ratings: Mask = self.kinds == self.kind_names.index(RATING)
        return ratings & ~np.isnan(self.values)

    @cached_property
    def pairs(self) -> Int:
        """(n,) one number per (person, item)."""
        return self.users * np.int64(max(1, self.n_items)) + self.items

    @cached_property
    def per_user(self) -> Int:
        """(n_users,) interactions of each person."""
        return np.bincount(self.users, minlength=self.n_users).astype(np.int64)

    @cached_property
    def per_item(self) -> Int:
        """(n_items,) interactions with each item."""
        return np.bincount(self.items, minlength=self.n_items).astype(np.int64)


def distinct(*columns: NDArray[Any]) -> int:
    """How many different rows the columns form."""
    if not len(columns[0]):
        return 0
    order = np.lexsort(columns)
    changed = np.zeros(len(order) - 1, dtype=np.bool_)
    for column in columns:
        put = column[order]
        changed |= put[1:] != put[:-1]
    return int(changed.sum()) + 1


def repeats(rows: Rows) -> dict[str, int]:
    """Rows that add nothing, pairs met more than once, ratings that disagree.

    `duplicates`: rows equal to an earlier one in person, item, kind, value and time (two unknown times are equal).
    `repeated_pairs`: (person, item) with more than one row; `repeated_rows`: their rows beyond the first.
    `contradictions`: ratings of a pair at one time (or at unknown times) whose value differs from all earlier ones,
    that is, the different (pair, time, value) less the different (pair, time); `contradicting_pairs`: pairs with any.
    `changed`: the same for a pair's ratings at different known times: a mind changed, no contradiction.
    """
    values, times = np.nan_to_num(rows.values, nan=np.inf), np.nan_to_num(rows.times, nan=np.inf)
    pair, time, value = rows.pairs[rows.rated], times[rows.rated], values[rows.rated]
    met = np.unique(rows.pairs, return_counts=True)[1]
    against = distinct(pair, time, value) - distinct(pair, time)
    return {
        "duplicates": len(rows) - distinct(rows.pairs, rows.kinds, values, times),
        "repeated_pairs": int((met > 1).sum()),
        "repeated_rows": int((met[met > 1] - 1).sum()),
        "contradictions": against,
        "contradicting_pairs": _contradicting_pairs(pair, time, value),
        "changed": distinct(pair, value) - distinct(pair) - against,
    }


def _contradicting_pairs(pair: Int, time: Real, value: Real) -> int:
    """Pairs with two different values at one time."""
    order = np.lexsort((value, time, pair))
    pair, time, value = pair[order], time[order], value[order]
    differ = (pair[1:] == pair[:-1]) & (time[1:] == time[:-1]) & (value[1:] != value[:-1])
    return len(np.unique(pair[1:][differ]))
