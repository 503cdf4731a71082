"""Dependence of a recommendation on one thing, against standings worked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from explain.attribution import dependence
from explain.attribution.importance import Sample
from recommender.data.dataset import CONTEXT, Float, Histories, Int
from tests.recommender.builders import histories


class ByAge:
    """Of six items the last stands out by a person's age, and by how much is known: score(5) = age · n, else 0."""

    name = "by_age"
    reads_fields = True

    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        found = np.zeros((len(met), 6), dtype=np.float32)
        found[:, 5] = [float(age or 0) for age in met.fields["age"]] * met.lengths
        found[:, 1] = 1
        return found if items is None else found[:, items]


def sample(people: list[list[int]], ages: list[Any]) -> Sample:
    known = replace(histories(people), fields={"age": np.array(ages, dtype=object)})
    rows = np.arange(len(people))
    return Sample(rows, known, np.full((len(people), 1), 5))


def standing(x: float) -> float:
    """Of x among the scores (1, 0, 0, 0, x): items 1 to 5, item 0 is met."""
    scores = np.array([1.0, 0, 0, 0, x])
    return float((x - scores.mean()) / scores.std())


def test_a_field_is_set_to_each_value_for_everyone():
    found = dependence.of_field(ByAge(), sample([[0]] * 6, [10, 20, None, 40, 50, 60]), "age", [0, 3])
    np.testing.assert_allclose(found[:, 0], standing(0), rtol=1e-6)
    np.testing.assert_allclose(found[:, 1], standing(3), rtol=1e-6)
    rows = dependence.curve([0, 3], found)
    assert rows[1]["value"] == pytest.approx(standing(3))
    assert rows[1]["low"] == rows[1]["high"] == pytest.approx(rows[1]["value"])
    assert rows[1]["people"] == 6


def test_of_a_history_only_the_newest_interactions_are_left():
    of = sample([[0, 0]] * 5 + [[0]] * 5, [3] * 10)
    values, found = dependence.of_length(ByAge(), of)
    assert values == [0, 1, 2]
    assert (found[:, 0] == 0).all()
    np.testing.assert_allclose(found[:, 1], standing(3) - standing(0), rtol=1e-6)
    np.testing.assert_allclose(found[:5, 2], standing(6) - standing(0), rtol=1e-6)
    assert np.isnan(found[5:, 2]).all(), "who has fewer takes no part"


def test_what_is_left_is_the_newest():
    class Newest(ByAge):
        def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
            found = np.zeros((len(met), 6), dtype=np.float32)
            found[met.rows, 5] += np.where(met.items == 4, 1, 0)
            return found

    _, found = dependence.of_length(Newest(), sample([[0, 4]] * 5, [1] * 5))
    np.testing.assert_allclose(found[:, 1], 3**0.5, rtol=1e-6)  # of 0, 0, 0 and 1, against four alike
    _, found = dependence.of_length(Newest(), sample([[4, 0]] * 5, [1] * 5))
    assert (found[:, 1] == 0).all()


def test_small_groups_and_rare_values_are_left_out():
    found = np.array([[1.0, 2.0]] * 4 + [[3.0, np.nan]] * 6)
    assert [row["x"] for row in dependence.curve(["a", "b"], found)] == ["a"]
    rows = dependence.by_group(["a", "b"], found, ["F"] * 4 + ["M"] * 6)
    assert [(row["group"], row["x"], row["value"]) for row in rows] == [("M", "a", 3.0)]


def test_popular_items_are_compared_in_bands():
    class Popular(ByAge):
        def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
            return np.tile(np.arange(6, dtype=np.float32), (len(met), 1))

    rows = dependence.of_popularity(
        Popular(), sample([[0]] * 5, [1] * 5), np.array([9, 1, 2, 3, 4, 5]), np.array([3], dtype=np.int64)
    )
    spread = np.arange(1, 6).std()
    assert [row["x"] for row in rows] == [1, 2, 4, 5], "item 3 is hidden, item 0 was met by all"
    np.testing.assert_allclose([row["value"] for row in rows], (np.array([1, 2, 4, 5]) - 3) / spread, rtol=1e-6)


def test_scores_that_are_all_alike_have_no_standing():
    class Same(ByAge):
        def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
            return np.ones((len(met), 6), dtype=np.float32)

    of = sample([[0]] * 5, [1] * 5)
    assert (dependence.standings(Same(), of.histories, of.items[:, 0], of.histories) == 0).all()


def test_values_to_try_are_frequent_words_or_quantiles():
    words = np.array(["b", "a", "b", None, ["x"], "B"], dtype=object)
    assert dependence.values_of(words) == ["a", "b"]
    numbers = np.array(list(range(101)), dtype=object)
    tried = dependence.values_of(numbers)
    assert (len(tried), tried[0], tried[-1]) == (8, 5.0, 95.0)
    assert dependence.values_of(np.array([2, 10, 2], dtype=object)) == [2, 10]


def test_only_fields_that_are_read_and_known_are_asked_about():
    fields = {"age": np.array([1], dtype=object), CONTEXT + "hour": np.array([None], dtype=object)}
    known = replace(histories([[0]]), fields=fields)
    assert dependence.fields_read(ByAge(), known) == ["age"]
    assert dependence.fields_read(object(), known) == []  # type: ignore[arg-type]
