"""Errors of predicted ratings, by hand."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from recommender.evaluation.rating import rating_intervals, rating_table
from recommender.evaluation.significance import intervals

# person 0: errors 1 and −2; person 1: error 0; person 2 has no ratings
TABLE = rating_table(np.array([4.0, 1, 3]), np.array([3.0, 3, 3]), np.array([0, 0, 1]), 3)


def test_each_rating_weighs_the_same() -> None:
    found = rating_intervals(TABLE)
    assert found["mae"].value == (1 + 2 + 0) / 3
    assert found["rmse"].value == pytest.approx(sqrt((1 + 4 + 0) / 3))
    assert found["mae"].low <= found["mae"].value <= found["mae"].high


def test_each_person_weighs_the_same() -> None:
    assert TABLE["mae_person"].tolist()[:2] == [3 / 2, 0]
    assert TABLE["rmse_person"][0] == pytest.approx(sqrt(5 / 2))
    assert np.isnan(TABLE["mae_person"][2])
    found = intervals(TABLE.assign(user=range(3)))
    assert set(found) == {"mae_person", "rmse_person"}
    assert found["mae_person"].value == (3 / 2 + 0) / 2


def test_nothing_rated_is_no_figure() -> None:
    assert rating_intervals(rating_table(np.zeros(0), np.zeros(0), np.zeros(0, dtype=int), 2)) == {}
