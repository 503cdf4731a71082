"""What each metric is called and how it is worked out, and the tables in which a page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recommender.templatetags.pages import METRIC_NAMES

LISTS = {
    "ndcg": "Σ 1 / log₂(1 + rank) over held-out items among the first k, by the greatest possible; mean over people",
    "hit": "share of people of whom a held-out item is among the first k",
    "recall": "share of a person's held-out items among the first k; mean over people",
    "precision": "share of the first k that was held out; mean over people",
    "f1": "harmonic mean of precision and recall; mean over people",
    "map": "average precision over the first k; mean over people",
    "mrr": "1 / rank of the first held-out item within the first k; mean over people",
}
BEYOND = {
    "coverage": "share of the catalog's items that stand in anyone's first k",
    "gini": "inequality of exposure (1 / log₂(1 + rank), summed) over all items, those never shown too: "
    "0 = all alike, near 1 = a few have it all",
    "popularity": "mean share of people who had met the items shown; lower shows more of the unknown",
    "novelty": "mean of −log₂ of that share, in bits; higher is newer",
    "diversity": "mean over pairs of the list of 1 − shared / all categories of the two",
    "text_diversity": "mean over pairs of the list of 1 − cosine of their text vectors",
    "serendipity": "share of the first k that was held out although the most popular list would not have shown it",
    "calibration": "Kullback–Leibler divergence of the list's categories from those of the history (Steck, 2018); "
    "0 = the same mix, lower is closer",
}
RATINGS = {
    "mae": "mean of |predicted − given| over all ratings; lower is better",
    "rmse": "root of the mean of (predicted − given)² over all ratings; lower is better",
    "mae_person": "mean over people of each one's own mean of |predicted − given|; lower is better",
    "rmse_person": "mean over people of each one's own root mean squared error",
    "ndcg_rated": "of each person's asked ratings the five predicted best: Σ rating / log₂(1 + rank), by the greatest "
    "possible; people with five asked ratings",
    "ndcg_rated_exp": "the same with the gain 2^rating − 1, which weighs the best far more",
}
LIKES = {
    "accuracy": "share of right decisions",
    "precision": "share of what was said to be liked that was",
    "recall": "share of what was liked that was said to be",
    "f1": "harmonic mean of the two",
    "auc": "how often something liked scores above something not liked; .5 is chance",
    "brier": "mean of (probability − liked)²; lower is better",
    "ece": "mean gap between probability and share liked over ten bins; lower is better",
    "accuracy_person": "mean over people of each one's share of right decisions",
    "brier_person": "mean over people of each one's own mean of (probability − liked)²",
}

FALLING = frozenset({"mae", "rmse", "brier", "ece", "calibration"})


@dataclass(frozen=True)
class MetricTable:
    """`rows` of {"name", "definition", "cells": [{"value", "low", "high"} or None]} under `columns`."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]


def defined(metric: str) -> str:
    """The formula of `ndcg@10` or `rmse`."""
    base, at, _ = metric.partition("@")
    return (LISTS | BEYOND).get(base, "") if at else (RATINGS | LIKES).get(base, "")


def falls(metric: str) -> bool:
    """Whether less is better: errors, and distances."""
    return metric.partition("@")[0].removesuffix("_person") in FALLING


def metric_tables(metrics: Mapping[str, Any], details: Mapping[str, Any]) -> list[MetricTable]:
    """Lists, beyond accuracy, ratings, likes: those of which there are figures."""
    ks = sorted({int(name.partition("@")[2]) for name in metrics if name.partition("@")[2].isdigit()})
    found = [
        _at_k("Lists", LISTS, metrics, ks),
        _at_k("Beyond accuracy", BEYOND, metrics, ks),
        _alone("Predicted ratings", "", RATINGS, metrics),
        _alone("Likes as a decision", likes_note(details), LIKES, metrics),
    ]
    return [table for table in found if table.rows]


def likes_note(details: Mapping[str, Any]) -> str:
    if "threshold" not in details:
        return ""
    maps = {"platt": "by a logistic map (Platt)", "isotonic": "by an isotonic map", "constant": "the same for all"}
    return (
        f"Liked means a rating of at least {details['threshold']:g}; {100 * details['liked']:.0f}% of those held out "
        f"are. A score becomes a probability {maps.get(details['calibration'], '')}, learned on validation; .5 decides."
    )


def _at_k(title: str, words: Mapping[str, str], metrics: Mapping[str, Any], ks: Sequence[int]) -> MetricTable:
    rows = [
        {"name": METRIC_NAMES.get(base, base), "definition": text, "cells": [metrics.get(f"{base}@{k}") for k in ks]}
        for base, text in words.items()
        if any(f"{base}@{k}" in metrics for k in ks)
    ]
    return MetricTable(title, "", [f"first {k}" for k in ks], rows)


def _alone(title: str, note: str, words: Mapping[str, str], metrics: Mapping[str, Any]) -> MetricTable:
    rows = [
        {"name": METRIC_NAMES.get(base, base), "definition": text, "cells": [metrics[base]]}
        for base, text in words.items()
        if base in metrics
    ]
    return MetricTable(title, note, ["value"], rows)
