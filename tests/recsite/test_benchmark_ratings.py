"""The bias model that mf is measured against, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.data.dataset import Holdout
from recsite.benchmarks.ratings import bias_model, mean, measured
from tests.recommender.builders import histories


def test_the_bias_model_by_hand() -> None:
    """Ratings 5, 1 of one person on items 0, 1 and 3 of another on item 1: μ = 3. With shrinkages 1: b(0) = 2/2 = 1,
    b(1) = −2/3; b(u) = (2 − 1 + (−2 + 2/3))/3 = −1/9, b(v) = (2/3)/2 = 1/3. The second asked about item 0."""
    known = replace(histories([[0, 1], [1]]), values=np.array([5, 1, 3], dtype=np.float32))
    targets = replace(histories([[0]]), values=np.array([4], dtype=np.float32))
    asked = Holdout(np.array([1]), known.select(np.array([1])), targets)
    found, given = bias_model(known, asked, 1.0, 1.0)
    assert found.tolist() == pytest.approx([3 + 1 + 1 / 3])
    assert given.tolist() == [4]


def test_errors_by_hand() -> None:
    row = measured("mf", 1, np.array([3.0, 5.0]), np.array([4.0, 2.0]))
    assert row == {"algorithm": "mf", "fold": "u1", "rmse": round(5**0.5, 5), "mae": 2.0}
    assert mean("mf", [row, row | {"rmse": 1.0}, row | {"algorithm": "other"}]) == pytest.approx((2.23607 + 1) / 2)
