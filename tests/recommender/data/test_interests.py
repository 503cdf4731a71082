"""Interests worked by hand."""

from __future__ import annotations

import math

import pytest

from recommender.data.interests import interests, log_odds, tf_idf, words_of


def test_log_odds_are_drawn_towards_nothing():
    assert log_odds(3, 5, 0.2, prior=5) == pytest.approx(math.log(0.4 / 0.6) - math.log(0.2 / 0.8))  # (3 + 1) / 10
    assert log_odds(0, 0, 0.2) == pytest.approx(0.0)


def test_tf_idf_is_share_times_rarity():
    assert tf_idf(2, 4, 0.1) == pytest.approx(0.5 * math.log(10))
    assert tf_idf(0, 0, 0.1) == 0.0


def test_words_are_of_three_letters_or_more():
    assert words_of("The Cafés of 1999: it's a café-bar") == {"cafés", "café", "bar"}


def test_only_what_is_above_the_usual_and_shared_by_two_is_an_interest():
    labels = [["Drama", "War"], ["Drama", "War"], ["Drama", "Opera"]]
    found = interests("categories", labels, [1.0, 1.0, 0.5], {"Drama": 0.5, "War": 0.9, "Opera": 0.01})
    (drama,) = found  # War is met less than usual, Opera once
    assert (drama.name, drama.items, drama.share) == ("Drama", 3, 1.0)
    assert drama.strength == pytest.approx(log_odds(2.5, 2.5, 0.5))
