"""How well things were liked counts in lists, as far as training finds that it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from recommender.algorithms.ridge_head import RidgeHead
from recommender.algorithms.ridge_network import RidgeHeadConfig
from recommender.data.dataset import Histories
from tests.recommender.builders import blocks, histories


@pytest.fixture(scope="module")
def model() -> RidgeHead:
    made = RidgeHead(RidgeHeadConfig(epochs=2, factors=4, width=8, features=4))
    return made.fit(blocks(60, 24, 8), rng=np.random.default_rng(0), report=lambda *_: None)


def rated(value: float) -> Histories:
    given = histories([[2, 3, 4]])
    return replace(given, values=np.full(3, value, dtype=np.float32))


def test_ratings_count_by_the_learned_share(model: RidgeHead) -> None:
    """With γ = 0 what was met counts alike; with γ > 0 what is liked is pulled towards more than what is not."""
    net, before = model._fitted(), model._fitted().liking.clone()
    assert before != 0  # it is learned
    try:
        with torch.no_grad():
            net.liking.fill_(0.0)
        assert (model.score(rated(1)) == model.score(rated(5))).all()
        with torch.no_grad():
            net.liking.fill_(0.2)
        prior, low, high = (model.adapt(each)["ranking"] for each in (histories([[]]), rated(1), rated(5)))
    finally:
        net.load_state_dict({**net.state_dict(), "liking": before})
    assert np.linalg.norm(high - prior) > np.linalg.norm(low - prior)


def test_weights_of_before_ratings_counted_are_read(model: RidgeHead) -> None:
    old = {name: array for name, array in model.state().items() if name != "net.liking"}
    again = RidgeHead(model.config).load_state(old)
    assert (again.score(rated(1)) == again.score(rated(5))).all()
