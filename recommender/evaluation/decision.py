""" "Likes" as a decision: a probability from a recommender's score, and how right and how honest it is.

A score becomes a probability by a map learned on validation (Platt's logistic or isotonic regression, scikit-learn's),
from predictions of a recommender that has not seen the validation ratings. Someone likes an item whose rating is at
least the threshold; the decision says so where the probability is at least CUT.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.data.dataset import Int
from recommender.evaluation.significance import Interval, bootstrap_sums

Values = NDArray[np.float64]
Flags = NDArray[np.bool_]
CUT = 0.5
BINS = 10
ENOUGH_FOR_ISOTONIC = 1000
"""Validation ratings below which isotonic regression would fit noise (Niculescu-Mizil and Caruana, 2005)."""
UPPER_QUARTER = 0.75
COUNTS = ("of_true_positive", "of_false_positive", "of_false_negative", "of_true_negative", "of_brier")


def threshold_of(ratings: Values) -> float:
    """The rating from which on someone likes an item unless told otherwise: three quarters up the scale, 4 of 1 to 5.

    The lowest rating that was given and is at least that high.
    """
    low, high = float(ratings.min()), float(ratings.max())
    least = low + UPPER_QUARTER * (high - low)
    return float(ratings[ratings >= least - 1e-9].min())


@dataclass(frozen=True)
class Calibration:
    """`method` platt, isotonic or constant (all alike); `probabilities` maps scores (n,) to 0..1, never decreasing."""

    method: str
    probabilities: Callable[[Values], Values]


def learn_calibration(scores: Values, liked: Flags, method: str = "") -> Calibration:
    """The map from `scores` to the probability of `liked`; without `method`, isotonic where ratings are enough."""
    if not len(liked) or liked.all() or not liked.any():
        share = float(liked.mean()) if len(liked) else 0.5
        return Calibration("constant", lambda asked: np.full(len(asked), share))
    method = method or ("isotonic" if len(liked) >= ENOUGH_FOR_ISOTONIC else "platt")
    if method == "isotonic":
        model: Any = import_module("sklearn.isotonic").IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        model.fit(scores, liked.astype(np.float64))
        return Calibration(method, lambda asked: np.asarray(model.predict(asked), dtype=np.float64))
    centre, spread = float(scores.mean()), float(scores.std()) or 1.0
    logistic: Any = import_module("sklearn.linear_model").LogisticRegression(C=1e6)
    logistic.fit(((scores - centre) / spread)[:, None], liked)
    if logistic.coef_[0, 0] < 0:  # a score that speaks against itself says nothing: higher must not mean less likely
        return Calibration("constant", lambda asked: np.full(len(asked), float(liked.mean())))
    return Calibration(
        method, lambda asked: np.asarray(logistic.predict_proba(((asked - centre) / spread)[:, None])[:, 1])
    )


def decision_table(probabilities: Values, liked: Flags, rows: Int, n_people: int) -> pd.DataFrame:
    """A row per person: counts of right and wrong decisions, Σ(p − y)², `accuracy_person` and `brier_person`."""
    said = probabilities >= CUT
    flags = (said & liked, said & ~liked, ~said & liked, ~said & ~liked, (probabilities - liked) ** 2)
    sums = {
        name: np.bincount(rows, weights=np.asarray(flag, dtype=np.float64), minlength=n_people)
        for name, flag in zip(COUNTS, flags, strict=True)
    }
    return with_shares(pd.DataFrame(sums))


def with_shares(sums: pd.DataFrame) -> pd.DataFrame:
    """The counts with each person's own accuracy and mean squared error of the probability (nan without decisions)."""
    n = sums[list(COUNTS[:4])].sum(axis=1)
    n = n.where(n > 0)
    right = sums["of_true_positive"] + sums["of_true_negative"]
    return sums.assign(accuracy_person=right / n, brier_person=sums["of_brier"] / n)


def decision_figures(sums: Values) -> dict[str, Values]:
    """From (…, 5) sums as in COUNTS: accuracy, precision, recall, f1 and brier, each decision weighing the same.

    accuracy = (tp + tn) / n, precision = tp / (tp + fp), recall = tp / (tp + fn), f1 = 2 tp / (2 tp + fp + fn),
    brier = Σ (p − y)² / n; 0 where there is nothing to divide by.
    """
    tp, fp, fn, tn, squared = np.moveaxis(sums, -1, 0)
    n = tp + fp + fn + tn
    return {
        "accuracy": _over(tp + tn, n),
        "precision": _over(tp, tp + fp),
        "recall": _over(tp, tp + fn),
        "f1": _over(2 * tp, 2 * tp + fp + fn),
        "brier": _over(squared, n),
    }


def decision_intervals(table: pd.DataFrame) -> dict[str, Interval]:
    """Those figures over all decisions, people resampled; with fewer than two people low and high are nan."""
    values = table[list(COUNTS)].to_numpy(dtype=np.float64)
    centre = decision_figures(values.sum(axis=0))
    if len(values) < 2:
        return {name: Interval(float(value), np.nan, np.nan) for name, value in centre.items()}
    drawn = decision_figures(bootstrap_sums(values))
    spread = {name: np.quantile(each, [0.025, 0.975]) for name, each in drawn.items()}
    return {name: Interval(float(value), *map(float, spread[name])) for name, value in centre.items()}


def auc(scores: Values, liked: Flags) -> float | None:
    """How often something liked scores above something not liked, ties counting half; None where one is missing."""
    positive, negative = int(liked.sum()), int((~liked).sum())
    if not positive or not negative:
        return None
    return float(import_module("sklearn.metrics").roc_auc_score(liked, scores))


def reliability(probabilities: Values, liked: Flags, bins: int = BINS) -> list[dict[str, float]]:
    """Rows of {"low", "high", "n", "predicted", "liked"}: in bins of equal width, mean probability beside the share
    that was liked. Empty bins are left out."""
    at = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    rows = []
    for each in np.unique(at):
        among = at == each
        rows.append(
            {
                "low": float(each / bins), "high": float((each + 1) / bins), "n": int(among.sum()),
                "predicted": float(probabilities[among].mean()), "liked": float(liked[among].mean()),
            }
        )  # fmt: skip
    return rows


def expected_calibration_error(table: list[dict[str, float]]) -> float:
    """Σ_bins n_b / n · |mean probability − share liked|."""
    total = sum(row["n"] for row in table)
    return sum(row["n"] * abs(row["predicted"] - row["liked"]) for row in table) / total if total else 0.0


def _over(above: Values, below: Values) -> Values:
    return np.divide(above, below, out=np.zeros_like(np.asarray(above, dtype=np.float64)), where=below > 0)
