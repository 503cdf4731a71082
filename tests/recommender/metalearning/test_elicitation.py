"""What to ask first, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from recommender.metalearning.elicitation import entropy, entropy_of_taking, informative, levels, questions


def test_entropy_in_bits() -> None:
    counts = np.array([[2.0, 2.0, 0.0], [4.0, 0.0, 0.0], [1.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    assert entropy(counts) == pytest.approx([1.0, 0.0, 1.5, 0.0])  # ½·1 + ½·1; 2 · ¼ · 2 + ½ · 1


def test_without_ratings_half_of_all_people_says_most() -> None:
    found = entropy_of_taking(np.array([0.0, 2.0, 4.0, 1.0]), 4)
    assert found == pytest.approx([0.0, 1.0, 0.0, 0.25 * 2 + 0.75 * math.log2(4 / 3)])


def test_popularity_times_entropy_times_own_uncertainty() -> None:
    people, spread = np.array([3.0, 7.0]), np.array([1.0, 2.0])
    assert informative(people, spread) == pytest.approx([math.log(4), 2 * math.log(8)])
    # standard deviations 1 and 3, their mean 2
    assert informative(people, spread, np.array([1.0, 9.0])) == pytest.approx([math.log(4) / 2, 3 * math.log(8)])
    assert informative(people, spread, np.zeros(2)) == pytest.approx([math.log(4), 2 * math.log(8)])


def test_the_best_that_may_be_asked() -> None:
    value, barred = np.array([1.0, 5.0, 5.0, 9.0]), np.array([False, False, False, True])
    assert questions(value, barred, 2).tolist() == [1, 2]
    assert questions(value, barred, 9).tolist() == [1, 2, 0]
    assert questions(np.zeros(0), np.zeros(0, dtype=bool), 3).tolist() == []


def test_levels_to_choose_from() -> None:
    assert levels(np.array([5.0, 1.0, 1.0, 3.0])).tolist() == [1.0, 3.0, 5.0]
    assert levels(np.arange(0.0, 101.0)).tolist() == [0.0, 25.0, 50.0, 75.0, 100.0]
    assert levels(np.zeros(0)).tolist() == []
