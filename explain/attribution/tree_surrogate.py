"""A gradient-boosted model of one recommendation, explained exactly by SHAP's TreeExplainer (Lundberg et al., Nature
Machine Intelligence 2020): what is explained is the stand-in, and how well it stands in is measured."""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from explain.attribution.base import SURROGATE, Attribution, Cost, Values
from explain.attribution.game import Game, Kept
from explain.exceptions import CannotExplain

COALITIONS, HELD_OUT = 2048, 0.2
"""Coalitions drawn, and the share of them that fidelity is measured on."""
LEAST_FIDELITY = 0.5
"""R² on held-out coalitions below which a surrogate explains nothing."""
SETTINGS = {"n_estimators": 400, "max_depth": 3, "learning_rate": 0.1, "subsample": 0.5, "max_features": 0.3}
"""Of scikit-learn's GradientBoostingRegressor."""


class TreeSurrogate:
    """g(S) ≈ v(S), g boosted trees fitted to drawn coalitions of this one game; φ the interventional Shapley values of
    g against the empty coalition. The gap holds what g misses of v at both ends; `fidelity` is R² on coalitions that g
    has not seen. Refused below LEAST_FIDELITY."""

    name: ClassVar[str] = "tree_surrogate"
    title: ClassVar[str] = "Boosted trees standing in"
    kind: ClassVar[str] = SURROGATE
    quick: ClassVar[bool] = False

    def __init__(self, coalitions: int = COALITIONS) -> None:
        self.coalitions = coalitions

    def refuses(self, game: Game) -> str:
        return "" if len(game.units) > 1 else "There must be two things at least to tell apart."

    def explain(self, game: Game, *, seed: int = 0) -> Attribution:
        """Raises CannotExplain, with the figure, where the trees do not follow the recommender."""
        if why := self.refuses(game):
            raise CannotExplain(why, field="method")
        started = time.perf_counter()
        kept = drawn_coalitions(len(game.units), self.coalitions, np.random.default_rng(seed))
        values = game.values(kept)
        trees, fidelity = fitted(kept, values, seed)
        if not fidelity >= LEAST_FIDELITY:
            raise CannotExplain(
                f"Trees follow this recommendation too badly to stand in for it: R² {fidelity:.2f} on coalitions they "
                f"have not seen, {LEAST_FIDELITY} is asked.",
                field="method",
            )
        shap: Any = import_module("shap")
        nothing = np.zeros((1, kept.shape[1]))
        explainer = shap.TreeExplainer(trees, data=nothing, feature_perturbation="interventional")
        found = explainer.shap_values(np.ones((1, kept.shape[1])), check_additivity=True)[0]
        return Attribution(
            self.name, game.target, game.units, np.asarray(found, dtype=np.float64), game.emptied, game.whole,
            game.empty, Cost(time.perf_counter() - started, len(kept)), fidelity=fidelity,
        )  # fmt: skip


def drawn_coalitions(n: int, count: int, rng: np.random.Generator) -> Kept:
    """(m, n) different coalitions in random order, sizes from 0 to n alike; all 2ⁿ where those are no more."""
    if 2**n <= count:
        codes = rng.permutation(2**n)
        return (codes[:, None] >> np.arange(n)) & 1 > 0
    sizes = rng.integers(0, n + 1, size=count)
    places = rng.random((count, n)).argsort(axis=1).argsort(axis=1)
    kept: NDArray[np.bool_] = np.unique(places < sizes[:, None], axis=0)
    return rng.permutation(kept, axis=0)


def fitted(kept: Kept, values: Values, seed: int) -> tuple[Any, float]:
    """Trees, and their R² on the held-out share of coalitions (nan where those do not differ)."""
    ensemble: Any = import_module("sklearn.ensemble")
    cut = max(1, round(HELD_OUT * len(kept)))
    trees = ensemble.GradientBoostingRegressor(random_state=seed, **SETTINGS)
    trees.fit(kept[cut:].astype(np.float64), values[cut:])
    said, held = trees.predict(kept[:cut].astype(np.float64)), values[:cut]
    spread = float(((held - held.mean()) ** 2).sum())
    return trees, 1 - float(((held - said) ** 2).sum()) / spread if spread else float("nan")
