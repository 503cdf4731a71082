"""What every remedy that re-ranks has in common: candidates in, lists out, one number says how hard it tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Float, Histories, Int

NONE = -1
"""In candidates and lists: no item."""
CELLS = 4_000_000
"""Cells of a block of people × candidates × classes; bounds memory."""
State = Mapping[str, NDArray[Any]]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """The best items of n people: `items` (n, m) positions, best first, −1 where there are no more; `scores` (n, m)
    float32, higher is better. Items that must not be shown (seen, hidden) are not among them. `chances` (n, m): how
    likely each is what the person takes up next, falling along a row; None where nobody estimated it (`chances.of`
    then goes by place alone)."""

    items: Int
    scores: Float
    chances: Float | None = None

    def __len__(self) -> int:
        return len(self.items)

    def select(self, rows: Int) -> Candidates:
        return Candidates(self.items[rows], self.scores[rows], None if self.chances is None else self.chances[rows])

    def first(self, m: int) -> Candidates:
        """Only the best m of each."""
        chances = None if self.chances is None else self.chances[:, :m]
        return Candidates(self.items[:, :m], self.scores[:, :m], chances)


@dataclass(frozen=True)
class Known:
    """What a remedy may look at: `members` (n_items, n_classes) float32, 1 where an item is of a class (a category, a
    creator, a supplier, the tail); `class_names`; `shares` (n_items,) share of people who met each item; `offered`
    (n_items,) whether it may be shown at all."""

    members: Float
    class_names: tuple[str, ...]
    shares: Values
    offered: NDArray[np.bool_]


class Remedy(Protocol):
    """A way of re-ranking at one strength. 0 leaves every list as it is."""

    name: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    """What it does to lists and what `strength` means there, in a sentence or two for an analyst, with the source."""
    grid: ClassVar[tuple[float, ...]]
    """Strengths that a sweep tries, ascending, 0 first."""
    most: ClassVar[float]
    """The highest strength that has a meaning: 1 where it is a share or the weight of a mixture."""
    aims: ClassVar[tuple[str, ...]]
    """What it is meant to lower, of "exposure", "popularity", "calibration", "people"."""
    by_classes: ClassVar[bool]
    """Whether it looks at the classes of items that it is given."""
    by_people: ClassVar[bool]
    """Whether it looks at groups of people."""

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


def order_of(values: NDArray[np.floating], candidates: Candidates, k: int) -> Int:
    """(n, k) items of the highest `values` (n, m), best first; equal ones as they stood, −1 where there are no more."""
    values = np.where(candidates.items == NONE, -np.inf, values)
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    return filled(np.take_along_axis(candidates.items, order, axis=1), k)


def filled(lists: Int, k: int) -> Int:
    """(n, k) `lists` with −1 behind where they are shorter."""
    if lists.shape[1] >= k:
        return lists[:, :k]
    return np.pad(lists, ((0, 0), (0, k - lists.shape[1])), constant_values=NONE)


def places(k: int) -> Values:
    """(k,) how much each place of a list is seen: 1 / log₂(1 + rank)."""
    found: Values = 1 / np.log2(np.arange(k) + 2)
    return found


def blocks(n: int, cells: int) -> list[slice]:
    """Slices of n people so that each has no more than CELLS cells, `cells` of one person."""
    size = max(1, CELLS // max(1, cells))
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
