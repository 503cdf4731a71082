"""What counts over many people: against closed forms of a linear model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explain.attribution import importance
from explain.attribution.base import Attribution, Cost
from explain.attribution.beeswarm import beeswarm
from explain.attribution.game import ATTRIBUTE, ITEM, OLDER, Target, Unit
from explain.exceptions import CannotExplain
from recommender.data.dataset import Float, Histories, Int
from tests.recommender.builders import histories

NONE = np.empty(0, dtype=np.int64)


class Linear:
    """score(u, i) = Σ over what was met of weights[j, i]."""

    name = "linear"

    def __init__(self, weights: Float) -> None:
        self.weights = weights.astype(np.float32)

    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        found = met.matrix(len(self.weights)).toarray() @ self.weights
        return found if items is None else found[:, items]

    def contributions(self, met: Histories, items: Int) -> Float:
        return self.weights[met.items[:, None], items[met.rows]]


def weighted(*rows: tuple[int, int, float]) -> Linear:
    weights = np.zeros((8, 8))
    for of, to, value in rows:
        weights[of, to] = value
    return Linear(weights)


def tabled(model: Any, people: list[list[int]], **options: Any) -> Any:
    sample = importance.drawn(model, histories(people), NONE)
    method, found = importance.attributed(model, sample, NONE, **options)
    return method, importance.table_of(found), found


def test_of_a_linear_model_shares_are_those_of_its_weights():
    model = weighted((0, 7, 3.0), (1, 7, -1.0))
    method, table, _ = tabled(model, [[0, 1]] * 6)
    assert method == "contributions"
    # |3| and |−1| of 4: item 1 is the newest, item 0 the one before
    bands = {row["band"]: row for row in importance.by_recency(table)}
    assert bands["1"]["share"] == pytest.approx(1 / 4)
    assert bands["2"]["share"] == pytest.approx(3 / 4)
    assert (bands["1"]["value"], bands["2"]["value"]) == (pytest.approx(-1), pytest.approx(3))
    assert bands["2"]["low"] == bands["2"]["high"] == pytest.approx(3 / 4), "all people are alike"
    assert [(row["kind"], row["share"]) for row in importance.by_kind(table)] == [("item", pytest.approx(1))]


def test_means_are_over_people_and_whoever_lacks_a_part_counts_nothing_of_it():
    model = weighted((0, 7, 1.0), (1, 7, 1.0))
    _, table, _ = tabled(model, [[0]] * 6 + [[1]] * 2 + [[0, 1]] * 4)
    rows = {row["category"]: row for row in importance.by_category(table, [["A"], ["B"], *[[]] * 6])}
    assert rows["A"]["share"] == pytest.approx((6 * 1 + 4 * 0.5) / 12)
    assert rows["B"]["share"] == pytest.approx((2 * 1 + 4 * 0.5) / 12)
    assert rows["A"]["people"] == 10
    assert rows["A"]["low"] < rows["A"]["share"] < rows["A"]["high"]


def test_an_item_of_two_categories_counts_in_each():
    _, table, _ = tabled(weighted((0, 7, 2.0)), [[0]] * 6)
    rows = importance.by_category(table, [["A", "B"], *[[]] * 7])
    assert [(row["category"], row["share"]) for row in rows] == [("A", pytest.approx(1)), ("B", pytest.approx(1))]


def test_items_say_how_often_they_support_and_few_people_are_not_told():
    model = weighted((0, 7, 3.0), (1, 7, -1.0), (2, 7, 9.0))
    _, table, _ = tabled(model, [[0, 1]] * 6 + [[2]] * 4)
    rows = importance.by_item(table)
    assert [(row["item"], row["people"]) for row in rows] == [(0, 6), (1, 6)], "item 2 was met by four"
    assert rows[0]["share"] == pytest.approx(6 * 0.75 / 10)
    assert (rows[1]["share"], rows[1]["lowered"], rows[1]["value"]) == (0, 6, pytest.approx(-1))


def test_groups_are_compared_and_small_ones_suppressed():
    model = weighted((0, 7, 1.0))
    _, table, _ = tabled(model, [[0]] * 9)
    rows = importance.by_group(table, ["F"] * 6 + ["M"] * 2 + [None])
    assert rows[1] == {"group": "M", "people": None, "suppressed": True}
    assert (rows[0]["group"], rows[0]["people"], rows[0]["kind"], rows[0]["share"]) == ("F", 6, "newest", 1)


def test_a_recommender_that_ignores_the_person_is_found_out():
    class Same(Linear):
        contributions = None  # type: ignore[assignment]

        def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
            found = np.tile(np.arange(8, dtype=np.float32), (len(met), 1))
            return found if items is None else found[:, items]

    _, _, found = tabled(Same(np.zeros((8, 8))), [[0, 1]] * 5)
    assert importance.nothing_counts(found)
    assert not importance.nothing_counts(tabled(weighted((0, 7, 1e-3)), [[0]])[2])


def test_the_sample_is_that_of_its_seed_and_leaves_out_who_has_nothing_or_everything():
    model = weighted((0, 7, 1.0))
    people = [[], [0], [1], list(range(8)), [2]]
    sample = importance.drawn(model, histories(people), NONE, people=4, seed=1)
    assert set(sample.people.tolist()) <= {1, 2, 4}
    again = importance.drawn(model, histories(people), NONE, people=4, seed=1)
    np.testing.assert_array_equal(sample.people, again.people)
    hidden = importance.drawn(model, histories([[0]]), np.array([7]), people=1)
    assert hidden.items[0, 0] != 7, "what is hidden is not recommended"


def test_after_its_time_no_more_people_are_explained():
    _, _, found = tabled(weighted((0, 7, 1.0)), [[0]] * 30, seconds=1e-9)
    assert len(found) == importance.FEWEST


def test_nobody_with_a_history_is_said_so():
    model = weighted((0, 7, 1.0))
    with pytest.raises(CannotExplain, match="Nobody has a history"):
        importance.attributed(model, importance.drawn(model, histories([[], []]), NONE), NONE)


def attribution(units: tuple[Unit, ...], values: list[float]) -> Attribution:
    given = np.array(values)
    return Attribution("m", Target(1), units, given, "none", float(given.sum()), 0.0, Cost(0, 1))


def test_fields_and_what_lies_long_ago_have_rows_of_their_own():
    units = (Unit(OLDER, "older", 3), Unit(ITEM, 2), Unit(ATTRIBUTE, "age", 30))
    table = importance.table_of([(row, attribution(units, [1.0, 2.0, -1.0])) for row in range(5)])
    assert [(row["field"], row["kind"], row["share"]) for row in importance.by_field(table)] == [
        ("age", ATTRIBUTE, pytest.approx(0.25))
    ]
    rows = importance.by_recency(table)
    assert [(row["band"], row["share"]) for row in rows] == [("1", 0.5), ("before", 0.25)]
    assert table.loc[table["kind"] == OLDER, "place"].tolist() == [2] * 5


def test_points_are_signed_shares_with_the_fifth_of_their_value():
    found = [
        (row, attribution((Unit(ITEM, 0), Unit(ATTRIBUTE, "age", 20 + 10 * row)), [1.0, 1.0 if row > 2 else -1.0]))
        for row in range(5)
    ]
    rows = beeswarm(importance.table_of(found), [["A"]], dict.fromkeys(range(5), 1))
    of_age = sorted((row["level"], row["value"]) for row in rows if row["feature"] == "age")
    assert of_age == [(0, -0.5), (1, -0.5), (2, -0.5), (3, 0.5), (4, 0.5)]
    assert {row["value"] for row in rows if row["feature"] == "A"} == {0.5}
    assert not {"person", "explanation"} & set(rows[0])


def test_features_of_few_people_have_no_points():
    found = [(row, attribution((Unit(ATTRIBUTE, "age", 20),), [1.0])) for row in range(4)]
    assert beeswarm(importance.table_of(found), [], {}) == []
