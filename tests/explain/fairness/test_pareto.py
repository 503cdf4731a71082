"""The curve of a remedy: figures by hand, intervals, dominated points, and whether it is monotone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explain.fairness import disparities, influence
from explain.fairness.base import Asked, Classes, Grouping
from explain.fairness.disparities import People
from explain.fairness.groups import cross
from explain.fairness.influence import Moving, Shown
from explain.fairness.monotone import Steps, rise
from explain.fairness.pareto import Point, curve, dominated, told
from recommender.data.dataset import Histories
from recommender.evaluation import beyond_accuracy
from recommender.evaluation.significance import bootstrap_sums

SECOND = 1 / np.log2(3)
LISTS = np.array([[0, 1], [0, 2], [0, -1]])
"""Three people, items 0 to 4 of which 4 may not be shown and 3 is shown to nobody."""
OFFERED = np.array([True, True, True, True, False])


def histories(rows: list[list[int]]) -> Histories:
    items = np.array([item for row in rows for item in row], dtype=np.int64)
    ends = np.cumsum([0, *map(len, rows)])
    n = len(items)
    return Histories(ends, items, np.ones(n, dtype=np.float32), np.arange(n, dtype=np.float64), np.zeros(n, np.int16))


def moving(value: float, *influences: float) -> Moving:
    return Moving(value, np.array(influences))


def test_exposure_gini_coverage_and_lift_by_hand() -> None:
    shown = Shown.of(LISTS, 5)
    assert shown.exposure() == pytest.approx([3, SECOND, SECOND, 0, 0])
    gini = influence.exposure_gini(LISTS, OFFERED)
    assert gini.value == pytest.approx((-1 * SECOND + SECOND + 3 * 3) / (4 * (3 + 2 * SECOND)))  # (2i − 5) / 4 each
    assert gini.value == pytest.approx(beyond_accuracy.gini(shown.exposure()[:4]))
    without = np.array(
        [influence.exposure_gini(np.delete(LISTS, person, axis=0), OFFERED).value for person in range(3)]
    )
    assert gini.influence == pytest.approx(2 * (without.mean() - without))
    covered = influence.coverage(shown, OFFERED)
    assert covered.value == 3 / 4
    assert covered.influence == pytest.approx([2 * (1 / 4 - 1 / 6), 2 * (1 / 4 - 1 / 6), -2 / 6])
    lift = influence.popularity_lift(LISTS, np.array([0.2, 0.4, np.nan]), np.array([1.0, 0.5, 0.3, 0.1, 0.9]))
    assert lift.value == pytest.approx((0.75 + 0.65 + 1.0) / 3 / 0.3 - 1)
    for each in (gini, covered, lift):
        assert each.influence.sum() == pytest.approx(0)


def test_disparate_exposure_is_exposure_by_relevance_of_a_class_against_all_others() -> None:
    shown, member = Shown.of(LISTS, 5), np.array([0.0, 1, 0, 0, 0])
    wanted = np.array([[1, 0], [1, 2], [0, 1]], dtype=float)
    found = influence.disparate_exposure(shown, wanted, member)
    assert found.value == pytest.approx((SECOND / 2) / ((3 + SECOND) / 3))
    assert found.influence.sum() == pytest.approx(0)
    assert np.isnan(influence.disparate_exposure(shown, wanted, np.array([0.0, 0, 0, 1, 0])).value)


def test_influences_are_the_slopes_of_a_figure_in_the_weight_of_a_person() -> None:
    rng = np.random.default_rng(1)
    n, lists = 40, np.array([np.random.default_rng(at).permutation(12)[:3] for at in range(40)])
    profiles, shares = rng.uniform(0.1, 0.5, n), rng.uniform(0.05, 0.9, 12)
    wanted = rng.integers(1, 3, (n, 2)).astype(float)
    ways: list[Any] = [
        lambda lists, at: influence.popularity_lift(lists, profiles[at], shares),
        lambda lists, at: influence.disparate_exposure(Shown.of(lists, 12), wanted[at], (np.arange(12) < 5) * 1.0),
    ]
    times = 400
    for way in ways:
        whole = way(lists, np.arange(n))
        for person in (0, 7):
            at = np.r_[np.tile(np.arange(n), times), person]
            step = way(lists[at], at).value - whole.value
            assert step * (n * times + 1) == pytest.approx(whole.influence[person], rel=0.02, abs=2e-3)


def test_intervals_of_exposure_hold_where_items_have_few_places() -> None:
    """200 people out of 2,000, 600 items: first-order slopes would hold 85 of 100, percentiles hardly any."""
    rng, people, items = np.random.default_rng(0), 2000, 600
    odds = np.log(1 / np.arange(1, items + 1)) + rng.gumbel(size=(people, items))
    lists, offered = np.argsort(-odds, axis=1)[:, :8], np.ones(items, dtype=bool)
    drawn = [lists[rng.integers(people, size=200)] for _ in range(300)]
    for name, found in (
        ("gini", [influence.exposure_gini(each, offered) for each in drawn]),
        ("coverage", [influence.coverage(Shown.of(each, items), offered) for each in drawn]),
    ):
        wanted = np.mean([each.value for each in found])
        ends = np.array([disparities.interval(name, each, 1.96) for each in found])
        held = ((ends[:, 0] <= wanted) & (wanted <= ends[:, 1])).mean()
        assert 0.92 <= held <= 0.99, (name, held)


def test_the_error_is_that_of_people_drawn_again() -> None:
    figure = influence.mean(np.random.default_rng(0).normal(size=60))
    drawn = bootstrap_sums(figure.influence[:, None], resamples=4000)[:, 0] / 60
    assert figure.error == pytest.approx(drawn.std(), rel=0.05)


def test_intervals_stay_on_their_scale_and_the_range_of_equal_groups_has_0_in_it() -> None:
    low, high = disparities.interval("gini", moving(0.95, 0.9, -0.9), 1.96)
    assert 0 < low < 0.95 < high < 1
    low, high = disparities.interval("classes", moving(0.5, 0.5, -0.5), 1.96)
    assert low * high == pytest.approx(0.25)  # symmetric on the logarithm
    assert np.isnan(disparities.interval("coverage", moving(1.0, 0.0, 0.0), 1.96)).all()
    rng, held = np.random.default_rng(0), 0
    for _ in range(200):
        value, low, high = disparities.range_interval(rng.normal(size=6) * 0.1, np.full(6, 0.1), draws=400)
        held += low == 0
        assert value <= high
    assert held >= 186, "with no true difference 0 is left out in 5 of 100 at most"


def test_a_point_is_dominated_only_beyond_chance() -> None:
    sure, unsure = (0.001, -0.001), (5.0, -5.0)
    accuracy = [moving(0.30, 0, 0), moving(0.29, *sure), moving(0.28, *unsure)]
    assert dominated(accuracy, [moving(0.9, 0, 0), moving(0.8, *sure), moving(0.8, *sure)]) == [None, None, None]
    assert dominated(accuracy, [moving(0.8, 0, 0), moving(0.9, *sure), moving(0.9, *unsure)]) == [None, 0, None]
    same = [moving(0.3, 0, 0)] * 2
    assert dominated(same, same) == [None, None]


def test_a_curve_is_monotone_or_the_sentence_says_where_not_and_why() -> None:
    falling = [moving(value, 0.01, -0.01) for value in (0.3, 0.29, 0.27)]
    steps = Steps(falling, (0.0, 0.5, 1.0), "NDCG@10", trained=False)
    better = [moving(value, 0.01, -0.01) for value in (0.9, 0.8, 0.7)]
    assert steps.told(better, [0.9, 0.8, 0.7], aimed=True)["holds"]
    noisy = [better[0], better[1], moving(0.85, 3.0, -3.0)]
    assert steps.told(noisy, [0.9, 0.8, 0.85], aimed=True)["holds"]
    worse = [better[0], better[2], better[1]]
    found = steps.told(worse, [0.9, 0.7, 0.8], aimed=True)
    assert not found["holds"] and "from strength 0.5 to 1 by more than chance (.700 to .800)" in found["text"]
    assert "stand-in" in found["text"]
    assert "not made to lower it" in steps.told(worse, [0.9, 0.7, 0.8], aimed=False)["text"]
    found = steps.told(worse, [0.9, 0.0, -0.8], aimed=True, even=0.0)
    assert "(.000 to −.800). It passes what is even" in found["text"]
    trained = Steps(falling[::-1], (0.0, 0.5, 1.0), "NDCG@10", trained=True)
    found = trained.told(better, [0.9, 0.8, 0.7], aimed=True)
    assert not found["holds"] and "NDCG@10 rises" in found["text"] and "training of its own" in found["text"]
    assert rise([moving(0.5, 0, 0), moving(0.4, 0, 0), moving(0.45, 0, 0), moving(0.6, 0, 0)]) == (1, 3)


def test_of_twelve_points_that_differ_by_chance_alone_few_curves_are_said_to_rise() -> None:
    draws = np.random.default_rng(0)
    told = [rise([influence.mean(draws.normal(size=150)) for _ in range(12)]) is not None for _ in range(500)]
    assert np.mean(told) < 0.05


@pytest.fixture(scope="module")
def crowd() -> tuple[list[Point], People]:
    """115 people in three groups and a fourth of five; at strength 1 the first item makes room and the second group,
    which had less, gains."""
    n = 115
    codes = np.repeat(np.arange(4), [45, 40, 25, 5])
    met = histories([[at % 6, (at + 1) % 6] for at in range(n)])
    targets = histories([[(at + 2) % 6] for at in range(n)])
    members = np.eye(2, dtype=np.float32)[np.arange(6) % 2]
    classes = Classes("categories", "Categories", ("a", "b"), members)
    grouping = Grouping("gender", "Gender", "attribute", codes, ("f", "m", "x", "y"), sensitive=True)
    age = Grouping("age", "Age", "band", np.arange(n) % 2, ("old", "young"))
    crossed = cross(grouping, age)
    people = People(met, targets, np.full(6, 1 / 3), np.ones(6, dtype=bool), classes, (grouping, age, crossed))
    quality = np.where(codes == 1, 0.2, 0.6) + 0.1 * (np.arange(n) % 3)
    first = np.stack([np.zeros(n), 1 + np.arange(n) % 5], axis=1).astype(np.int64)
    second = np.stack([np.arange(n) % 6, (np.arange(n) + 3) % 6], axis=1)
    gained = quality + np.where(codes == 1, 0.2, -0.1)
    return [Point(0.0, quality, first), Point(1.0, gained, second)], people


def test_a_sweep_is_told_with_paired_differences_and_small_groups_hidden(crowd: tuple[list[Point], People]) -> None:
    points, people = crowd
    drawn = curve(points, people, Asked(resamples=200))
    found = told(drawn, ("exposure", "people"), trained=False, metric="NDCG@10", groups="age")
    aimed = [each["key"] for each in found["figures"] if each["aimed"]]
    assert aimed == ["gini", "coverage", "classes", "gap:age", "range:age"]
    first, second = found["points"]
    assert first["accuracy"]["difference"] == 0 and first["accuracy"]["p"] is None
    change = (points[1].quality - points[0].quality).mean()
    assert second["accuracy"]["difference"] == pytest.approx(change, abs=1e-6)
    assert second["accuracy"]["diff_low"] < change < second["accuracy"]["diff_high"]
    keys = [each["key"] for each in found["figures"]]
    groups = ["gap:gender", "gap:age", "range:gender", "range:age"]
    assert keys == ["gini", "coverage", "lift", "calibration", "classes", *groups], "none of those crossed"
    assert [each["key"] for each in found["figures"] if each["sensitive"]] == ["gap:gender", "range:gender"]
    gini = second["disparities"]["gini"]
    assert gini["diff_high"] < 0 and gini["low"] < gini["value"] < gini["high"]
    gap = second["disparities"]["gap:gender"]
    assert next(each["followed"] for each in found["figures"] if each["key"] == "gap:gender") == "m"
    assert gap["difference"] == pytest.approx(0.3, abs=0.03) and gap["diff_low"] > 0
    assert second["disparities"]["range:gender"]["diff_low"] is None
    groups = {each["value"]: each for each in found["groupings"][0]["groups"]}
    for few in ("x", "y"):  # y alone is too small; x with it, or it could be worked out
        assert groups[few] == {"value": few, "people": None, "suppressed": True, "metrics": {}}
    shown = [each for each in groups.values() if not each["suppressed"]]
    assert all(each["metrics"]["1"]["change"] is not None for each in shown)
    assert [each["name"] for each in found["groupings"]] == ["gender", "age"]
    assert found["classes"]["exposure"]["0"] == pytest.approx(
        [1 - found["classes"]["exposure"]["0"][1], found["classes"]["exposure"]["0"][1]], abs=1e-5
    )


def test_chance_alone_does_not_narrow_the_gap_of_the_group_that_was_chosen_for_being_lowest() -> None:
    n, rng, found = 300, np.random.default_rng(4), 0
    grouping = Grouping("town", "Town", "attribute", np.arange(n) % 12, tuple("abcdefghijkl"))
    met = histories([[at % 6] for at in range(n)])
    classes = Classes("categories", "Categories", ("a", "b"), np.eye(2, dtype=np.float32)[np.arange(6) % 2])
    people = People(met, met, np.full(6, 1 / 6), np.ones(6, dtype=bool), classes, (grouping,))
    lists = np.array([[at % 6, (at + 1) % 6] for at in range(n)])
    for _ in range(50):
        before, after = np.where(rng.random((2, n)) < 0.3, rng.random((2, n)), 0.0)
        drawn = curve([Point(0.0, before, lists), Point(1.0, after, lists)], people, Asked(resamples=30))
        gap = told(drawn, (), trained=False, metric="NDCG@10")["points"][1]["disparities"]["gap:town"]
        found += gap["diff_low"] > 0
    assert found <= 2, "intervals of one group alone find it in 11 of these 50"


def test_of_two_groups_that_are_each_others_rest_there_is_one_gap() -> None:
    codes = np.array([0, 0, 1, 1, -1])
    pair = Grouping("gender", "Gender", "attribute", codes, ("f", "m"))
    both, everyone = np.array([True, True]), np.ones(5, dtype=bool)
    assert disparities.chosen_of(pair, both, codes >= 0) == 1
    assert disparities.chosen_of(pair, both, everyone) == 2, "the rest has people of neither"
    three = Grouping("age", "Age", "band", np.array([0, 1, 2, 0, 1]), ("a", "b", "c"))
    assert disparities.chosen_of(three, np.ones(3, dtype=bool), everyone) == 3


def test_where_only_strength_0_was_measured_sensitive_figures_are_still_known_as_such(
    crowd: tuple[list[Point], People],
) -> None:
    found = told(curve(crowd[0][:1], crowd[1], Asked(resamples=200)), (), trained=True, metric="NDCG@10")
    assert found["groupings"] == [] and len(found["points"]) == 1
    assert [each["key"] for each in found["figures"] if each["sensitive"]] == ["gap:gender", "range:gender"]
