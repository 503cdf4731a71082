"""Shapley values by SHAP's permutation explainer (Lundberg and Lee, NeurIPS 2017), over the units of a game.

The same values as `shapley_sampling`, drawn by another's code and asked in many small parts: a check, not a quick way.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from explain.attribution.base import SAMPLING, Attribution, Cost
from explain.attribution.game import Game
from explain.attribution.gradient_shap import drawing
from explain.attribution.masker import asked_by, checked, everything, masker
from explain.exceptions import CannotExplain

PAIRS = 13
"""Permutations drawn, each forwards and backwards."""


class ShapPermutation:
    """The mean over permutations, each walked forwards and backwards, of what a unit adds to those before it; exactly
    additive whatever is drawn. Errors are those of the mean over permutations."""

    name: ClassVar[str] = "shap_permutation"
    title: ClassVar[str] = "Shapley values by SHAP"
    kind: ClassVar[str] = SAMPLING
    quick: ClassVar[bool] = False

    def __init__(self, pairs: int = PAIRS) -> None:
        self.pairs = pairs

    def refuses(self, game: Game) -> str:
        return "" if game.units else "There is nothing to take away: nothing is known of this person."

    def explain(self, game: Game, *, seed: int = 0) -> Attribution:
        if why := self.refuses(game):
            raise CannotExplain(why, field="method")
        started, n = time.perf_counter(), len(game.units)
        shap: Any = import_module("shap")
        explainer = shap.explainers.Permutation(asked_by(game), masker(n), seed=seed)
        asked = {"max_evals": 2 * n + 1, "batch_size": 2 * n + 1, "silent": True}  # a permutation at a time
        with drawing(seed):
            parts = np.stack([explainer(everything(game), **asked).values[0] for _ in range(self.pairs)])
        spread = parts.std(axis=0, ddof=1) if self.pairs > 1 else np.full(n, np.nan)
        return checked(Attribution(
            self.name, game.target, game.units, parts.mean(axis=0), game.emptied, game.whole, game.empty,
            Cost(time.perf_counter() - started, self.pairs * (2 * n + 1)), errors=spread / self.pairs**0.5,
        ))  # fmt: skip
