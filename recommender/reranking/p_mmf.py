"""The worst-off provider shown as much as can be: provider max-min fairness (P-MMF, Xu et al., WWW 2023)."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from recommender.data.dataset import Histories, Int
from recommender.reranking import chances, pricing
from recommender.reranking.base import Candidates, Known, State, Values, filled, order_of

BATCH, PASSES, STEP = 256, 20, 0.1
"""People after whom prices move, how often all are gone through, and how far prices move."""
STEPS = 400
"""Moves at most, so that learning takes the same time of however many people."""


class PMMF:
    """max over lists Σ_u Σ_r v(r) s(u, i_r) + λ min_p e_p / γ_p; e_p the share of exposure of provider p, γ_p its share
    of items, s the chance in parts of the usual one.

    As min_p is min over θ of Σ_p θ_p e_p / γ_p, θ ≥ 0, Σ θ = 1, lists are the k highest s + λ θ_p / γ_p, and θ falls
    by mirror descent with batches of people as they come: θ_p ∝ θ_p exp(−η e_p / γ_p). The mean over the moves after
    the first half stays. Unlike the paper's, λ's whole weight is always spent, and there is no momentum.
    """

    name: ClassVar[str] = "p_mmf"
    title: ClassVar[str] = "The least shown class as much as can be"
    about: ClassVar[str] = (
        "Shows the class of items, such as a supplier’s, that is shown least for its size as much as can be (P-MMF, "
        "2023). Strength is the weight of its share against relevance."
    )
    grid: ClassVar[tuple[float, ...]] = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
    most: ClassVar[float] = 10.0
    aims: ClassVar[tuple[str, ...]] = ("exposure",)
    by_classes: ClassVar[bool] = True
    by_people: ClassVar[bool] = False

    def __init__(self, strength: float, known: Known, *, k: int) -> None:
        self.strength, self.known, self.k = strength, known, k
        self._gain = np.zeros(len(known.shares))

    def learn(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Self:
        able = pricing.reachable(candidates, self.known.members)
        if self.strength == 0 or not len(able):
            return self
        worth = chances.of(candidates).astype(np.float64)
        usual = pricing.usual(worth, self.k)
        members = self.known.members[:, able]
        sizes = members[self.known.offered].sum(axis=0).clip(1)
        sizes = (sizes / sizes.sum()).astype(np.float64)
        moves = min(STEPS, PASSES * -(-len(worth) // BATCH))
        shares, total = np.full(len(able), 1 / len(able)), np.zeros(len(able))
        for move in range(moves):
            gain = self.strength * usual * pricing.by_item(shares / sizes, members)
            some = candidates.select(_batch(move, len(worth)))
            lists = pricing.best(chances.of(some) + gain[some.items], some, self.k)
            shares = _moved(shares, pricing.exposures(lists, len(members)) @ members, sizes)
            total += shares if move >= moves // 2 else 0
        self._gain = self.strength * usual * pricing.by_item(total / total.sum() / sizes, members)
        return self

    def lists(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Int:
        if self.strength == 0:
            return filled(candidates.items, self.k)
        return order_of(chances.of(candidates) + self._gain[candidates.items], candidates, self.k)

    def state(self) -> State:
        return {"gain": self._gain}

    def load_state(self, state: State) -> Self:
        self._gain = np.asarray(state["gain"], dtype=np.float64)
        return self


def _batch(move: int, n: int) -> Int:
    return (move * BATCH + np.arange(min(BATCH, n))) % n


def _moved(shares: Values, exposure: Values, sizes: Values) -> Values:
    """θ_p exp(−η e_p / γ_p), to sum to 1; none falls to nought for good."""
    ratio = exposure / max(float(exposure.sum()), 1e-300) / sizes
    found = shares * np.exp(-STEP * np.minimum(ratio, 50))
    found = np.maximum(found / found.sum(), 1e-6)
    return np.asarray(found / found.sum())
