"""At least a share of a protected class in every beginning of a list: FA*IR (Zehlike et al., CIKM 2017)."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar, Self

import numpy as np
from scipy.stats import binom

from recommender.data.dataset import Histories, Int
from recommender.reranking import pricing
from recommender.reranking.base import NONE, Candidates, Known, State, filled

ALPHA = 0.1
"""Chance that a list drawn fairly, each place protected with probability p, would fail the test somewhere."""
MOST = 0.98
"""The share asked for at most."""


class FAIR:
    """At least m(i) protected items among the first i places, m from the binomial distribution with p = strength, its
    significance adjusted for testing every i. Where places lack them the best protected candidate moves up.

    Protected is the class that is shown least by its size among all that somebody's candidates hold.
    """

    name: ClassVar[str] = "fa_ir"
    title: ClassVar[str] = "A share for what is shown least"
    about: ClassVar[str] = (
        "Keeps a share of places for the class of items that is shown least for its size, in every beginning of a list "
        "(FA*IR, 2017). Strength is that share."
    )
    grid: ClassVar[tuple[float, ...]] = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    most: ClassVar[float] = 1.0
    aims: ClassVar[tuple[str, ...]] = ("exposure", "popularity")
    by_classes: ClassVar[bool] = True
    by_people: ClassVar[bool] = False

    def __init__(self, strength: float, known: Known, *, k: int) -> None:
        self.strength, self.known, self.k = strength, known, k
        self._protected = NONE

    def learn(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Self:
        members = self.known.members
        able = pricing.reachable(candidates, members)
        if len(able):
            shown = pricing.exposures(candidates.items[:, : self.k], len(members)) @ members[:, able]
            self._protected = int(able[np.argmin(shown / members[self.known.offered][:, able].sum(axis=0).clip(1))])
        return self

    def lists(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Int:
        found = filled(candidates.items, self.k).copy()
        if self._protected == NONE or self.strength == 0 or not candidates.items.shape[1]:
            return found
        least = adjusted_table(self.k, min(self.strength, MOST), ALPHA)
        left = candidates.items != NONE
        protected = (self.known.members[candidates.items, self._protected] > 0) & left
        rows, have = np.arange(len(found)), np.zeros(len(found), dtype=np.int64)
        for place in range(min(self.k, candidates.items.shape[1])):
            able = left & protected
            must = (have < least[place]) & able.any(axis=1)
            at = np.where(must, able.argmax(axis=1), left.argmax(axis=1))
            found[:, place] = np.where(left[rows, at], candidates.items[rows, at], NONE)
            have += able[rows, at]
            left[rows, at] = False
        return found

    def state(self) -> State:
        return {"protected": np.array([self._protected])}

    def load_state(self, state: State) -> Self:
        self._protected = int(state["protected"][0])
        return self


def table(k: int, p: float, alpha: float) -> tuple[int, ...]:
    """m(i) for i = 1 … k: the least number of protected among i whose binomial F(m; i, p) exceeds `alpha`."""
    return tuple(int(least) for least in binom.ppf(alpha, np.arange(1, k + 1), p))


def failing(least: tuple[int, ...], p: float) -> float:
    """The chance that a list each place of which is protected with probability p has fewer than `least` somewhere."""
    alive = np.array([1.0])  # by the number of protected so far
    for wanted in least:
        alive = np.append(alive, 0) * (1 - p) + np.append(0, alive) * p
        alive[:wanted] = 0
    return float(1 - alive.sum())


@lru_cache(maxsize=256)
def adjusted_table(k: int, p: float, alpha: float) -> tuple[int, ...]:
    """`table` with the significance at which `failing` comes closest to `alpha`; found by halving."""
    low, high = 0.0, alpha
    if failing(table(k, p, alpha), p) <= alpha:
        return table(k, p, alpha)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if failing(table(k, p, middle), p) > alpha else (middle, high)
    both = (table(k, p, low), table(k, p, high)) if low > 0 else ((0,) * k, table(k, p, high))
    return min(both, key=lambda each: abs(failing(each, p) - alpha))
