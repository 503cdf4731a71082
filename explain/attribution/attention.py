"""Attention of a sequence model, which is not an explanation (Jain and Wallace, NAACL 2019): weights say what was
mixed, not what it did to a score. Shown beside the methods that do explain, and beside its agreement with them."""

from __future__ import annotations

import time
from typing import ClassVar, cast

import numpy as np

from explain.attribution.base import WEIGHTS, Attribution, Cost, Values
from explain.attribution.game import Game
from explain.exceptions import CannotExplain
from recommender.algorithms.base import Attentive


class Attention:
    """The mean over heads and blocks of the weights with which the last place reads each unit, scaled to sum to 1 over
    the units (what is left of the start token is dropped). The same whatever item is asked about."""

    name: ClassVar[str] = "attention"
    title: ClassVar[str] = "Attention (not an explanation)"
    kind: ClassVar[str] = WEIGHTS
    quick: ClassVar[bool] = True

    def refuses(self, game: Game) -> str:
        if not isinstance(game.model, Attentive):
            return f"{game.model.name} has no attention."
        if not game.with_history or not len(game.histories.items):
            return "There is no history to attend to."
        return ""

    def explain(self, game: Game, *, seed: int = 0) -> Attribution:
        if why := self.refuses(game):
            raise CannotExplain(why, field="method")
        started = time.perf_counter()
        mean = heatmap(game).mean(axis=(0, 1))
        return Attribution(
            self.name, game.target, game.units, cast(Values, mean / (mean.sum() or 1.0)), game.emptied, game.whole,
            game.empty, Cost(time.perf_counter() - started, 1), additive=False,
        )  # fmt: skip


def heatmap(game: Game) -> Values:
    """(layers, heads, n_units) of an Attentive recommender: the weight of each unit, the sum over its interactions;
    what lacks of 1 was read from the start token. 0 of what is older than it reads and of what is no item."""
    found, places = cast(Attentive, game.model).attention(game.histories)
    weights, read = found[0].astype(np.float64), places[0] >= 0
    unit = np.eye(len(game.units))[game.unit_of[places[0][read]]]  # (w, n_units) which unit each is
    return cast(Values, weights[..., read] @ unit)
