"""Which columns say most about what people do: mutual information or chi² with the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_selection import chi2, mutual_info_classif

from recommender.data.dataset import Dataset, Float, Int
from recommender.data.preparation.fusion import Fused, fuse
from recommender.data.preparation.histories import rated
from recommender.data.splits import leave_last_out

SAMPLE = 5_000
SEED = 0
MOST_LEVELS = 10
NAMELESS = frozenset({"title", "description"})
"""Columns that are read by text recommenders whatever they say here."""


def target(dataset: Dataset) -> tuple[Int, Int, Int, NDArray[np.int64], str]:
    """(people, items, rows, target (n,) of small whole numbers, what it is) of a sample.

    Where there are ratings that differ, their levels; else whether a pair happened (1) or was drawn by chance (0).
    """
    rng = np.random.default_rng(SEED)
    histories = dataset.histories
    scored = np.flatnonzero(rated(histories))
    if len(np.unique(histories.values[scored])) > 1:
        at = np.sort(rng.choice(scored, min(SAMPLE, len(scored)), replace=False))
        return histories.rows[at], histories.items[at], at, levels_of(histories.values[at]), "rating"
    at = np.sort(rng.choice(len(histories.items), min(SAMPLE // 2, len(histories.items)), replace=False))
    drawn = rng.integers(0, dataset.n_items, len(at))
    people, items = np.tile(histories.rows[at], 2), np.concatenate([histories.items[at], drawn])
    rows = np.concatenate([at, np.full(len(at), -1)])
    return people, items, rows, np.repeat([1, 0], len(at)), "interaction"


def levels_of(values: Float) -> NDArray[np.int64]:
    """(n,) the place of each rating on its scale; a scale of many values is cut into thirds."""
    known, codes = np.unique(values, return_inverse=True)
    if len(known) > MOST_LEVELS:
        codes = np.searchsorted(np.quantile(values, [1 / 3, 2 / 3]), values)
    return codes.astype(np.int64)


def column_scores(fused: Fused, levels: NDArray[np.int64], how: str) -> dict[tuple[str, str], float]:
    """The score of each (side, column): the best of its features', for chi², the sum for mutual information."""
    if not fused.names or len(np.unique(levels)) < 2:
        return {}
    if how == "chi2":
        scores = np.nan_to_num(chi2(fused.matrix, levels)[0])
    else:
        discrete = np.array([True] * len(fused.names))
        scores = mutual_info_classif((fused.matrix > 0).tocsr(), levels, discrete_features=discrete, random_state=SEED)
    found: dict[tuple[str, str], float] = {}
    for name, score in zip(fused.names, scores.tolist(), strict=True):
        found[name] = max(found.get(name, 0.0), score) if how == "chi2" else found.get(name, 0.0) + score
    return found


def choose(
    dataset: Dataset, kinds: Mapping[str, Mapping[str, str]], how: str, most: int
) -> tuple[Dataset, list[dict[str, object]], str]:
    """The dataset with only the `most` columns of the highest scores, every column with its score, and the target.

    Scores come from what leave_last_out trains on: what validation and test ask about has no say in what is read.
    Titles and descriptions stay, unscored.
    """
    learned = leave_last_out(dataset).train
    if not len(learned.histories.items):
        return dataset, [], ""
    people, items, rows, levels, what = target(learned)
    fused = fuse(learned, kinds, people, items, rows, scale="unit")
    scores = column_scores(fused, levels, how)
    ordered = sorted(scores, key=lambda name: (-scores[name], name))
    kept = set(ordered[:most])
    told = [
        {"side": side, "column": column, "score": round(scores[side, column], 6), "kept": (side, column) in kept}
        for side, column in ordered
    ]
    return without(dataset, {name for name in scores if name not in kept}), told, what


def without(dataset: Dataset, dropped: set[tuple[str, str]]) -> Dataset:
    """The dataset less those columns of people, items and context."""
    users = [name for name in dataset.user_fields if ("user", str(name)) not in dropped]
    items = [name for name in dataset.item_fields if ("item", str(name)) not in dropped or name in NAMELESS]
    contexts = {name: column for name, column in dataset.histories.contexts.items() if ("context", name) not in dropped}
    return replace(
        dataset,
        user_fields=dataset.user_fields[users],
        item_fields=dataset.item_fields[items],
        histories=replace(dataset.histories, contexts=contexts),
    )
