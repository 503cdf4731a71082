"""Exact parts of a linear recommender's score: the history decomposes it, nothing is approximated."""

from __future__ import annotations

import time
from typing import ClassVar, cast

import numpy as np

from explain.attribution.base import EXACT, Attribution, Cost, Values
from explain.attribution.game import ITEM, MARGIN, OLDER, PROBABILITY, Game
from explain.exceptions import CannotExplain
from recommender.algorithms.base import LinearlyExplainable


class Contributions:
    """score(u, i) = Σ over interactions j of c(j, i); an item's value is the sum over its interactions.

    The parts are exact for this history as it is. Where weights depend on the rest of the history (recency, ials'
    matrix), they are not what would be lost if an item had never been met: that is what `ablation` tells.
    """

    name: ClassVar[str] = "contributions"
    title: ClassVar[str] = "Exact contributions"
    kind: ClassVar[str] = EXACT
    quick: ClassVar[bool] = True

    def refuses(self, game: Game) -> str:
        if not isinstance(game.model, LinearlyExplainable):
            return f"{game.model.name} is not linear in the history, so its scores have no exact parts."
        if game.target.kind == PROBABILITY:
            return "A probability is not a sum over the history; ask for the score or a margin."
        if not game.with_history:
            return "Exact contributions are those of the history."
        return ""

    def explain(self, game: Game, *, seed: int = 0) -> Attribution:
        if why := self.refuses(game):
            raise CannotExplain(why, field="method")
        started, target = time.perf_counter(), game.target
        model = cast(LinearlyExplainable, game.model)
        parts = model.contributions(game.histories, target.items[None]).astype(np.float64)
        each = parts[:, 0] - parts[:, 1:].mean(axis=1) if target.kind == MARGIN else parts[:, 0]
        values = np.zeros(len(game.units))
        met = np.array([unit.kind in (ITEM, OLDER) for unit in game.units], dtype=np.bool_)
        values[met] = np.bincount(game.unit_of, weights=each, minlength=int(met.sum()))
        prediction = game.whole
        return Attribution(
            self.name, target, game.units, cast(Values, values), "nothing met: a linear score is 0", prediction, 0.0,
            Cost(time.perf_counter() - started, 1), exact=True,
        )  # fmt: skip
