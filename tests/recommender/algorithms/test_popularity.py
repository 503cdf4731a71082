"""Popularity with and without decay, by hand."""

from __future__ import annotations

import numpy as np

from recommender.algorithms.popularity import DAY, Popularity, PopularityConfig
from recommender.data.dataset import Dataset
from tests.recommender.builders import dataset, histories


def scores(data: Dataset, half_life_days: float) -> list[float]:
    made = Popularity(PopularityConfig(half_life_days=half_life_days))
    return made.fit(data, rng=np.random.default_rng(0), report=lambda *_: None).score(histories([[]]))[0].tolist()


def test_counts_without_decay() -> None:
    assert scores(dataset([[0, 1], [0], [0, 2]], 4), 0) == [3, 1, 1, 0]


def test_an_interaction_counts_half_after_a_half_life() -> None:
    data = dataset([[0, 1], [0]], 2, [[0, 4 * DAY], [2 * DAY]])
    assert scores(data, 2) == [1 / 4 + 1 / 2, 1]


def test_interactions_without_a_time_count_fully() -> None:
    assert scores(dataset([[0, 1]], 2, [[np.nan, np.nan]]), 2) == [1, 1]
    assert scores(dataset([[0, 1]], 2, [[5.0, np.nan]]), 2) == [1, 1]
