"""Owen values by SHAP's partition explainer: Shapley values of a game in which like units stand together."""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any, ClassVar

from explain.attribution.base import SAMPLING, Attribution, Cost
from explain.attribution.game import Game
from explain.attribution.masker import asked_by, checked, everything, masker, tree_of
from explain.exceptions import CannotExplain

MOST = 4000
"""Coalitions asked at most; where a tree needs more, the units below its last branches share alike."""
BRANCHES = 200
"""Branches of the tree that are asked about at once."""


class ShapPartition:
    """Down a tree of like units (`tree_of`) each branch's value is shared between its two parts, as Shapley shares
    between two, with the other branches there and not there (Owen, 1977); exactly additive."""

    name: ClassVar[str] = "shap_partition"
    title: ClassVar[str] = "Owen values by SHAP"
    kind: ClassVar[str] = SAMPLING
    quick: ClassVar[bool] = False

    def refuses(self, game: Game) -> str:
        return "" if len(game.units) > 1 else "There must be two things at least to be grouped."

    def explain(self, game: Game, *, seed: int = 0) -> Attribution:
        if why := self.refuses(game):
            raise CannotExplain(why, field="method")
        started, asked = time.perf_counter(), list[int]()
        shap: Any = import_module("shap")

        def value(kept: Any) -> Any:
            asked.append(len(kept))
            return asked_by(game)(kept)

        explainer = shap.explainers.Partition(value, masker(len(game.units), tree_of(game)))
        values = explainer(everything(game), max_evals=MOST, batch_size=BRANCHES, silent=True).values[0]
        return checked(Attribution(
            self.name, game.target, game.units, values, game.emptied, game.whole, game.empty,
            Cost(time.perf_counter() - started, sum(asked)),
        ))  # fmt: skip
