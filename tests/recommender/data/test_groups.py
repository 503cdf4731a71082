from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recommender.data.dataset import Dataset
from recommender.data.groups import band_edges, coded, column_of, groups_of
from recommender.data.preparation import fingerprint
from recommender.data.preparation.preparing import prepare
from recommender.data.preparation.settings import PreparationConfig
from recommender.data.splits import leave_last_out
from recommender.exceptions import NotTrainable
from tests.recommender.metalearning.planted import PEOPLE, opposite


def with_groups(values: list[Any]) -> Dataset:
    column = np.empty(PEOPLE, dtype=object)
    column[:] = values
    return replace(opposite()[0], user_groups={"taste": column})


def test_a_group_per_word_in_the_order_of_the_alphabet() -> None:
    codes, names = coded(column_of(["f", "m", None, " ", "m", float("nan")], number=False))
    assert names == ("f", "m") and codes.tolist() == [0, 1, -1, -1, 1, -1]


def test_numbers_fall_into_bands_that_divide_no_ties() -> None:
    codes, names = coded(column_of([1, 1, 1, "4", 5, 6, 7, 8, "old", None] * 20, number=True))
    assert codes[:10].tolist() == [0, 0, 0, 0, 1, 1, 2, 2, -1, -1]
    assert names == ("1–4", "5–6", "7–8")


def test_bands_of_few_numbers_join_their_neighbours() -> None:
    numbers = np.r_[np.full(20, 20.0), 21.0, np.full(40, 30.0), np.arange(31.0, 50.0)]
    assert band_edges(numbers, 4).tolist() == [20, 21, 30]
    assert band_edges(numbers, 4, least=20).tolist() == [20, 30], "that of the one aged 21 joins the one before"


def test_activity_makes_groups_of_those_who_did_anything() -> None:
    data, _ = opposite()
    lengths = np.arange(PEOPLE) % 4 * 2
    keep = np.concatenate([np.arange(8) < length for length in lengths])
    found = groups_of(data.with_histories(data.histories.keep(keep)), "activity")
    assert found.names == ("2", "4", "6") and found.codes[:4].tolist() == [-1, 0, 1, 2]


def test_a_group_of_a_few_is_none() -> None:
    found = groups_of(with_groups(["a"] * 60 + ["b"] * 50 + ["c"] * 10), "taste")
    assert found.names == ("a", "b") and (found.codes[-10:] == -1).all()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([None] * PEOPLE, "Nobody here has the attribute “taste”"),
        (["a"] * PEOPLE, "fewer than two groups of 20 people or more"),
        ([f"v{at}" for at in range(PEOPLE)], "“taste” has 120 values; a training weighs at most 50 groups"),
    ],
)
def test_what_makes_no_groups_is_said(values: list[Any], said: str) -> None:
    with pytest.raises(NotTrainable, match=said):
        groups_of(with_groups(values), "taste")
    with pytest.raises(NotTrainable, match="was given no groups of people by “income”"):
        groups_of(with_groups(values), "income")


def test_groups_change_the_fingerprint_only_where_there_are_any() -> None:
    data, _ = opposite()
    without = replace(data, user_groups={})
    assert fingerprint(data) != fingerprint(without)
    assert fingerprint(with_groups(["a"] * PEOPLE)) != fingerprint(data)
    assert fingerprint(without) == fingerprint(replace(data, user_groups={}))


def test_every_part_of_a_split_keeps_the_groups() -> None:
    data, _ = opposite()
    split = leave_last_out(data)
    assert split.train.user_groups == split.before_test.user_groups == split.full.user_groups == data.user_groups


def test_what_is_prepared_keeps_the_groups() -> None:
    data, _ = opposite()
    prepared, _ = prepare(data, PreparationConfig(min_item=2), {"user": {}, "item": {}})
    assert prepared.user_groups == data.user_groups
