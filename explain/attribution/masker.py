"""A game in the terms of SHAP: a row of truths says which units are there, and a unit that is not is taken away as the
game takes it away. Nothing is averaged over a background of other people."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from explain.attribution.base import Attribution, Values
from explain.attribution.game import ITEM, OLDER, Game, Kept
from recommender.algorithms.base import Differentiable

ADDS_UP = 1e-5
"""Largest gap, in parts of the larger of the prediction and 1, of a method that adds up by construction: scores are
float32, and with other coalitions beside them they end in other digits."""
APART = 2.0
"""How far what is no item lies from everything, where two opposite vectors lie 2 apart."""


def masker(n: int, tree: NDArray[np.float64] | None = None) -> Any:
    """SHAP's masker of `n` units: masked inputs are the coalitions themselves, for `asked_by` to answer; `tree` as
    scipy's linkage. Imports shap, so never call it in a web process."""
    base: Any = import_module("shap.maskers").Masker

    class Units(base):  # type: ignore[misc]
        shape, clustering, immutable_outputs = (1, n), tree, True

        def __call__(self, mask: Any, *args: Any) -> tuple[Kept]:
            return (np.array(self._standardize_mask(mask, *args), dtype=np.bool_)[None],)

    return Units()


def asked_by(game: Game) -> Any:
    """What SHAP calls: coalitions (n, n_units) → (n,) targets."""
    return lambda kept: game.values(np.asarray(kept, dtype=np.bool_))


def everything(game: Game) -> Kept:
    """(1, n_units) what SHAP explains: all units there."""
    return np.ones((1, len(game.units)), dtype=np.bool_)


def checked(found: Attribution) -> Attribution:
    """`found`, whose values must add up. Raises ArithmeticError where they do not."""
    if found.gap > ADDS_UP * max(1.0, abs(found.prediction), abs(found.baseline_prediction)):
        raise ArithmeticError(f"{found.method}: values miss the difference that they explain by {found.gap:.3g}")
    return found


def tree_of(game: Game) -> NDArray[np.float64]:
    """(n_units − 1, 4) which units go together, as scipy's linkage: items by the cosine of what the recommender reads
    of them where it tells, else by when they were met; what is no item joins last. Two units at least."""
    vectors = _vectors(game)
    n, met = len(game.units), np.array([unit.kind in (ITEM, OLDER) for unit in game.units])
    if vectors is None:
        place = np.arange(n, dtype=np.float64) / n
        apart = np.abs(place[:, None] - place)
    else:
        apart = 1 - vectors @ vectors.T
    apart = np.where(met[:, None] & met, np.clip(apart, 0, APART), APART)
    np.fill_diagonal(apart, 0.0)
    tree: NDArray[np.float64] = linkage(squareform(apart, checks=False), "average")
    return tree


def _vectors(game: Game) -> Values | None:
    """(n_units, d) of length 1, zeros of what is not read; None where the recommender embeds nothing."""
    if not isinstance(game.model, Differentiable) or not game.with_history or not len(game.histories.items):
        return None
    read = game.model.embed(game.histories)
    tokens, places = read["tokens"][0].detach().cpu().double().numpy(), read["places"][0].numpy()
    sums = np.zeros((len(game.units), tokens.shape[1]))
    np.add.at(sums, game.unit_of[places[places >= 0]], tokens[places >= 0])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    unit: Values = sums / np.where(lengths > 0, lengths, 1.0)
    return unit
