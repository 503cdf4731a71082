"""The tail in the lists of those who like it: xQuAD for the long tail (Abdollahpouri, Burke, Mobasher, FLAIRS 2019)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from recommender.data.dataset import Histories, Int
from recommender.reranking import chances, classes
from recommender.reranking.alone import Alone
from recommender.reranking.base import NONE, Candidates, Known, Values, filled


class XQuAD(Alone):
    """Greedily, place by place, the item v that maximises (1 − λ) P(v|u) + λ Σ_c P(c|u) P(v|c) (1 − |S ∩ c| / |S|).

    c: the head (the most popular fifth) and the tail; P(c|u) their shares in u's history; S the list so far; P(v|c) 1
    within the class (smooth xQuAD); P(v|u) the chance, in parts of the best one's.
    """

    name: ClassVar[str] = "xquad"
    title: ClassVar[str] = "More of the long tail"
    about: ClassVar[str] = (
        "Mixes popular items and the long tail as each person’s history does (xQuAD, 2019). Strength is the weight of "
        "the mixture against relevance, 0 to 1."
    )
    grid: ClassVar[tuple[float, ...]] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
    most: ClassVar[float] = 1.0
    aims: ClassVar[tuple[str, ...]] = ("popularity", "exposure")
    by_classes: ClassVar[bool] = False
    by_people: ClassVar[bool] = False

    def __init__(self, strength: float, known: Known, *, k: int) -> None:
        super().__init__(strength, known, k=k)
        self._tail = classes.tail(known.shares).astype(np.int64)

    def lists(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Int:
        found = filled(candidates.items, self.k).copy()
        if self.strength == 0 or not candidates.items.shape[1]:
            return found
        chance = chances.of(candidates).astype(np.float64)
        relevance = (1 - self.strength) * chance / np.maximum(chance.max(axis=1, keepdims=True), 1e-300)
        left, of = candidates.items != NONE, self._tail[candidates.items]
        tastes, have, rows = self._tastes(histories), np.zeros((len(found), 2)), np.arange(len(found))
        for place in range(min(self.k, candidates.items.shape[1])):
            lacking = tastes * (1 - have / max(1, place))
            value = relevance + self.strength * np.take_along_axis(lacking, of, axis=1)
            best = np.where(left, value, -np.inf).argmax(axis=1)
            found[:, place] = np.where(left[rows, best], candidates.items[rows, best], NONE)
            have[rows, of[rows, best]] += 1
            left[rows, best] = False
        return found

    def _tastes(self, histories: Histories) -> Values:
        """(n, 2) shares of head and tail in each history; zeros of whoever has none."""
        counts = np.zeros((len(histories), 2))
        np.add.at(counts, (histories.rows, self._tail[histories.items]), 1)
        return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
