"""Item neighbours, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.algorithms.item_knn import ItemKNN, ItemKNNConfig
from tests.recommender.builders import dataset, histories


def test_recent_neighbours_vote_more() -> None:
    # people of 0: two, of 1: two, of 2: two; each pair of items meets once: cosine 1/2
    data = dataset([[0, 1], [1, 2], [0, 2]], 3)
    model = ItemKNN(ItemKNNConfig(half_life=1)).fit(data, rng=np.random.default_rng(0), report=lambda *_: None)
    assert model.score(histories([[0, 1]]))[0].tolist() == pytest.approx([1 / 2, 1 / 4, 1 / 2 * 1 / 2 + 1 / 2])
    assert model.contributions(histories([[0, 1]]), np.array([[2]]))[:, 0].tolist() == pytest.approx([1 / 4, 1 / 2])


def test_only_the_nearest_vote() -> None:
    data = dataset([[0, 1], [0, 1], [0, 2]], 3)
    model = ItemKNN(ItemKNNConfig(neighbours=1, half_life=0)).fit(
        data, rng=np.random.default_rng(0), report=lambda *_: None
    )
    assert model.score(histories([[0]]))[0].tolist() == pytest.approx([0, 2 / (3 * 2) ** 0.5, 0])
