"""Folding a person in, by hand."""

from __future__ import annotations

import numpy as np

from recommender.algorithms.ials import IALS, IALSConfig
from tests.recommender.builders import histories


def loaded(**settings: float) -> IALS:
    state = {"factors": np.array([[1.0], [2.0], [0.0]], dtype=np.float32), "penalty": np.array([1.0])}
    return IALS(IALSConfig(factors=1, **settings)).load_state(state)


def test_one_factor_by_hand() -> None:
    # YᵀY + λ = 1 + 4 + 1 = 6; history 0 with c = 3: x = 3·1 / (6 + 2·1) = 3/8
    scores = loaded(alpha=3, half_life=0).score(histories([[0], []]))
    np.testing.assert_allclose(scores, [[3 / 8, 3 / 4, 0], [0, 0, 0]], rtol=1e-6)


def test_what_was_done_long_ago_is_trusted_less() -> None:
    # history 1 then 0, half-life 1: c = 1/2 and 1; x = (1/2·2 + 1·1) / (6 − 1/2·4) = 2/4
    model = loaded(alpha=1, half_life=1)
    np.testing.assert_allclose(model.score(histories([[1, 0]]))[0], [1 / 2, 1, 0], rtol=1e-6)
    parts = model.contributions(histories([[1, 0]]), np.array([[1]]))
    np.testing.assert_allclose(parts[:, 0], [1 / 2, 1 / 2], rtol=1e-6)
