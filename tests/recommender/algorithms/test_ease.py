"""EASE against the closed form."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.algorithms.ease import EASE, EASEConfig
from recommender.exceptions import NotTrainable
from tests.recommender.builders import blocks, dataset, histories


def fitted(**settings: float) -> EASE:
    # both items met by one person, item 0 by one more: XᵀX = [[2, 1], [1, 1]]
    data = dataset([[0, 1], [0]], 2)
    return EASE(EASEConfig(**settings)).fit(data, rng=np.random.default_rng(0), report=lambda *_: None)


def test_two_items_by_hand() -> None:
    # with λ = 1: P = [[3, 1], [1, 2]]⁻¹ = 1/5 [[2, −1], [−1, 3]]; B01 = −P01/P11 = 1/3, B10 = −P10/P00 = 1/2
    np.testing.assert_allclose(fitted(regularization=1).state()["weights"], [[0, 1 / 3], [1 / 2, 0]], rtol=1e-6)


def test_recent_interactions_count_more() -> None:
    scores = fitted(regularization=1, half_life=1).score(histories([[0, 1], [0]]))
    np.testing.assert_allclose(scores, [[1 / 2, 1 / 2 * 1 / 3], [0, 1 / 3]], rtol=1e-6)


def test_a_larger_catalog_is_refused_with_what_to_do() -> None:
    model = EASE(EASEConfig(max_items=10))
    with pytest.raises(NotTrainable, match="max_items = 10"):
        model.fit(blocks(), rng=np.random.default_rng(0), report=lambda *_: None)
