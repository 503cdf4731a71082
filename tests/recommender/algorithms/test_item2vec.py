"""Vectors of items: the score by hand, and company makes alike."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.algorithms.item2vec import Item2Vec, Item2VecConfig, rate
from tests.recommender.builders import blocks, dataset, histories


def test_recent_items_speak_more_by_their_cosine() -> None:
    """v = (1, 0), (3/5, 4/5), (0, 1); of the history 0, 2 with half-life 1 the weights are ½ and 1: towards item 1
    ½ · 3/5 + 4/5 = 11/10."""
    model = Item2Vec(Item2VecConfig(factors=2, half_life=1))
    model.load_state({"vectors": np.array([[1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)})
    assert model.score(histories([[0, 2]]))[0].tolist() == pytest.approx([0.5, 1.1, 1.0])
    assert model.contributions(histories([[0, 2]]), np.array([[1]]))[:, 0].tolist() == pytest.approx([0.3, 0.8])


def test_items_that_keep_company_become_alike() -> None:
    data = blocks(n_people=100)
    model = Item2Vec(Item2VecConfig(factors=8, window=3, sample=0)).fit(
        data, rng=np.random.default_rng(0), report=lambda *_: None
    )
    vectors = model.state()["vectors"]
    alike = vectors @ vectors.T
    assert alike[:12, :12].mean() > alike[:12, 12:].mean() + 0.3


def test_items_in_no_history_score_nothing_and_the_step_falls() -> None:
    model = Item2Vec(Item2VecConfig(factors=4, epochs=2)).fit(
        dataset([[0, 1], [1, 0]], 3), rng=np.random.default_rng(0), report=lambda *_: None
    )
    assert model.score(histories([[0]]))[0, 2] == 0
    assert [rate(share) for share in (0, 0.5, 1)] == pytest.approx([1, 0.55, 0.1])
