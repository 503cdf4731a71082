from __future__ import annotations

import numpy as np
import pytest

from recommender.reranking import chances
from recommender.reranking.base import NONE, Candidates
from recommender.reranking.chances import Chances, learned


def drawn(weight: float) -> tuple[Candidates, np.ndarray]:
    """4,000 people who take one of 12 candidates by exp(weight · score)."""
    rng = np.random.default_rng(0)
    scores = -np.sort(-rng.random((4000, 12)), axis=1).astype(np.float32)
    odds = np.exp(weight * scores)
    cumulative = np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)
    taken = np.minimum((cumulative < rng.random((4000, 1))).sum(axis=1), 11)
    items = np.broadcast_to(np.arange(12), scores.shape).copy()
    return Candidates(items, scores), taken


def test_the_chances_are_those_by_which_items_were_taken() -> None:
    candidates, taken = drawn(3.0)
    found = learned(candidates, taken).of(candidates)
    truth = Chances((3.0, 0.0, 0.0), 1.0).of(candidates)
    assert np.abs(found - truth).mean() < 0.005
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-5)


def test_by_place_alone_they_fall_as_one_over_the_place() -> None:
    """1/3, 1/4, 1/5 of 47/60."""
    found = chances.of(Candidates(np.array([[4, 2, 9]]), np.array([[3.0, 2.0, 1.0]], dtype=np.float32)))
    np.testing.assert_allclose(found[0], [20 / 47, 15 / 47, 12 / 47], rtol=1e-6)


def test_they_fall_along_a_row_whatever_was_learned() -> None:
    """People took what stood last: no weight is negative, so the order stays."""
    candidates, _ = drawn(1.0)
    made = learned(candidates, np.full(4000, 11))
    assert min(made.weights) >= 0
    assert (np.diff(made.of(candidates), axis=1) <= 1e-9).all()


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_scores_all_alike_and_nothing_taken_are_no_reason_to_fail(score: float) -> None:
    items = np.array([[0, 1, NONE], [NONE, NONE, NONE]])
    asked = Candidates(items, np.where(items == NONE, -np.inf, score).astype(np.float32))
    made = learned(asked, np.array([1, NONE]))
    found = made.of(asked)
    assert found[0, :2].sum() == pytest.approx(1.0) and not found[1].any() and not found[0, 2]
