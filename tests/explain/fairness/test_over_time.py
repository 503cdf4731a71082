"""What was served week by week, worked out by hand, and whether it moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from explain.fairness.audit import audit
from explain.fairness.base import Asked, Grouping
from tests.explain.fairness.materials import coded, material

MONDAY = 18 * 7 + 4  # days since 1970, a Thursday


def served(weeks: int, answers: Any, *, people: int = 40, grouping: Grouping | None = None) -> dict[str, Any]:
    """Everyone gets a list each week; `answers` (weeks, people)."""
    rng = np.random.default_rng(0)
    lists = rng.permuted(np.tile(np.arange(30), (weeks * people, 1)), axis=1)[:, :10]
    listed = np.asarray(answers, dtype=np.float64)
    made = material(
        {"response": listed.mean(axis=0)}, [] if grouping is None else [grouping], lists=lists, targets=None,
        owners=np.tile(np.arange(people), weeks), weeks=np.repeat(MONDAY + 7 * np.arange(weeks), people),
        listed=pd.DataFrame({"response": listed.ravel()}),
    )  # fmt: skip
    return audit(made, Asked(resamples=100, permutations=99))


def test_each_week_has_its_figures():
    answers = np.zeros((4, 40))
    answers[1, :10] = 1
    over = served(4, answers)["over_time"]
    assert [week["week"] for week in over["weeks"]] == ["1970-05-11", "1970-05-18", "1970-05-25", "1970-06-01"]
    assert [(week["lists"], week["people"], week["coverage"]) for week in over["weeks"]] == [(40, 40, 1.0)] * 4
    second = over["weeks"][1]["quality"]["response"]
    far = 1.96 * np.sqrt(0.25 * 0.75 / 40)
    assert (second["mean"], second["low"], second["high"]) == pytest.approx((0.25, 0.25 - far, 0.25 + far), abs=1e-4)


def test_a_trend_is_the_slope_per_week_with_an_interval():
    rng = np.random.default_rng(3)
    answers = (rng.random((6, 40)) < np.linspace(0.1, 0.9, 6)[:, None]).astype(float)
    (found,) = (row for row in served(6, answers)["over_time"]["trends"] if row["figure"] == "response")
    assert found["per_week"] == pytest.approx(np.polyfit(np.arange(6), answers.mean(axis=1), 1)[0], abs=1e-6)
    assert 0.1 < found["low"] < found["per_week"] < found["high"]


def test_gaps_of_groups_by_week():
    answers = np.zeros((3, 40))
    answers[:, :20] = 1
    weeks = served(3, answers, grouping=coded("gender", [20, 20]))["over_time"]["weeks"]
    assert weeks[0]["gaps"] == {"gender": {"a": 1.0, "b": -1.0}}


def test_a_group_that_is_too_small_in_a_week_takes_the_others_gaps_along():
    answers = np.ones((3, 60))
    answers[0, :5] = np.nan  # five of a group of 20 gave no answer that could be looked at
    found = served(3, answers, people=60, grouping=coded("gender", [20, 40]))
    weeks = found["over_time"]["weeks"]
    assert weeks[0]["gaps"] == {} and weeks[1]["gaps"] != {}


def test_answers_that_are_not_known_yet_of_most_people_of_a_week_say_nothing_of_it():
    answers = np.ones((4, 40))
    answers[3, 5:] = np.nan
    weeks = served(4, answers, grouping=coded("gender", [20, 20]))["over_time"]["weeks"]
    assert [week["quality"]["response"]["mean"] for week in weeks] == [None, 1.0, 1.0, None], (
        "of five people it is known in the last; a whole week more keeps theirs from being what is left"
    )
    assert weeks[3]["people"] == 40 and weeks[3]["gaps"] == {} and weeks[1]["gaps"] != {}


def test_the_gap_of_a_week_is_between_those_whose_answers_are_known():
    answers = np.ones((3, 60))
    answers[0, 30:], answers[0, :10] = 0, np.nan
    weeks = served(3, answers, people=60, grouping=coded("gender", [30, 30]))["over_time"]["weeks"]
    assert weeks[0]["gaps"] == {"gender": {"a": 1.0, "b": -1.0}}


def test_what_is_left_of_all_weeks_is_not_a_week_of_few_people():
    owners = np.r_[np.arange(30), np.arange(30, 70), np.arange(70, 75)]
    weeks = MONDAY + 7 * np.repeat([0, 1, 2], [30, 40, 5])
    lists = np.tile(np.arange(10), (75, 1))
    made = material(
        {"response": np.ones(75)}, [], lists=lists, targets=None, owners=owners, weeks=weeks,
        listed=pd.DataFrame({"response": np.ones(75)}),
    )  # fmt: skip
    report = audit(made, Asked(resamples=100, permutations=99))
    assert [week["people"] for week in report["over_time"]["weeks"]] == [40]


def test_weeks_of_few_people_and_trends_of_few_weeks_are_left_out():
    assert served(2, np.ones((2, 40)))["over_time"]["trends"][0]["per_week"] is None
    report = served(3, np.ones((3, 10)), people=10)
    assert report["over_time"] is None, "ten people are too few for any figure"
