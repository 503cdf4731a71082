"""Folds: every rating asked about once."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.data.splits import k_fold
from recommender.exceptions import BadInput, NotTrainable
from tests.recommender.builders import dataset


def test_equal_parts_that_together_are_everything() -> None:
    data = dataset([[0, 1, 2, 3], [1, 2], [0], []], 4)
    folds = k_fold(data, k=3)
    assert sorted(len(fold.test.targets.items) for fold in folds) == [2, 2, 3]
    asked = [(int(fold.test.people[row]), int(item)) for fold in folds
             for row, item in zip(fold.test.targets.rows, fold.test.targets.items, strict=True)]  # fmt: skip
    assert sorted(asked) == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (2, 0)]
    for fold in folds:
        assert len(fold.before_test.histories.items) == 7 - len(fold.test.targets.items)
        assert len(fold.validation.targets.items) == 1  # at least one of a tenth of four or five
        assert fold.test.histories.lengths.tolist() == fold.before_test.histories.lengths[fold.test.people].tolist()


def test_the_same_seed_cuts_the_same_folds() -> None:
    data = dataset([list(range(20))] * 5, 20)
    first, again, other = (k_fold(data, seed=seed)[0].test.targets.items for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_too_few_are_refused() -> None:
    with pytest.raises(BadInput, match="at least 2"):
        k_fold(dataset([[0, 1]], 2), k=1)
    with pytest.raises(NotTrainable, match="need at least 5"):
        k_fold(dataset([[0, 1]], 2))
