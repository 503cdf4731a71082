"""Held out by time: who is tested on what, and what is known of them."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.data.splits import leave_last_out, shuffled_ties, time_split
from recommender.exceptions import NotTrainable
from tests.recommender.builders import dataset


def test_each_person_by_the_length_of_the_history() -> None:
    split = leave_last_out(dataset([[4, 3, 2, 1], [0, 5, 6], [7, 8], [9], []], 10))
    assert split.train.histories.items.tolist() == [4, 3, 0, 7, 9]
    assert split.validation.people.tolist() == [0, 1]
    assert split.validation.histories.items.tolist() == [4, 3, 0]
    assert split.validation.targets.items.tolist() == [2, 5]
    assert split.test.people.tolist() == [0, 1, 2]
    assert split.test.histories.items.tolist() == [4, 3, 2, 0, 5, 7]
    assert split.test.targets.items.tolist() == [1, 6, 8]
    assert split.before_test.histories.items.tolist() == [4, 3, 2, 0, 5, 7, 9]
    assert split.full.histories.indptr.tolist() == [0, 4, 7, 9, 10, 10]


def test_of_a_repeated_item_the_first_occurrence_counts() -> None:
    split = leave_last_out(dataset([[4, 3, 4, 3], [2, 2]], 5))
    assert split.test.people.tolist() == [0]  # the second person met one item only
    assert split.test.targets.items.tolist() == [3]
    assert split.test.histories.items.tolist() == [4]


def test_ties_in_time_are_held_out_in_order_of_arrival() -> None:
    split = leave_last_out(dataset([[4, 3, 2]], 5, [[7, 7, 7]]))
    assert split.validation.targets.items.tolist() == [3]
    assert split.test.targets.items.tolist() == [2]


def test_a_catalog_without_people_splits_into_nothing() -> None:
    split = leave_last_out(dataset([], 3))
    assert len(split.test.people) == len(split.validation.people) == 0
    assert split.train.n_items == 3


def test_nothing_held_out_is_known() -> None:
    rng = np.random.default_rng(0)
    split = leave_last_out(dataset([rng.integers(30, size=rng.integers(12)).tolist() for _ in range(200)], 30))
    for holdout in (split.validation, split.test):
        known = set(zip(holdout.histories.rows.tolist(), holdout.histories.items.tolist(), strict=True))
        asked = set(zip(holdout.targets.rows.tolist(), holdout.targets.items.tolist(), strict=True))
        assert not known & asked
        assert holdout.targets.lengths.tolist() == [1] * len(holdout.people)


def test_the_time_split_by_hand() -> None:
    # ten interactions; the last one in ten by time (time 9) is the test, the one before it (time 8) validates
    data = dataset([[0, 1, 2], [1, 2, 3, 0], [2], [3, 4]], 5, [[0, 1, 9], [2, 3, 4, 5], [8], [6, 7]])
    split = time_split(data)
    assert split.test.people.tolist() == [0]
    assert split.test.targets.items.tolist() == [2]
    assert split.test.histories.items.tolist() == [0, 1]
    assert split.validation.people.tolist() == [2]  # a newcomer, asked about with an empty history
    assert split.validation.histories.lengths.tolist() == [0]
    assert split.train.histories.items.tolist() == [0, 1, 1, 2, 3, 0, 3, 4]
    assert split.before_test.histories.items.tolist() == [0, 1, 1, 2, 3, 0, 2, 3, 4]


def test_one_moment_is_never_divided() -> None:
    data = dataset([[0], [1], [2], [3], [4]], 5, [[0], [1], [1], [1], [2]])
    assert time_split(data, test=0.5).test.targets.items.tolist() == [4]  # the tie at 1 would make four of five
    data = dataset([[0], [1], [2], [3]], 5, [[0], [1], [1], [1]])
    assert time_split(data).test.targets.items.tolist() == [1, 2, 3]  # there is no later moment


def test_without_a_clock_nothing_is_held_out_by_time() -> None:
    with pytest.raises(NotTrainable, match="same time"):
        time_split(dataset([[0, 1], [2]], 3, [[5, 5], [5]]))


def test_ties_are_shuffled_and_nothing_else() -> None:
    data = dataset([list(range(30)), [3, 4, 5]], 30, [[7] * 30, [1, 2, 3]])
    first, second = shuffled_ties(data, seed=1), shuffled_ties(data, seed=2)
    assert first.test.targets.items[0] != second.test.targets.items[0]
    assert first.test.targets.items[1] == second.test.targets.items[1] == 5
    assert sorted(first.full.histories.items_of(0)) == list(range(30))
