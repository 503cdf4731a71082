"""Each figure as a fraction worked by hand."""

from __future__ import annotations

from math import log, log2

import numpy as np
import pytest

from recommender.evaluation import beyond_accuracy as beyond

LISTS = np.array([[0, 1, 2], [3, 0, -1]])
# four people; item 0 was met by all, 1 by two, 2 by one, 3 by none
SHARES = beyond.shares_of_people(np.array([0, 0, 0, 0, 1, 1, 2]), 4, 4)
# categories: 0 = {a, b}, 1 = {b}, 2 = {c}, 3 = none
MEMBERS = beyond.memberships([["a", "b"], ["b"], ["c"], None])


def test_popularity_and_novelty() -> None:
    assert SHARES.tolist() == [1, 1 / 2, 1 / 4, 0]
    shown = beyond.popularity(LISTS, SHARES)
    assert beyond.mean_of_first(shown, 3).tolist() == [(1 + 1 / 2 + 1 / 4) / 3, (0 + 1) / 2]
    assert beyond.mean_of_first(shown, 1).tolist() == [1, 0]
    news = beyond.self_information(LISTS, SHARES, 4)
    # −log₂ of 1, 1/2, 1/4 is 0, 1, 2; nobody met item 3, which counts as one of four: 2
    assert beyond.mean_of_first(news, 3).tolist() == [(0 + 1 + 2) / 3, (2 + 0) / 2]
    assert np.isnan(beyond.mean_of_first(beyond.popularity(np.array([[-1]]), SHARES), 1)).all()


def test_diversity_by_categories() -> None:
    assert MEMBERS is not None
    found = beyond.category_diversity(LISTS, MEMBERS, [2, 3])
    # {a,b} and {b}: 1 − 1/2; {a,b} and {c}: 1; {b} and {c}: 1. Second list: nothing and {a,b}: 1
    np.testing.assert_allclose(found[3], [(1 / 2 + 1 + 1) / 3, 1])
    np.testing.assert_allclose(found[2], [1 / 2, 1])
    alone = beyond.category_diversity(np.array([[2, -1, -1], [3, 3, -1]]), MEMBERS, [3])[3]
    assert np.isnan(alone[0])
    assert alone[1] == 0  # two items without categories
    assert beyond.memberships([None, []]) is None


def test_diversity_by_vectors() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    found = beyond.vector_diversity(np.array([[0, 1, 2]]), vectors, [2, 3])
    np.testing.assert_allclose(found[2], [1])
    np.testing.assert_allclose(found[3], [(1 + 0.4 + 0.2) / 3], rtol=1e-6)


def test_serendipity_counts_what_the_popular_list_would_not_have_shown() -> None:
    # person 0: a hit at 1 that is popular, a hit at 2 that is not; person 1: neither
    found = beyond.serendipity(np.array([1.0, 2, 9]), np.array([3.0, 40, 50]), np.array([0, 0, 1]), 2, 5)
    assert found.tolist() == [1 / 5, 0]


def test_tastes_and_their_divergence() -> None:
    assert MEMBERS is not None
    # someone met items 0 (half a, half b), 1 (b) and 3 (none): a 1/4, b 3/4; someone else met nothing
    preferred = beyond.tastes(np.array([0, 0, 0]), np.array([0, 1, 3]), 2, MEMBERS)
    np.testing.assert_allclose(preferred[0], [1 / 4, 3 / 4, 0])
    assert np.isnan(preferred[1]).all()
    # shown: item 0 alone, so a 1/2, b 1/2
    found = beyond.miscalibration(np.array([[0], [0]]), preferred, MEMBERS, 1)
    a, b = 0.99 * 1 / 2 + 0.01 * 1 / 4, 0.99 * 1 / 2 + 0.01 * 3 / 4
    assert found[0] == pytest.approx(1 / 4 * log(1 / 4 / a) + 3 / 4 * log(3 / 4 / b))
    assert np.isnan(found[1])
    same = beyond.miscalibration(np.array([[0, 1, -1]]), preferred[:1], MEMBERS, 3)
    assert same[0] == pytest.approx(0, abs=1e-12)


def test_exposure_and_its_gini_with_items_that_have_none() -> None:
    given = beyond.exposure(LISTS, 4, 2)
    np.testing.assert_allclose(given, [1 + 1 / log2(3), 1 / log2(3), 0, 1])
    # 0, 0, 0, 1: (2·4 − 4 − 1) / 4
    assert beyond.gini(np.array([0.0, 1, 0, 0])) == 3 / 4
    assert beyond.gini(np.array([2.0, 2, 2])) == 0
    # 1, 3: (−1·1 + 1·3) / (2·4)
    assert beyond.gini(np.array([3.0, 1])) == 2 / 8
    assert beyond.gini(np.zeros(3)) == 0
