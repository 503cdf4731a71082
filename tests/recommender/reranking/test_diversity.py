"""Maximal marginal relevance, by hand."""

from __future__ import annotations

import numpy as np

from recommender.reranking.diversity import cosines, jaccard, mmr

SCORES = np.array([10, 8, 6, 0], dtype=np.float32)  # relevance 1, .8, .6, 0
ALIKE = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float32)


def test_without_diversity_the_order_stays():
    assert mmr(SCORES, ALIKE, 0.0).tolist() == [0, 1, 2, 3]


def test_a_double_goes_behind_what_is_unlike():
    """After item 0: item 1 has .5 · .8 − .5 · 1 = −.1, item 2 .5 · .6 = .3, item 3 0."""
    assert mmr(SCORES, ALIKE, 0.5).tolist() == [0, 2, 3, 1]
    assert mmr(SCORES, ALIKE, 0.2).tolist() == [0, 2, 1, 3]  # .8 · .8 − .2 = .44 < .48; then .44 > 0


def test_with_full_diversity_only_likeness_counts():
    assert mmr(SCORES, ALIKE, 1.0).tolist() == [0, 2, 3, 1]


def test_equal_scores_keep_their_order_and_nothing_is_no_fault():
    assert mmr(np.ones(3, dtype=np.float32), np.eye(3, dtype=np.float32), 0.0).tolist() == [0, 1, 2]
    assert mmr(np.empty(0, dtype=np.float32), np.empty((0, 0), dtype=np.float32), 0.5).tolist() == []


def test_overlap_of_sets():
    sets = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0]], dtype=bool)
    np.testing.assert_allclose(jaccard(sets), [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 0]], rtol=1e-6)


def test_cosines_are_never_negative():
    vectors = np.array([[3, 4], [-3, -4], [0, 0], [4, 3]], dtype=np.float32)
    expected = [[1, 0, 0, 0.96], [0, 1, 0, 0], [0, 0, 0, 0], [0.96, 0, 0, 1]]
    np.testing.assert_allclose(cosines(vectors), expected, atol=1e-6)
