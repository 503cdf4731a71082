"""Tables of groups and classes: cells of few people stay hidden, shares have honest intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from explain.fairness import groups
from explain.fairness.audit import audit
from explain.fairness.base import Asked, Classes
from explain.fairness.cells import share_interval, two_ways
from tests.explain.fairness.materials import coded, histories, material

KINDS = Classes("kind", "Kind", ("a", "b"), np.array([[1, 0], [1, 0], [0, 1], [1, 1]], dtype=np.float32))
"""Of four items."""
QUICK = Asked(k=2, resamples=20, permutations=19)


def found(**changed: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    gender, town = coded("gender", [150, 50]), coded("town", [100, 60, 35, 5], seed=1)
    made = {"people": 200, "n_items": 4, "k": 2, "lists": rng.integers(0, 4, (200, 2)), "classes": (KINDS,),
            "targets": histories(rng.integers(0, 4, (200, 1)).tolist()),
            "histories": histories(rng.integers(0, 4, (200, 3)).tolist())}  # fmt: skip
    return audit(material({}, [gender, town, groups.cross(gender, town)], **(made | changed)), QUICK)


def test_a_cell_of_few_people_takes_others_of_its_row_and_column_along():
    people = np.array([[50.0, 40, 30], [60, 50, 5], [70, 60, 50]])
    mask = two_ways(people, np.ones(3, dtype=np.bool_), np.zeros(3), 20)
    assert not mask[1, 2] and not mask[0, 2] and not mask[1, 1]
    hidden = np.where(mask, 0, people)
    assert all(total == 0 or total >= 20 for total in [*hidden.sum(axis=0), *hidden.sum(axis=1)])
    absent = two_ways(people[:, :2], np.ones(3, dtype=np.bool_), np.array([0.0, 3]), 20)
    assert absent.tolist() == [[True, False], [True, True], [True, True]], "three whose group is not known count too"


def test_no_table_by_class_lets_few_people_be_worked_out():
    """Of every line of the tables of recalls, what is not told is of nobody or of twenty at least."""
    chosen = np.r_[np.full(90, 0), np.full(55, 2), np.full(5, 3), np.full(45, 0), np.full(5, 2)]
    table = found(targets=histories(chosen[:, None].tolist()))["groupings"][0]["opportunity"]
    told = {(row["value"], row["class"]) for row in table if row["share"] is not None}
    assert ("b", "b") not in told, "five people"
    assert ("a", "b") not in told and ("b", "a") not in told, "from these and totals the five could be worked out"


def test_of_hidden_groups_there_is_nothing():
    for grouping in found()["groupings"]:
        shown = {group["value"] for group in grouping["groups"] if not group["suppressed"]}
        for part in ("popularity", "calibration", "parity", "opportunity"):
            assert {row["value"] for row in grouping[part]} <= shown, part
        assert {row["value"] for row in grouping["popularity"]} == shown


@pytest.mark.parametrize("part", ["popularity", "calibration"])
def test_no_crossed_table_lets_the_figure_of_few_be_worked_out(part: str):
    """24 people are a and a, 19 of them with a history: those of town a less the b of them are these 19."""
    gender = replace(coded("gender", [60, 140]), codes=np.r_[np.zeros(60), np.ones(140)].astype(np.int64))
    town = replace(coded("town", [90, 110]), codes=np.r_[[0] * 24, [1] * 36, [0] * 66, [1] * 74].astype(np.int64))
    met = [[]] * 5 + [[0, 1]] * 195
    both = groups.cross(gender, town)
    lists = np.random.default_rng(0).integers(0, 4, (200, 2))
    made = material({}, [gender, town, both], people=200, n_items=4, k=2, lists=lists, classes=(KINDS,),
                    targets=histories([[0]] * 200), histories=histories(met))  # fmt: skip
    told = {(each["name"], row["value"]) for each in audit(made, QUICK)["groupings"] for row in each[part]}
    published = [np.ones(195), *((each.codes == each.names.index(value))[5:].astype(float)
                 for each in (gender, town, both) for name, value in told if each.name == name)]  # fmt: skip
    few = ((gender.codes == 0) & (town.codes == 0))[5:].astype(float)
    best = np.linalg.lstsq(np.array(published).T, few, rcond=None)[0]
    assert np.abs(np.array(published).T @ best - few).max() > 0.01
    assert told, "what gives nobody away is told"


def test_a_group_of_whom_few_have_a_history_has_no_lift_nor_has_what_would_give_it_away():
    met = [[0, 1]] * 150 + [[]] * 45 + [[2, 3]] * 5
    report = found(histories=histories(met))
    assert report["popularity"]["lift"] is not None
    assert report["groupings"][0]["popularity"] == [], "everyone less the one group is the other"


def test_without_histories_the_rest_is_there_with_sentences():
    report = found(histories=histories([[]] * 200))
    assert report["popularity"]["lift"] is None and report["calibration"]["mean"] is None
    assert (
        "Of too few people both a list and a history are known, so there is no popularity lift." in report["problems"]
    )
    assert report["exposure"]["coverage"] == 1.0 and report["groupings"][0]["parity"]


def test_a_share_of_yes_and_no_has_wilson_s_interval():
    share, people = np.array([0.2]), np.array([4000.0])
    low, high = share_interval(share, np.sqrt(share * (1 - share) / (people - 1)), people, 0.95)
    wilson = stats.binomtest(800, 4000).proportion_ci(method="wilson")
    assert (low[0], high[0]) == pytest.approx((wilson.low, wilson.high), abs=1e-4)


def test_a_share_of_nothing_may_be_something_in_the_long_run():
    low, high = share_interval(np.zeros(1), np.zeros(1), np.array([25.0]), 0.95)
    assert low[0] == 0.0 and 0.1 < high[0] < 0.15


def test_intervals_of_shares_of_small_groups_hold():
    rng = np.random.default_rng(0)
    hits = rng.random((4000, 25)) < 0.06
    share, error = hits.mean(axis=1), hits.std(axis=1, ddof=1) / 5
    low, high = share_interval(share, error, np.full(4000, 25.0), 0.95)
    assert 0.93 <= ((low <= 0.06) & (high >= 0.06)).mean() <= 0.985
    t = stats.t.ppf(0.975, 24) * error
    assert ((share - t <= 0.06) & (share + t >= 0.06)).mean() < 0.85, "where t intervals do not"
