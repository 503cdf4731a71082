"""Each metric as a fraction worked by hand."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from recommender.evaluation.ranking import coverage, metrics_at, ranking_metrics

# person 0: two held-out items at ranks 2 and 5; person 1: one at rank 1; person 2: one never; person 3: one at 6
RANKS = np.array([5.0, 2.0, 1.0, np.inf, 6.0])
ROWS = np.array([0, 0, 1, 2, 3])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hit", [1, 1, 0, 0]),
        ("recall", [1, 1, 0, 0]),
        ("precision", [2 / 5, 1 / 5, 0, 0]),
        ("f1", [2 * 1 * (2 / 5) / (1 + 2 / 5), 2 * 1 * (1 / 5) / (1 + 1 / 5), 0, 0]),
        ("ndcg", [(1 / log2(3) + 1 / log2(6)) / (1 / log2(2) + 1 / log2(3)), 1, 0, 0]),
        ("map", [(1 / 2 + 2 / 5) / 2, 1, 0, 0]),
        ("mrr", [1 / 2, 1, 0, 0]),
    ],
)
def test_at_five(name: str, expected: list[float]) -> None:
    np.testing.assert_allclose(metrics_at(RANKS, ROWS, 4, 5)[name], expected)


def test_at_two_the_ideal_is_no_longer_than_the_list() -> None:
    found = metrics_at(np.array([1.0, 3.0, 4.0]), np.array([0, 0, 0]), 1, 2)
    assert found["ndcg"][0] == pytest.approx(1 / (1 + 1 / log2(3)))
    assert found["recall"][0] == pytest.approx(1 / 3)
    assert found["map"][0] == pytest.approx(1 / 2)


def test_someone_without_held_out_items_gets_zero() -> None:
    found = ranking_metrics(np.array([1.0]), np.array([1]), 2, [5, 10])
    assert set(found) >= {"ndcg@5", "ndcg@10", "mrr@5"}
    assert all(values[0] == 0 for values in found.values())


def test_coverage_counts_items_in_any_list() -> None:
    lists = np.array([[0, 1, 2], [1, 0, -1]])
    assert coverage(lists, 2, 8) == 2 / 8
    assert coverage(lists, 3, 8) == 3 / 8
    assert coverage(lists[:0], 3, 0) == 0
