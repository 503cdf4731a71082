"""The smallest set of moves that does something to one item's rank, found by really ranking again.

A move is one thing that can be done to what is known of a person: take an item of the history away, set a field, add an
item. The recommender ranks again after every set that is tried; what guides which sets are tried is a guess of the
scores from those of smaller sets, and nothing that is only guessed is ever an answer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import NDArray

from recommender.algorithms.base import ranks_of
from recommender.data.dataset import Float, Int

Moves = tuple[int, ...]
"""A set of moves: their numbers, ascending."""
Ask = Callable[[Sequence[Moves]], Float]
"""(n, n_items) scores after each set of moves, −inf where an item is not shown."""
RIVALS = 150
"""Items whose scores guide the search: the best ones as things are."""
LISTED = 25_000
"""Sets of one size that are guessed at once; of more moves than make so many, the most promising ones are combined."""
FIRST, LARGEST = 16, 128
"""Sets of a size that are tried at first, and at most at once."""
GUIDED = 256
"""Sets of a size that are tried where not all of them can be."""
KEPT = 12
"""Best sets of a size that larger ones than three are grown from."""
LOWEST = -1e30
"""Stands in guesses for the score of what is not shown."""
CELLS = 16_000_000
"""Scores held at once."""


@dataclass(frozen=True)
class Goal:
    """`item` out of the first `k` (`out`), or into them."""

    item: int
    k: int
    out: bool

    def reached(self, ranks: NDArray[np.float64]) -> NDArray[np.bool_]:
        return ranks > self.k if self.out else ranks <= self.k

    def distances(self, scores: Float) -> NDArray[np.float64]:
        """(n,) how far the item's score, the first column of `scores` (n, 1 + rivals), is from the k-th best of its
        rivals, in the direction of the goal: below 0 it is reached (at 0, who comes first in the catalog decides)."""
        rest = scores[:, 1:]
        if rest.shape[1] < self.k:
            return np.full(len(scores), np.inf if self.out else -np.inf)
        bar = -np.partition(-rest, self.k - 1, axis=1)[:, self.k - 1]
        above = scores[:, 0].astype(np.float64) - bar
        return above if self.out else -above


@dataclass
class Search:
    """`n` moves; `most` in a set; `budget`: sets that are tried, beyond the single moves, which always are; `apart`
    (n,) moves of the same number exclude each other; `hints`: sets that are tried first; `seconds`: after so long it
    ends with what it has (`stopped`)."""

    ask: Ask
    goal: Goal
    n: int
    most: int
    budget: int
    apart: Int | None = None
    hints: Sequence[Moves] = ()
    seconds: float | None = None
    ranks: dict[Moves, float] = field(default_factory=dict)
    tried: dict[Moves, Float] = field(default_factory=dict)
    """(1 + rivals,) scores of the item and its rivals after each set that was tried."""
    exhausted: int = 0
    """The size up to which every set was tried."""
    stopped: bool = False
    """Whether it ended because its time was over."""
    _asking: float = 0.0
    """Seconds that the recommender took to rank again, in all."""

    def begin(self) -> Float:
        """(n_items,) the scores as things are."""
        self._began = time.perf_counter()
        whole = self._ask([()])
        self._width = whole.shape[1]
        order = np.argsort(-whole[0], kind="stable")
        order = order[(order != self.goal.item) & ~np.isneginf(whole[0][order])]
        self._columns = np.concatenate([[self.goal.item], order[: max(RIVALS, 3 * self.goal.k)]]).astype(np.int64)
        self._keep([()], whole)
        return cast(Float, whole[0])

    def run(self) -> Moves | None:
        """The smallest set that was found to reach the goal, after `begin`; None where none was."""
        for size in range(1, min(self.most, self.n) + 1):
            if not self._fitting(1):
                return None
            sets, complete = self._sets(size)
            found = self._tried_of(sets, size, complete)
            if found is not None:
                return self._pruned(found)
        return None

    def evaluations(self) -> int:
        return len(self.ranks) - 1

    def _keep(self, sets: Sequence[Moves], scores: Float) -> None:
        rows = np.arange(len(sets), dtype=np.int64)
        ranks = ranks_of(scores, rows, np.full(len(sets), self.goal.item, dtype=np.int64))
        self.ranks.update(zip(sets, ranks.tolist(), strict=True))
        guides = np.maximum(scores[:, self._columns], LOWEST).astype(np.float32)  # −inf would leave nan behind
        self.tried.update(zip(sets, guides, strict=True))

    def attempt(self, sets: Sequence[Moves]) -> Moves | None:
        """Try `sets`; of those that reach the goal the one that goes farthest beyond it."""
        new = [each for each in sets if each not in self.ranks]
        step = max(1, CELLS // max(1, self._width))
        for start in range(0, len(new), step):
            self._keep(new[start : start + step], self._ask(new[start : start + step]))
        reached = [each for each in sets if bool(self.goal.reached(np.array(self.ranks[each])))]
        return min(reached, key=lambda each: (self.distance(each), each)) if reached else None

    def distance(self, moves: Moves) -> float:
        return float(self.goal.distances(self.tried[moves][None])[0])

    # Which sets, in what order.

    def _sets(self, size: int) -> tuple[list[Moves], bool]:
        """Sets of `size` moves, the most promising first; and whether they are all there are."""
        if size == 1:
            return [(move,) for move in range(self.n)], True
        sets, complete = self._combined(size) if size <= 3 else (self._grown(size), False)
        if not len(sets):
            return [], complete
        order = np.argsort(self._guessed(sets), kind="stable")
        ranked = [cast(Moves, tuple(row)) for row in sets[order].tolist()]
        return list(dict.fromkeys([*(hint for hint in self.hints if len(hint) == size), *ranked])), complete

    def _combined(self, size: int) -> tuple[Int, bool]:
        """All sets of that size, or of the moves that go farthest by themselves."""
        nearest = np.argsort([self.distance((move,)) for move in range(self.n)], kind="stable")
        many = self.n
        while math.comb(many, size) > LISTED:
            many -= 1
        own = sorted(nearest[:many].tolist())
        sets = np.array(list(combinations(own, size)), dtype=np.int64).reshape(-1, size)
        return self._allowed(sets), many == self.n

    def _grown(self, size: int) -> Int:
        """The best sets of one move less, each with one move more."""
        smaller = sorted((each for each in self.tried if len(each) == size - 1), key=self.distance)[:KEPT]
        found = {tuple(sorted((*each, move))) for each in smaller for move in range(self.n) if move not in each}
        return self._allowed(np.array(sorted(found), dtype=np.int64).reshape(-1, size))

    def _allowed(self, sets: Int) -> Int:
        if self.apart is None or not len(sets):
            return sets
        groups = np.sort(self.apart[sets], axis=1)
        return sets[(np.diff(groups, axis=1) > 0).all(axis=1)]

    def _guessed(self, sets: Int) -> NDArray[np.float64]:
        """(n,) distances by s(∅) + Σ Δ(i) + Σ I(i, j): what single moves change, and what was seen of pairs beyond."""
        base = self.tried[()]
        singles = np.stack([self.tried[move,] for move in range(self.n)]) - base
        place, beyond = self._interactions(singles)
        found = np.empty(len(sets))
        step = max(1, CELLS // (4 * len(base)))
        for start in range(0, len(sets), step):
            some = sets[start : start + step]
            guess = base + singles[some].sum(axis=1)
            for one, other in combinations(range(sets.shape[1]), 2):
                at = place[some[:, one], some[:, other]]
                known = np.flatnonzero(at)
                guess[known] += beyond[at[known]]
            found[start : start + step] = self.goal.distances(guess)
        return found

    def _interactions(self, singles: Float) -> tuple[Int, Float]:
        """(n, n) places of pairs among what they do beyond the sum of their two moves; place 0 is nothing known."""
        pairs = [each for each in self.tried if len(each) == 2]
        place = np.zeros((self.n, self.n), dtype=np.int64)
        beyond = np.zeros((len(pairs) + 1, singles.shape[1]), dtype=np.float32)
        for at, (one, other) in enumerate(pairs, 1):
            place[one, other] = place[other, one] = at
            beyond[at] = self.tried[one, other] - self.tried[()] - singles[one] - singles[other]
        return place, beyond

    # Trying them.

    def _tried_of(self, sets: list[Moves], size: int, complete: bool) -> Moves | None:
        """In batches that grow, until one reaches the goal or the share of the budget for this size is used up."""
        allowance = len(sets) if size == 1 else self._allowance(size, len(sets), complete)
        at, step = 0, FIRST
        while at < allowance and (fits := self._fitting(allowance if size == 1 and self.seconds is None else step)):
            batch = sets[at : min(at + fits, allowance)]
            if (found := self.attempt(batch)) is not None and size > 1:
                return found
            at, step = at + len(batch), min(2 * step, LARGEST)
        if size == 1 and (found := self.attempt(sets[:at])) is not None:
            return found  # of all single moves the one that goes farthest
        if complete and self.exhausted == size - 1 and at == len(sets):
            self.exhausted = size
        return None

    def _allowance(self, size: int, count: int, complete: bool) -> int:
        """How many of `count` sets are tried: all where they fit into two thirds of what is left of the budget for
        pairs, half of it for triples, an even share for larger ones; else only the most promising, since those beyond
        hardly ever do it and prove nothing."""
        left, last = self.budget - max(0, self.evaluations() - self.n), min(self.most, self.n)
        part = left * 2 // 3 if size == 2 else left // 2 if size == 3 else left // (last - size + 1)
        share = max(FIRST, left if size == last else part)
        return count if complete and count <= share else min(count, share, GUIDED)

    def _ask(self, sets: Sequence[Moves]) -> Float:
        started = time.perf_counter()
        scores = self.ask(sets)
        self._asking += time.perf_counter() - started
        return scores

    def _fitting(self, sets: int) -> int:
        """How many of so many sets can still be tried in the time that is left; 0 is the end of the search."""
        if self.seconds is None:
            return sets
        left = self.seconds - (time.perf_counter() - self._began)
        fits = min(sets, int(left * len(self.ranks) / max(self._asking, 1e-9))) if left > 0 else 0
        self.stopped = self.stopped or not fits
        return fits

    def _pruned(self, found: Moves) -> Moves:
        """Without moves that are not needed, one at a time."""
        while len(found) > 1 and self._fitting(len(found)):
            fewer = self.attempt([tuple(each for each in found if each != move) for move in found])
            if fewer is None:
                return found
            found = fewer
        return found
