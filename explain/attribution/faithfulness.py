"""How faithful an attribution is, found by really taking its best units away and ranking again.

The five figures at Kₑ units are those of "counterfactual evaluation" of explanations of recommenders (SIGIR 2025, DOI
10.1145/3726302.3730242): y is the item explained, f its score, Kₑ = 5 unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from explain.attribution.base import Values
from explain.attribution.game import Game, Kept

Order = NDArray[np.int64]
"""(k,) places of units, the one to take away first at the front; where it is shorter than the units, the rest is of no
importance."""
REMOVED = 5
FIGURES = ("pos@5", "pos@20", "cdcg", "ins", "del")
"""Lower is better but for `ins`."""
RIVALS = 10
"""Best other items whose mean score breaks ties of the greedy removal."""
COUNTS = np.arange(11)
SHARES = np.linspace(0, 1, 21)
"""Where the curves are taken: after so many units, and after such a share of them."""


def after_removal(game: Game, orders: Sequence[Order], *, removed: int = REMOVED) -> Values:
    """(n_orders, 5) the FIGURES of each order: R being its first Kₑ units and r the rank of y when the recommender
    ranks again without R,

    POS@k = 1[r ≤ k],  CDCG = 1 / log₂(1 + r),  INS = f(R) / f(N),  DEL = f(N \\ R) / f(N).

    `game` has the score as its target. INS and DEL are nan where f(N) ≤ 0: a share of it means nothing.
    """
    kept = ~first(orders, len(game.units), removed)
    ranks = game.ranks(kept)
    scores = game.values(np.concatenate([~kept, kept])).reshape(2, -1)
    shares = scores / game.whole if game.whole > 0 else np.full_like(scores, np.nan)
    return np.column_stack([ranks <= 5, ranks <= 20, 1 / np.log2(1 + ranks), shares[0], shares[1]])


def first(orders: Sequence[Order], n: int, count: int) -> Kept:
    """(n_orders, n) the first `count` units of each order."""
    chosen = np.zeros((len(orders), n), dtype=np.bool_)
    for row, order in enumerate(orders):
        chosen[row, order[:count]] = True
    return chosen


@dataclass(frozen=True)
class Curves:
    """What is left of the target, (v(S) − v(∅)) / (v(N) − v(∅)), as units are taken away (`deletion`) or put back into
    nothing (`insertion`): `by_count` after COUNTS units, `by_share` after SHARES of them. 1 = all of it."""

    deletion_by_count: Values
    insertion_by_count: Values
    deletion_by_share: Values
    insertion_by_share: Values

    @property
    def deletion_area(self) -> float:
        """Area under the curve of deletion over shares; lower is better."""
        return float(np.trapezoid(self.deletion_by_share, SHARES))

    @property
    def insertion_area(self) -> float:
        return float(np.trapezoid(self.insertion_by_share, SHARES))


def curves(game: Game, orders: Sequence[Order]) -> list[Curves]:
    """The curves of each order of all units (Petsiuk, Das, Saenko, BMVC 2018); nan where nothing is explained."""
    n = len(game.units)
    counts = np.concatenate([np.minimum(COUNTS, n), np.round(SHARES * n).astype(np.int64)])
    chosen = np.concatenate([first(orders, n, int(count)) for count in counts])
    values = game.values(np.concatenate([~chosen, chosen])).reshape(2, len(counts), len(orders))
    span = game.whole - game.empty
    left = (values - game.empty) / span if span > 0 else np.full_like(values, np.nan)
    split = len(COUNTS)
    return [
        Curves(left[0, :split, at], left[1, :split, at], left[0, split:, at], left[1, split:, at])
        for at in range(len(orders))
    ]


def greedy_order(game: Game, removed: int = REMOVED) -> Order:
    """(removed,) units by really ranking again: at each step the one without which the rank of y is worst, of equals
    the one that leaves the least margin over the best RIVALS others. What a method that names several units at once can
    hope for; looking one step ahead need not find the very best set."""
    kept = np.ones(len(game.units), dtype=np.bool_)
    chosen: list[int] = []
    for _ in range(min(removed, len(kept))):
        there = np.flatnonzero(kept)
        tried = np.repeat(kept[None], len(there), axis=0)
        tried[np.arange(len(there)), there] = False
        ranks, margins = _standing(game, tried)
        best = int(there[np.lexsort((margins, -ranks))[0]])
        kept[best] = False
        chosen.append(best)
    return np.array(chosen, dtype=np.int64)


def _standing(game: Game, kept: Kept) -> tuple[Values, Values]:
    """Rank of y in each coalition, and its score less the mean of the best RIVALS other items."""
    scores, item = game.ranking(kept), game.target.item
    own = scores[:, item].astype(np.float64)
    higher, equal = scores > own[:, None], scores == own[:, None]
    ranks = 1.0 + higher.sum(axis=1) + equal[:, :item].sum(axis=1)
    scores[:, item] = -np.inf
    shown = int(np.isfinite(scores[0]).sum())
    count = min(RIVALS, shown)
    if not count:
        return ranks, own
    rivals = np.partition(scores, scores.shape[1] - count, axis=1)[:, -count:]
    return ranks, cast(Values, own - rivals.mean(axis=1))


def subsets(n: int, draws: int, rng: np.random.Generator) -> Kept:
    """(draws, n) units taken away together: a number from one to half of them, all equally likely."""
    taken = np.zeros((draws, n), dtype=np.bool_)
    for row in range(draws):
        size = rng.integers(1, max(1, n // 2) + 1)
        taken[row, rng.choice(n, size=size, replace=False)] = True
    return taken


def infidelity(values: Values, taken: Kept, changes: Values) -> float:
    """Σ (β Σ_{j∈R} φⱼ − Δ_R)² / Σ Δ_R² over the drawn subsets R, where Δ_R = v(N) − v(N \\ R) and β ≥ 0 is the scale
    that fits best (Yeh, Hsieh, Suggala, Inouye, Ravikumar, NeurIPS 2019, with their normalisation).

    0: the attribution tells what a loss of several units together does; 1: no better than saying nothing. `values`
    (n,), `taken` (draws, n), `changes` (draws,); nan where nothing changes.
    """
    said, total = taken @ values, float((changes**2).sum())
    if not total:
        return float("nan")
    power = float((said**2).sum())
    scale = max(0.0, float((said * changes).sum()) / power) if power else 0.0
    return float(((scale * said - changes) ** 2).sum()) / total


def sparsity(values: Values, *, share: float = 0.9) -> float:
    """The least share of the units that hold `share` of Σ |values|; nan where all are 0."""
    sizes = np.sort(np.abs(values))[::-1]
    total = float(sizes.sum())
    if not total:
        return float("nan")
    needed = int(np.searchsorted(np.cumsum(sizes), share * total * (1 - 1e-12))) + 1
    return min(needed, len(sizes)) / len(sizes)
