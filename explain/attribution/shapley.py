"""Shapley values of the game of taking units away: enumerated up to twelve units, sampled by permutations above
(Castro, Gómez, Tejada, Computers & OR 2009), every permutation beside its reverse (Mitchell et al., JMLR 2022)."""

from __future__ import annotations

import math
import time
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from explain.attribution.base import EXACT, SAMPLING, Attribution, Cost, Values
from explain.attribution.game import Game, Kept
from explain.exceptions import CannotExplain

ENUMERATED = 12
"""Units up to which all 2^n coalitions are asked."""
PERMUTATIONS = 26
"""Permutations drawn, in pairs of one and its reverse."""
NOTHING = "There is nothing to take away: nothing is known of this person."


class ShapleyExact:
    """φ(j) = Σ over coalitions S without j of |S|! (n − |S| − 1)! / n! · (v(S ∪ {j}) − v(S))."""

    name: ClassVar[str] = "shapley"
    title: ClassVar[str] = "Shapley values, enumerated"
    kind: ClassVar[str] = EXACT
    quick: ClassVar[bool] = True

    def refuses(self, game: Game) -> str:
        if not game.units:
            return NOTHING
        if len(game.units) > ENUMERATED:
            return f"Shapley values are enumerated up to {ENUMERATED} units; here are {len(game.units)}: sample them."
        return ""

    def explain(self, game: Game, *, seed: int = 0) -> Attribution:
        if why := self.refuses(game):
            raise CannotExplain(why, field="method")
        started, n = time.perf_counter(), len(game.units)
        codes = np.arange(2**n)
        kept = (codes[:, None] >> np.arange(n)) & 1 > 0
        found = game.values(kept)
        return Attribution(
            self.name, game.target, game.units, enumerated(found, kept), game.emptied, float(found[-1]),
            float(found[0]), Cost(time.perf_counter() - started, len(found)), exact=True,
        )  # fmt: skip


def enumerated(found: Values, kept: Kept) -> Values:
    """(n,) Shapley values from the value of every coalition: row c of `kept` (2ⁿ, n) is c in binary."""
    n, codes, sizes = kept.shape[1], np.arange(len(kept)), kept.sum(axis=1)
    weight = np.array([math.factorial(s) * math.factorial(n - s - 1) / math.factorial(n) for s in range(n)])
    values = np.zeros(n)
    for unit in range(n):
        without = codes[~kept[:, unit]]
        values[unit] = (weight[sizes[without]] * (found[without | (1 << unit)] - found[without])).sum()
    return values


class ShapleySampling:
    """The mean over permutations of what each unit adds to those before it; complete whatever is drawn, since every
    permutation's parts sum to v(N) − v(∅). All coalitions of all permutations are asked at once; where there are only
    so many `seconds`, in batches of whole pairs, so that it ends with the first pairs of those that would be drawn: at
    least one, and `cost.evaluations` tells how many."""

    name: ClassVar[str] = "shapley_sampling"
    title: ClassVar[str] = "Shapley values, sampled"
    kind: ClassVar[str] = SAMPLING
    quick: ClassVar[bool] = True

    def __init__(self, permutations: int = PERMUTATIONS, seconds: float | None = None) -> None:
        self.permutations, self.seconds = permutations, seconds

    def refuses(self, game: Game) -> str:
        return "" if game.units else NOTHING

    def explain(self, game: Game, *, seed: int = 0) -> Attribution:
        if why := self.refuses(game):
            raise CannotExplain(why, field="method")
        started = time.perf_counter()
        orders = drawn(len(game.units), self.permutations, np.random.default_rng(seed))
        found = self._asked(game, orders)
        orders = orders[: len(found)]
        parts = np.empty(orders.shape)
        np.put_along_axis(parts, orders, np.diff(found, axis=1), axis=1)
        return Attribution(
            self.name, game.target, game.units, parts.mean(axis=0), game.emptied, float(found[0, -1]),
            float(found[0, 0]), Cost(time.perf_counter() - started, found.size), errors=standard_errors(parts),
        )  # fmt: skip

    def _asked(self, game: Game, orders: NDArray[np.int64]) -> Values:
        """(permutations done, n + 1) values along the first of `orders`, in batches that grow as long as the next one
        seems to fit into the time that is left."""
        started, found = time.perf_counter(), np.empty((0, orders.shape[1] + 1))
        step = len(orders) if self.seconds is None else 2
        while step and len(found) < len(orders):
            batch = orders[len(found) : len(found) + step]
            values = game.values(along(batch)).reshape(len(batch), -1)
            found, spent = np.concatenate([found, values]), time.perf_counter() - started
            if self.seconds is not None:
                fitting = max(0.0, self.seconds - spent) / spent * len(found)
                step = min(int(fitting / 2) * 2, len(found))
        return found


def drawn(n: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(count, n) permutations, every second one the reverse of the one before."""
    half = np.stack([rng.permutation(n) for _ in range(math.ceil(count / 2))]).astype(np.int64)
    return np.stack([half, half[:, ::-1]], axis=1).reshape(-1, n)[:count]


def along(orders: NDArray[np.int64]) -> Kept:
    """(permutations · (n + 1), n): of each permutation the coalitions from none to all."""
    count, n = orders.shape
    place = np.empty_like(orders)
    np.put_along_axis(place, orders, np.broadcast_to(np.arange(n), orders.shape), axis=1)
    return cast(Kept, (place[:, None, :] < np.arange(n + 1)[:, None]).reshape(count * (n + 1), n))


def standard_errors(parts: Values) -> Values:
    """(n,) of the mean over permutations `parts` (permutations, n), a permutation and its reverse being one draw."""
    pairs = parts[: len(parts) // 2 * 2].reshape(-1, 2, parts.shape[1]).mean(axis=1)
    if len(pairs) < 2:
        return np.full(parts.shape[1], np.nan)
    return cast(Values, pairs.std(axis=0, ddof=1) / math.sqrt(len(pairs)))
