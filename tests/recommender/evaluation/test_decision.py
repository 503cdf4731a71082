"""Likes as a decision: counts by hand, maps that learn the truth."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.evaluation import decision

PROBABILITIES = np.array([0.9, 0.6, 0.4, 0.2, 0.55])
LIKED = np.array([True, False, True, False, True])
ROWS = np.array([0, 0, 0, 1, 1])


def test_the_four_counts_and_what_follows() -> None:
    table = decision.decision_table(PROBABILITIES, LIKED, ROWS, 3)
    assert table["of_true_positive"].tolist() == [1, 1, 0]
    assert table["of_false_positive"].tolist() == [1, 0, 0]
    assert table["of_false_negative"].tolist() == [1, 0, 0]
    assert table["of_true_negative"].tolist() == [0, 1, 0]
    assert table["accuracy_person"].tolist()[:2] == [1 / 3, 1]
    found = {name: each.value for name, each in decision.decision_intervals(table).items()}
    assert found["accuracy"] == 3 / 5
    assert found["precision"] == 2 / 3
    assert found["recall"] == 2 / 3
    assert found["f1"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert found["brier"] == pytest.approx((0.1**2 + 0.6**2 + 0.6**2 + 0.2**2 + 0.45**2) / 5)


def test_auc_counts_pairs() -> None:
    # liked .9, .4, .55 against not liked .6, .2: right in (.9,.6) (.9,.2) (.4,.2) (.55,.2), wrong in two
    assert decision.auc(PROBABILITIES, LIKED) == pytest.approx(4 / 6)
    assert decision.auc(PROBABILITIES, np.ones(5, dtype=bool)) is None


def test_reliability_and_its_error() -> None:
    rows = decision.reliability(PROBABILITIES, LIKED, bins=2)
    assert [(row["low"], row["n"], row["liked"]) for row in rows] == [(0, 2, 1 / 2), (0.5, 3, 2 / 3)]
    assert rows[0]["predicted"] == pytest.approx(0.3)
    expected = 2 / 5 * abs(0.3 - 1 / 2) + 3 / 5 * abs((0.9 + 0.6 + 0.55) / 3 - 2 / 3)
    assert decision.expected_calibration_error(rows) == pytest.approx(expected)
    assert decision.reliability(np.array([1.0]), np.array([True]))[0]["high"] == 1


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_learned_map_gives_honest_probabilities(method: str) -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(3, 1, 4000)
    truth = 1 / (1 + np.exp(-2 * (scores - 3)))
    liked = rng.random(4000) < truth
    learned = decision.learn_calibration(scores[:2000], liked[:2000], method)
    assert learned.method == method
    given = learned.probabilities(scores[2000:])
    assert np.abs(given - truth[2000:]).mean() < 0.05
    assert decision.expected_calibration_error(decision.reliability(given, liked[2000:])) < 0.06


def test_few_ratings_take_the_logistic_map_and_equal_ones_a_constant() -> None:
    scores = np.array([1.0, 2, 3, 4])
    assert decision.learn_calibration(scores, np.array([False, True, False, True])).method == "platt"
    constant = decision.learn_calibration(scores, np.ones(4, dtype=bool))
    assert (constant.method, constant.probabilities(scores).tolist()) == ("constant", [1, 1, 1, 1])
    backwards = decision.learn_calibration(scores, np.array([True, True, False, False]), "platt")
    assert (backwards.method, backwards.probabilities(scores).tolist()) == ("constant", [0.5] * 4)


def test_the_threshold_is_three_quarters_up_the_scale() -> None:
    assert decision.threshold_of(np.array([1.0, 2, 3, 4, 5])) == 4
    assert decision.threshold_of(np.array([0.5, 3.5, 4, 5])) == 4
    assert decision.threshold_of(np.array([1.0, 10, 8, 7])) == 8
