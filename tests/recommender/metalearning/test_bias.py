"""The bias model, worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recommender.metalearning.bias import BiasModel
from tests.recommender.builders import histories


def test_one_sweep_by_hand() -> None:
    given = replace(histories([[0, 1], [0]]), values=np.array([5, 1, 3], dtype=np.float32))
    model = BiasModel.fit(given, 3, of_items=1, of_people=1, sweeps=1)
    assert model.mean == 3
    np.testing.assert_allclose(model.items, [2 / 3, -1, 0])  # (2 + 0) / (1 + 2), −2 / (1 + 1), never rated
    people = model.adapt(given)
    np.testing.assert_allclose(people, [(4 / 3 - 1) / 3, (-2 / 3) / 2], rtol=1e-6)
    np.testing.assert_allclose(model.predict(people[:1], np.array([2])), [3 + 1 / 9], rtol=1e-6)


def test_each_rating_has_its_part_of_what_is_usual_for_the_person() -> None:
    model = BiasModel(3.0, np.array([2 / 3, -1, 0], dtype=np.float32), 1.0, 1.0, 1.0, 5.0)
    given = replace(histories([[0, 1], [], [0]]), values=np.array([5, 1, 3], dtype=np.float32))
    parts = model.contributions(given)
    np.testing.assert_allclose(parts, [(4 / 3) / 3, -1 / 3, (-2 / 3) / 2], rtol=1e-6)  # (r − μ − b(i)) / (1 + n)
    np.testing.assert_allclose(np.bincount(given.rows, weights=parts, minlength=3), model.adapt(given), atol=1e-7)


def test_nobody_and_nothing() -> None:
    model = BiasModel.fit(histories([[], []]), 2)
    assert model.adapt(histories([[]])).tolist() == [0.0]
    assert model.predict(np.zeros(1, dtype=np.float32), np.array([1])).tolist() == [0.0]
    again = BiasModel.unpacked(model.packed())
    assert again.mean == model.mean
    assert np.array_equal(again.items, model.items)
