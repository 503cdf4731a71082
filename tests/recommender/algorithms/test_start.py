"""A ridge head that begins with the weights of another catalog's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recommender.algorithms.base import START
from recommender.algorithms.popularity import Popularity
from recommender.algorithms.ridge_head import RidgeHead
from recommender.algorithms.ridge_network import RidgeHeadConfig
from recommender.data.dataset import Dataset
from recommender.exceptions import NotTrainable
from tests.recommender.builders import blocks, histories, two_tastes

SMALL: dict[str, Any] = {"use_text": True, "factors": 4, "width": 8, "features": 4, "batch": 16, "dropout": 0.0}


def trained(data: Dataset, parents: Any = None, **config: Any) -> RidgeHead:
    made = RidgeHead(RidgeHeadConfig.from_mapping(SMALL | config))
    return made.fit(data, parents=parents, rng=np.random.default_rng(0), report=lambda *_: None)


@pytest.fixture(scope="module")
def start() -> RidgeHead:
    return trained(blocks(), epochs=12, learning_rate=0.03, hidden_items=0.5)


def opened() -> Dataset:
    """Another catalog, of 16 items: two people, who met one item each."""
    made = blocks(n_people=2, n_items=16, length=1)
    return replace(made, item_vectors=two_tastes(16))


def test_tastes_learned_elsewhere_hold_here(start: RidgeHead) -> None:
    """Someone who met an item of a half is recommended that half, whose texts are alike, from the start."""
    asked = histories([[2], [10]])
    begun = trained(opened(), {START: start}, epochs=1, learning_rate=1e-5)
    alone = trained(opened(), epochs=1, learning_rate=1e-5)

    def gap(model: RidgeHead) -> float:
        first, second = model.score(asked)
        own = first[3:8].mean() - first[11:].mean() + second[11:].mean() - second[3:8].mean()
        return float(own)

    assert gap(begun) > 0.5
    assert gap(begun) > gap(alone) + 0.5


def test_a_start_that_does_not_fit_is_refused(start: RidgeHead) -> None:
    popularity = Popularity().fit(blocks(), rng=np.random.default_rng(0), report=lambda *_: None)
    for parents, config, words in (
        ({}, {"start": 7}, "not there"),
        ({START: popularity}, {}, "must be a ridge_head"),
        ({START: start}, {"use_text": False}, "must read texts"),
        ({START: start}, {"width": 6}, "other sizes"),
    ):
        with pytest.raises(NotTrainable, match=words):
            trained(opened(), parents, epochs=1, **config)
