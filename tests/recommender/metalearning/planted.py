"""People of whom a fourth likes what the others do not, and how badly a recommender serves either."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.algorithms.base import RatingPredictor, Recommender
from recommender.data.dataset import Dataset, Histories, IdMap

PEOPLE, FEW, ITEMS, EACH, KNOWN = 120, 30, 24, 8, 3


def opposite() -> tuple[Dataset, NDArray[np.bool_]]:
    """Everyone met EACH items, all but two of the half they like, which they rated 5, the others 1. And who are few."""
    rng, half = np.random.default_rng(0), ITEMS // 2
    few = np.zeros(PEOPLE, dtype=np.bool_)
    few[rng.permutation(PEOPLE)[:FEW]] = True
    met = []
    for own in np.where(few, half, 0):
        liked, other = own + rng.permutation(half)[: EACH - 2], half - own + rng.permutation(half)[:2]
        met.append(rng.permutation(np.concatenate([liked, other])))
    items = np.concatenate(met)
    values = np.where((items >= half) == np.repeat(few, EACH), 5.0, 1.0).astype(np.float32)
    times, kinds = np.tile(np.arange(EACH, dtype=np.float64), PEOPLE), np.zeros(len(items), dtype=np.int16)
    histories = Histories(np.arange(PEOPLE + 1) * EACH, items, values, times, kinds)
    fields = pd.DataFrame(index=range(PEOPLE)), pd.DataFrame(index=range(ITEMS))
    groups = {"taste": np.where(few, "few", "many").astype(object)}
    axes = IdMap(np.arange(PEOPLE)), IdMap(np.arange(ITEMS))
    return Dataset(*axes, histories, *fields, user_groups=groups), few


def costs(model: Recommender, data: Dataset, few: NDArray[np.bool_]) -> tuple[float, float]:
    """Of the few and of the others: mean −log softmax of what came after the first KNOWN interactions."""
    known, asked = _later(data)
    scores = model.score(known).astype(np.float64)
    chances = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return _of_both(-chances[asked.rows, asked.items], few[asked.rows])


def errors(model: Recommender, data: Dataset, few: NDArray[np.bool_]) -> tuple[float, float]:
    """Of the few and of the others: mean absolute error of predicted ratings of the same."""
    assert isinstance(model, RatingPredictor)
    known, asked = _later(data)
    return _of_both(np.abs(model.predict(known, asked.rows, asked.items) - asked.values), few[asked.rows])


def _later(data: Dataset) -> tuple[Histories, Histories]:
    place = np.arange(len(data.histories.items)) - np.repeat(data.histories.indptr[:-1], data.histories.lengths)
    return data.histories.keep(place < KNOWN), data.histories.keep(place >= KNOWN)


def _of_both(found: NDArray[np.floating], own: NDArray[np.bool_]) -> tuple[float, float]:
    return float(found[own].mean()), float(found[~own].mean())
