from __future__ import annotations

import numpy as np
import pytest

from recommender.evaluation.beyond_accuracy import exposure, gini
from recommender.reranking.gini import Gini, projected
from tests.recommender.builders import histories
from tests.recommender.reranking.builders import candidates, known


def test_the_projection_onto_means_of_permutations() -> None:
    """Of (1, 0, −1): what lies inside stays, what lies beyond a corner goes there, the middle is equal shares."""
    ladder = np.array([1.0, 0.0, -1.0])
    np.testing.assert_allclose(projected(np.array([0.2, 0.1, -0.3]), ladder), [0.2, 0.1, -0.3], atol=1e-12)
    np.testing.assert_allclose(projected(np.array([-9.0, 0.0, 9.0]), ladder), [-1.0, 0.0, 1.0])
    np.testing.assert_allclose(projected(np.array([5.0, 5.0, 5.0]), ladder), [0.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(projected(np.array([3.0, 3.0, -9.0]), ladder), [0.5, 0.5, -1.0])


def test_everyone_has_the_same_favourite_and_who_loses_least_gives_way() -> None:
    """Three people, three items, a place each: 0 is the best of all; the second gives it up for 1, the third for 2."""
    items = [[0, 1, 2], [0, 1, 2], [0, 2, 1]]
    asked = candidates(items, [[0.8, 0.1, 0.1], [0.4, 0.35, 0.25], [0.4, 0.35, 0.25]])
    made = Gini(1.0, known([[1]] * 3), k=1).learn(asked, histories([[], [], []]))
    assert made.lists(asked, histories([[], [], []])).tolist() == [[0], [1], [2]]
    assert gini(exposure(made.lists(asked, histories([[], [], []])), 3, 1)) == pytest.approx(0.0)


def test_exposure_spreads_with_strength() -> None:
    rng = np.random.default_rng(0)
    worth = rng.random((300, 40)).astype(np.float32) * np.linspace(2, 0.2, 40, dtype=np.float32)
    order = np.argsort(-worth, axis=1)
    chances = np.take_along_axis(worth, order, axis=1) / worth.sum(axis=1, keepdims=True)
    asked = candidates(order.tolist(), chances.tolist())
    met = histories([[] for _ in range(300)])
    spread = []
    for strength in (0.0, 0.15, 0.3, 0.45):
        made = Gini(strength, known([[1]] * 40), k=5).learn(asked, met)
        spread.append(gini(exposure(made.lists(asked, met), 40, 5)))
    assert spread == sorted(spread, reverse=True) and spread[0] > 0.6 > 0.4 > spread[-1]


def test_what_people_meet_most_counts_less() -> None:
    """Nothing learned yet: .5 / .9 falls behind .45 / .1."""
    asked = candidates([[0, 1]], [[0.5, 0.45]])
    assert Gini(1.0, known([[1], [1]], [0.9, 0.1]), k=1).lists(asked, histories([[]])).tolist() == [[1]]
