"""Random lists."""

from __future__ import annotations

import numpy as np

from recommender.algorithms.random import Random
from tests.recommender.builders import blocks, histories


def test_each_history_has_its_own_order_and_keeps_it() -> None:
    model = Random().fit(blocks(), rng=np.random.default_rng(0), report=lambda *_: None)
    one, same, other = model.score(histories([[0, 1], [1, 0], [0, 2]]))
    assert np.array_equal(one, same)  # the same items in another order are the same history
    assert not np.array_equal(one.argsort(), other.argsort())


def test_numbers_are_even_between_zero_and_one() -> None:
    model = Random().fit(blocks(n_items=2000), rng=np.random.default_rng(0), report=lambda *_: None)
    scores = model.score(histories([[item] for item in range(50)]))
    assert 0 <= scores.min() <= scores.max() < 1
    np.testing.assert_allclose(np.histogram(scores, bins=4, range=(0, 1))[0] / scores.size, 0.25, atol=0.01)
