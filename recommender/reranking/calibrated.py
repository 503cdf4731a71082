"""Lists as mixed as the person's tastes: calibrated recommendations (Steck, RecSys 2018)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from recommender.data.dataset import Float, Histories, Int
from recommender.reranking import chances
from recommender.reranking.alone import Alone
from recommender.reranking.base import NONE, Candidates, Known, Values, blocks, filled

SMOOTHING = 0.01
"""Steck's α: q̃ = (1 − α) q + α p keeps the divergence finite."""
LOOKED_AT = 200
"""Candidates of a person at most that are tried at each place."""


class Calibrated(Alone):
    """Greedily, place by place, the item that maximises (1 − λ) Σᵢ s(i) − λ KL(p ‖ q̃) over the list so far and it.

    p(g): shares of classes in the history, q(g) in the list, an item dividing itself among its own; s: the chance of an
    item, in parts of what the best k have together, so that both terms are of a size.
    """

    name: ClassVar[str] = "calibrated"
    title: ClassVar[str] = "Calibrated lists"
    about: ClassVar[str] = (
        "Mixes each list as the person’s history is mixed (Steck, 2018). Strength is the weight of the mixture against "
        "relevance, 0 to 1."
    )
    grid: ClassVar[tuple[float, ...]] = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
    most: ClassVar[float] = 1.0
    aims: ClassVar[tuple[str, ...]] = ("calibration",)
    by_classes: ClassVar[bool] = True
    by_people: ClassVar[bool] = False

    def __init__(self, strength: float, known: Known, *, k: int) -> None:
        super().__init__(strength, known, k=k)
        sizes = known.members.sum(axis=1, keepdims=True)
        self.parts: Float = known.members / np.maximum(sizes, 1)

    def lists(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Int:
        candidates = candidates.first(max(LOOKED_AT, self.k))
        found = filled(candidates.items, self.k).copy()
        tastes = self._tastes(histories)
        able = np.flatnonzero(tastes.sum(axis=1) > 0)
        if self.strength == 0 or not candidates.items.shape[1]:
            return found
        for at in blocks(len(able), candidates.items.shape[1] * max(1, self.parts.shape[1])):
            found[able[at]] = self._greedy(candidates.select(able[at]), tastes[able[at]])
        return found

    def _tastes(self, histories: Histories) -> Values:
        """(n, n_classes) p(g), rows of zeros for whoever met nothing of any class."""
        summed = np.zeros((len(histories), self.parts.shape[1]))
        np.add.at(summed, histories.rows, self.parts[histories.items])
        total = summed.sum(axis=1, keepdims=True)
        found: Values = np.divide(summed, total, out=summed, where=total > 0)
        return found

    def _greedy(self, candidates: Candidates, tastes: Values) -> Int:
        parts = self.parts[candidates.items].astype(np.float64)  # (n, m, classes)
        chance = chances.of(candidates).astype(np.float64)
        relevance = chance / np.maximum(chance[:, : self.k].sum(axis=1, keepdims=True), 1e-300)
        left, rows = candidates.items != NONE, np.arange(len(candidates))
        have = np.zeros_like(tastes)
        chosen = np.full((len(candidates), self.k), NONE)
        for place in range(min(self.k, candidates.items.shape[1])):
            away = divergence(tastes[:, None], have[:, None] + parts)
            value = np.where(left, (1 - self.strength) * relevance - self.strength * away, -np.inf)
            best = value.argmax(axis=1)
            chosen[:, place] = np.where(left[rows, best], candidates.items[rows, best], NONE)
            have += parts[rows, best]
            left[rows, best] = False
        return chosen


def divergence(tastes: Values, have: Values) -> Values:
    """KL(p ‖ q̃) in nats, over the last axis: `tastes` p, sums to 1; `have` weights of classes, which divided by their
    sum are q (zeros: q = 0)."""
    total = have.sum(axis=-1, keepdims=True)
    shown = np.divide(have, total, out=np.zeros_like(have), where=total > 0)
    mixed = (1 - SMOOTHING) * shown + SMOOTHING * tastes
    there = np.broadcast_to(tastes > 0, mixed.shape)
    surprise: Values = np.log(np.where(there, mixed, 1.0))
    expected = np.where(tastes > 0, tastes * np.log(np.where(tastes > 0, tastes, 1.0)), 0.0).sum(axis=-1)
    found: Values = expected - (tastes * surprise).sum(axis=-1)
    return found
