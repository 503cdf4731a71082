"""A sparse linear model that stands in for a recommender: the lasso (Tibshirani, JRSS B 1996), its path followed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import lasso_path

from explain.attribution.fidelity import Fidelity, fidelity, held_out
from explain.attribution.stand_in_rows import Described

MOST = 8
"""Coefficients of the model that is shown, at most."""
STEPS = 60
Values = NDArray[np.float64]


def linear(rows: Described, *, seed: int = 0) -> dict[str, Any]:
    """{"fidelity", "refused", "coefficients", "path"}; the last two are empty where it is refused.

    Features are standardised, so a coefficient is what one standard deviation of the feature adds to the standardised
    score; features that are 0 are not told. The path: along falling penalties how many features are used, and the R² on
    a third of the people who do not measure. Shown is the first model that comes within .01 of the best R² there, of
    those with at most MOST features.
    """
    apart = held_out(rows.people, seed=seed)
    choosing = ~apart & held_out(np.where(apart, -1, rows.people), seed=seed + 1)
    learning = ~apart & ~choosing
    if not (apart.any() and choosing.any() and learning.any()):
        return {"fidelity": None, "refused": "There are too few people to learn from and to measure on.",
                "coefficients": [], "path": []}  # fmt: skip
    table = rows.table.to_numpy(dtype=np.float64)
    centre, spread = table[learning].mean(axis=0), table[learning].std(axis=0)
    scaled, offset = (table - centre) / np.where(spread > 0, spread, 1.0), float(rows.scores[learning].mean())
    alphas, paths, *_ = lasso_path(scaled[learning], rows.scores[learning] - offset, alphas=STEPS, eps=1e-3)
    path = _path(alphas, paths, offset + scaled[choosing] @ paths, rows.scores[choosing])
    weights = paths[:, _chosen(path)]
    said: Values = offset + scaled[apart] @ weights
    return _result(fidelity(said, rows.scores[apart], rows.people[apart]), rows, weights, centre, spread, path)


def _path(alphas: Values, paths: Values, said: Values, wanted: Values) -> list[dict[str, Any]]:
    whole = ((wanted - wanted.mean()) ** 2).sum()
    return [
        {"penalty": float(alpha), "features": int((np.abs(weights) > 1e-9).sum()),
         "r2": float(1 - ((wanted - each) ** 2).sum() / whole) if whole else 0.0}
        for alpha, weights, each in zip(alphas, paths.T, said.T, strict=True)
    ]  # fmt: skip


def _chosen(path: list[dict[str, Any]]) -> int:
    few = [at for at, row in enumerate(path) if row["features"] <= MOST]
    best = max(path[at]["r2"] for at in few)
    return next(at for at in few if path[at]["r2"] >= best - 0.01)


def _result(
    found: Fidelity, rows: Described, weights: Values, centre: Values, spread: Values, path: list[dict[str, Any]]
) -> dict[str, Any]:
    refused = found.refusal
    order = np.argsort(-np.abs(weights), kind="stable")
    names = list(map(str, rows.table.columns))
    coefficients = [
        {"feature": names[at], "kind": rows.kinds[names[at]], "weight": float(weights[at]), "mean": float(centre[at]),
         "deviation": float(spread[at])}
        for at in order.tolist()
        if abs(weights[at]) > 1e-9
    ]  # fmt: skip
    return {
        "fidelity": found.as_dict(),
        "refused": refused,
        "coefficients": [] if refused else coefficients,
        "path": [] if refused else path,
    }
