"""Vectors of items: the score by hand, and company makes alike."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.algorithms.item2vec import Item2Vec, Item2VecConfig, rate
from tests.recommender.builders import blocks, dataset, histories


def test_recent_items_speak_more_for_their_company() -> None:
    """v(0) = (1, 0), v(2) = (0, 1), c(1) = (3, 4); of the history 0, 2 with half-life 1 the weights are ½ and 1: item 1
    scores ½ · 3 + 4 = 11/2."""
    model = Item2Vec(Item2VecConfig(factors=2, half_life=1))
    vectors, company = np.array([[1, 0], [5, 5], [0, 1]]), np.array([[0, 0], [3, 4], [2, 0]])
    model.load_state({"vectors": vectors.astype(np.float32), "company": company.astype(np.float32)})
    assert model.score(histories([[0, 2]]))[0].tolist() == pytest.approx([0, 5.5, 1.0])
    assert model.contributions(histories([[0, 2]]), np.array([[1]]))[:, 0].tolist() == pytest.approx([1.5, 4])


def test_items_that_keep_company_become_alike() -> None:
    data = blocks(n_people=100)
    model = Item2Vec(Item2VecConfig(factors=8, window=3, epochs=30, learning_rate=0.2)).fit(
        data, rng=np.random.default_rng(0), report=lambda *_: None
    )
    state = model.state()
    together = state["vectors"] @ state["company"].T
    assert together[:12, :12].mean() > together[:12, 12:].mean() + 0.3


def test_items_in_no_history_score_nothing_and_the_step_falls() -> None:
    model = Item2Vec(Item2VecConfig(factors=4, epochs=2)).fit(
        dataset([[0, 1], [1, 0]], 3), rng=np.random.default_rng(0), report=lambda *_: None
    )
    assert model.score(histories([[0]]))[0, 2] == 0
    assert [rate(share) for share in (0, 0.5, 1)] == pytest.approx([1, 0.55, 0.1])
