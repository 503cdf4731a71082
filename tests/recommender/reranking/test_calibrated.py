from __future__ import annotations

import numpy as np
import pytest

from recommender.reranking.calibrated import Calibrated, divergence
from tests.recommender.builders import histories
from tests.recommender.reranking.builders import candidates, known

CLASSES = known([[1, 0], [1, 0], [0, 1], [0, 1], [0, 0]])
"""Items 0 and 1 are of a, 2 and 3 of b, 4 of nothing."""


def test_the_divergence_is_steck_s() -> None:
    """p = (1/2, 1/2), q = (1, 0): q̃ = (.995, .005), ½ ln(.5/.995) + ½ ln(.5/.005)."""
    found = divergence(np.array([[0.5, 0.5]]), np.array([[2.0, 0.0]]))
    assert found[0] == pytest.approx(0.5 * np.log(0.5 / 0.995) + 0.5 * np.log(0.5 / 0.005))
    assert divergence(np.array([[0.3, 0.7]]), np.array([[3.0, 7.0]]))[0] == pytest.approx(0.0, abs=1e-12)


def test_a_list_becomes_as_mixed_as_the_history() -> None:
    """Half of the history is of b. Both first places are of a; with a weight of ½ the second goes to the best of b:
    ½ (.5 + .1)/.9 − ½ · 0 exceeds ½ (.5 + .4)/.9 − ½ · 1.96."""
    asked = candidates([[0, 1, 2, 3]], [[0.5, 0.4, 0.1, 0.05]])
    made = Calibrated(0.5, CLASSES, k=2)
    assert made.lists(asked, histories([[1, 3]])).tolist() == [[0, 2]]


def test_a_small_weight_changes_nothing_where_relevance_differs_by_more() -> None:
    asked = candidates([[0, 1, 2, 3]], [[0.5, 0.4, 0.1, 0.05]])
    assert Calibrated(0.05, CLASSES, k=2).lists(asked, histories([[1, 3]])).tolist() == [[0, 1]]


def test_whose_history_is_of_no_class_keeps_the_list() -> None:
    asked = candidates([[0, 1, 2], [0, 1, 2]], [[0.5, 0.3, 0.2]] * 2)
    assert Calibrated(0.9, CLASSES, k=2).lists(asked, histories([[4], []])).tolist() == [[0, 1], [0, 1]]
