"""What every remedy that re-ranks has in common: candidates in, lists out, one number says how hard it tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Float, Histories, Int

NONE = -1
"""In candidates and lists: no item."""
State = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Candidates:
    """The best items of n people: `items` (n, m) positions, best first, −1 where there are no more; `scores` (n, m)
    float32, higher is better. Items that must not be shown (seen, hidden) are not among them."""

    items: Int
    scores: Float

    def __len__(self) -> int:
        return len(self.items)

    def select(self, rows: Int) -> Candidates:
        return Candidates(self.items[rows], self.scores[rows])


@dataclass(frozen=True)
class Known:
    """What a remedy may look at: `members` (n_items, n_classes) float32, 1 where an item is of a class (a category, a
    creator, a supplier, the tail); `class_names`; `shares` (n_items,) share of people who met each item; `offered`
    (n_items,) whether it may be shown at all."""

    members: Float
    class_names: tuple[str, ...]
    shares: NDArray[np.float64]
    offered: NDArray[np.bool_]


class Remedy(Protocol):
    """A way of re-ranking at one strength. 0 leaves every list as it is."""

    name: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    """What it does to lists and what `strength` means there, in a sentence or two for an analyst, with the source."""
    grid: ClassVar[tuple[float, ...]]
    """Strengths that a sweep tries, ascending, 0 first."""
    aims: ClassVar[tuple[str, ...]]
    """What it is meant to lower, of "exposure", "popularity", "calibration", "people"."""

    def __init__(self, strength: float, known: Known, *, k: int) -> None: ...

    def learn(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Self:
        """Learn what it must know of everyone (prices of items, …) from everyone's candidates; does nothing where each
        list stands alone. `groups` (n,) codes of people, −1 not known, for those that look at people. Deterministic."""
        ...

    def lists(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Int:
        """(n, k) positions, best first, −1 where candidates ran out. Each row depends on its own candidates, history
        and group and on what was learned, on no other row: so one person can be served alone."""
        ...

    def state(self) -> State:
        """What was learned, as arrays."""
        ...

    def load_state(self, state: State) -> Self: ...
