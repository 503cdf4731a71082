"""Groups: means by hand, small ones suppressed, bands that never divide a tie."""

from __future__ import annotations

import numpy as np

from recommender.evaluation.segments import bands, segments


def test_a_group_has_its_own_mean_and_interval() -> None:
    names = ["a"] * 30 + ["b"] * 20
    values = np.array([1.0] * 15 + [0.0] * 15 + [0.5] * 20)
    first, second = segments(names, values)
    assert (first.name, first.people, first.value) == ("a", 30, 0.5)
    assert first.low is not None and first.high is not None
    assert 0.2 < first.low < 0.5 < first.high < 0.8
    assert (second.value, second.low, second.high) == (0.5, 0.5, 0.5)


def test_small_groups_are_named_but_not_shown() -> None:
    rows = segments(["a"] * 20 + ["b"] * 19, np.ones(39))
    assert [(row.name, row.people, row.value) for row in rows] == [("a", 20, 1.0), ("b", 19, None)]


def test_people_without_a_value_belong_to_no_group() -> None:
    rows = segments(["a", "a", "b"], np.array([1.0, np.nan, 0.0]), ["b", "a", "c"], least=1)
    assert [(row.name, row.people) for row in rows] == [("b", 1), ("a", 1)]


def test_bands_hold_about_as_many_each() -> None:
    labels, order = bands(np.array([1.0, 2, 3, 4, 5, 6, 7, 8]))
    assert order == ["1–2", "3–4", "5–6", "7–8"]
    assert labels == ["1–2", "1–2", "3–4", "3–4", "5–6", "5–6", "7–8", "7–8"]
    assert bands(np.array([1.0, 1, 1, 9]))[1] == ["1", "9"]
    assert bands(np.array([1.5, np.nan])) == (["1.5", "not known"], ["1.5", "not known"])
    assert bands(np.array([np.nan]))[1] == ["not known"]


def test_bands_of_small_numbers_stay_apart() -> None:
    labels, order = bands(np.array([0.01, 0.012, 0.021, 0.024, 0.031, 0.034, 0.041, 0.044]))
    assert order == ["0.010–0.012", "0.021–0.024", "0.031–0.034", "0.041–0.044"]
    assert labels == [name for name in order for _ in range(2)]
    assert bands(np.array([0.04, 0.041, 7.0, 9.0]), 3)[1] == ["0.040", "0.041", "7–9"]
