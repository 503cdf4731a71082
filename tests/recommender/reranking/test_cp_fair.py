from __future__ import annotations

import numpy as np
import pytest

from recommender.reranking.base import Candidates, places
from recommender.reranking.cp_fair import CPFair, _ahead
from recommender.reranking.pricing import exposures
from tests.recommender.builders import histories
from tests.recommender.reranking.builders import candidates, known

PEOPLE = 300
CLASSES = known([[1, 0]] * 4 + [[0, 1]] * 4)


def asked() -> tuple[Candidates, np.ndarray]:
    """Eight items, the first four of a; the first half of people have sharper tastes, so their lists are worth more."""
    rng = np.random.default_rng(1)
    groups = (np.arange(PEOPLE) >= PEOPLE // 2).astype(np.int64)
    worth = rng.random((PEOPLE, 8)) ** np.where(groups == 0, 3.0, 1.0)[:, None] + np.array([0.5] * 4 + [0.0] * 4)
    order = np.argsort(-worth, axis=1)
    chances = np.take_along_axis(worth / worth.sum(axis=1, keepdims=True), order, axis=1)
    return candidates(order.tolist(), chances.tolist()), groups


def test_how_far_groups_are_ahead() -> None:
    """Utilities 2, 2 of one, 1 of another, mean 5/3; who is of none does not count."""
    found = _ahead(np.array([2.0, 2.0, 1.0, 9.0]), np.array([0, 0, 1, -1]), 3)
    np.testing.assert_allclose(found, [0.2, -0.4, 0.0])


def test_classes_come_closer_to_their_size_and_groups_to_each_other() -> None:
    candidates, groups = asked()
    met, shares, gaps = histories([[]] * PEOPLE), [], []
    for strength in (0.0, 0.3):
        made = CPFair(strength, CLASSES, k=2).learn(candidates, met, groups)
        lists = made.lists(candidates, met, groups)
        of = exposures(lists, 8) @ CLASSES.members
        shares.append(of[1] / of.sum())
        worth = np.zeros((PEOPLE, 8))
        np.put_along_axis(worth, candidates.items, candidates.scores.astype(float), axis=1)
        utility = np.take_along_axis(worth, lists, axis=1) @ places(2)
        gaps.append(abs(utility[groups == 0].mean() - utility[groups == 1].mean()))
    assert shares[0] < 0.25 < 0.4 < shares[1] < 0.6
    assert gaps[1] < gaps[0]


def test_a_group_that_was_not_there_while_learning_counts_as_not_known() -> None:
    candidates, groups = asked()
    met = histories([[]] * PEOPLE)
    made = CPFair(0.2, CLASSES, k=2).learn(candidates, met, groups)
    alone = [made.lists(candidates, met, np.full(PEOPLE, code)) for code in (-1, 7)]
    assert np.array_equal(*alone)
    assert made.state()["weights"][-1] == pytest.approx(1.0)
