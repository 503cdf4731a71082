"""Exposure spread over the catalogue by a price for each item, so that its Gini coefficient falls for the least loss.

Generalized Gini indices in ranking (Do, Usunier, SIGIR 2022), here by the dual: prices are learned, and each list is
then made alone.
"""

from __future__ import annotations

from typing import ClassVar, Self, cast

import numpy as np
from scipy.optimize import isotonic_regression

from recommender.data.dataset import Histories, Int
from recommender.reranking import chances, pricing
from recommender.reranking.base import Candidates, Known, State, Values, filled, order_of

ROUNDS = 80
STEP = 0.1
"""Of the first round, for an item of mean exposure, in units of the highest price; then by 1/√round."""
DISCOUNT = 1.0
"""At strength s an item’s chance is divided by (share of people who met it)^(DISCOUNT · s): recommenders overrate what
is popular. Chosen on the validation of MovieLens-1M for ease and ials."""


class Gini:
    """max over lists Σ_u Σ_r v(r) P(u, i_r) − λ · G(E), E_i the exposure of item i, v(r) = 1 / log₂(1 + r).

    n Σᵢ Eᵢ G(E) = max over permutations of (1 − 2 (j − 1)/(n − 1))ⱼ of −Σᵢ wᵢ Eᵢ (up to a factor), so that lists are
    the k highest P(u, i) + λ w_i, and w follows by subgradient steps, projected on the permutahedron: w ← Π(w − ηE).
    The w learned stay: whoever is served alone gets the same list.
    """

    name: ClassVar[str] = "gini"
    title: ClassVar[str] = "Exposure by prices"
    about: ClassVar[str] = (
        "Gives each item a price by how much it is shown to everyone, so that the Gini coefficient of exposure falls "
        "for the least loss (after Do and Usunier, 2022), and takes off what popularity adds to an item. Strength 1: "
        "an item shown least gains as much as the mean item of a list is worth."
    )
    grid: ClassVar[tuple[float, ...]] = (0.0, 0.1, 0.2, 0.25, 0.3, 0.34, 0.37, 0.4, 0.5, 0.7, 1.0)
    most: ClassVar[float] = 10.0
    aims: ClassVar[tuple[str, ...]] = ("exposure", "popularity")
    by_classes: ClassVar[bool] = False
    by_people: ClassVar[bool] = False

    def __init__(self, strength: float, known: Known, *, k: int) -> None:
        self.strength, self.known, self.k = strength, known, k
        self._gain = np.zeros(len(known.shares))
        positive = known.shares[known.shares > 0]
        floor = float(positive.min()) if len(positive) else 1.0
        self._factor = np.maximum(known.shares, floor) ** (-DISCOUNT * strength)

    def learn(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Self:
        worth, shown = self._worth(candidates), np.flatnonzero(self.known.offered)
        if self.strength == 0 or len(shown) < 2 or not candidates.items.size:
            return self
        usual = pricing.usual(np.sort(worth, axis=1)[:, ::-1], self.k)
        ladder = 1 - 2 * np.arange(len(shown)) / (len(shown) - 1)
        price = np.zeros(len(self._gain))
        for step in range(ROUNDS):
            self._gain = self.strength * usual * price
            lists = pricing.best(worth + self._gain[candidates.items], candidates, self.k)
            exposure = pricing.exposures(lists, len(price))[shown]
            moved = price[shown] - STEP / np.sqrt(1 + step) * exposure / max(exposure.mean(), 1e-300)
            price[shown] = projected(moved, ladder)
        self._gain = self.strength * usual * price
        return self

    def lists(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Int:
        if self.strength == 0:
            return filled(candidates.items, self.k)
        value = self._worth(candidates) + self._gain[candidates.items]
        return order_of(value, candidates, self.k)

    def state(self) -> State:
        return {"gain": self._gain}

    def load_state(self, state: State) -> Self:
        self._gain = np.asarray(state["gain"], dtype=np.float64)
        return self

    def _worth(self, candidates: Candidates) -> Values:
        """(n, m) chances less what popularity adds to them; they sum to as much as before."""
        chance = chances.of(candidates).astype(np.float64)
        found = chance * self._factor[candidates.items]
        total = found.sum(axis=1, keepdims=True)
        return cast(Values, found * np.divide(chance.sum(axis=1, keepdims=True), total, where=total > 0, out=total))


def projected(point: Values, ladder: Values) -> Values:
    """The nearest point to `point` (n,) of all means of permutations of `ladder` (n,), which falls: with both sorted,
    sorted point − isotonic regression of (sorted point − ladder) (Blondel et al., ICML 2020, proposition 4)."""
    order = np.argsort(-point, kind="stable")
    own = point[order]
    found = np.empty_like(own)
    found[order] = own - isotonic_regression(own - ladder, increasing=False).x
    return found
