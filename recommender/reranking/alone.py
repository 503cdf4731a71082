"""Remedies that learn nothing of everyone: each list stands alone."""

from __future__ import annotations

from typing import Self

from recommender.data.dataset import Histories, Int
from recommender.reranking.base import Candidates, Known, State


class Alone:
    """What such a remedy has in common with the others; `Remedy` but for its lists."""

    def __init__(self, strength: float, known: Known, *, k: int) -> None:
        self.strength, self.known, self.k = strength, known, k

    def learn(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Self:
        return self

    def state(self) -> State:
        return {}

    def load_state(self, state: State) -> Self:
        return self
