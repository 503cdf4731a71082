"""Figures over people and groups, worked by hand and as Fairlearn has them."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame

from explain.fairness import consumer
from explain.fairness.audit import audit
from explain.fairness.base import Asked
from explain.fairness.consumer import gini, gini_influence, lorenz, mean_absolute_difference, spread
from tests.explain.fairness.materials import coded, material


def test_the_mean_absolute_difference_over_pairs_by_hand():
    assert mean_absolute_difference(np.array([0.0, 1.0, 0.5])) == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert np.isnan(mean_absolute_difference(np.array([1.0])))


def test_it_is_that_of_all_pairs():
    values = np.random.default_rng(0).random(50)
    pairs = np.abs(values[:, None] - values)[~np.eye(50, dtype=bool)]
    assert mean_absolute_difference(values) == pytest.approx(pairs.mean())
    assert gini(values) == pytest.approx(np.abs(values[:, None] - values).mean() / (2 * values.mean()))


def test_the_gini_coefficient_by_hand():
    assert gini(np.array([1.0, 1.0, 1.0])) == 0
    assert gini(np.array([0.0, 0.0, 0.0, 4.0])) == pytest.approx(3 / 4)
    assert gini(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / 9)
    assert np.isnan(gini(np.zeros(3))) and np.isnan(gini(np.array([-1.0, 2.0]))) and np.isnan(gini(np.empty(0)))


def test_influence_is_how_the_coefficient_moves_with_one_more_of_a_person():
    values = np.array([0.0, 0.0, 0.5, 1.0, 0.2, np.nan, 0.5])
    influence = gini_influence(values)
    assert np.nanmean(influence) == pytest.approx(0, abs=1e-12) and np.isnan(influence[5])
    known = values[~np.isnan(values)]
    for person, value in zip(influence[~np.isnan(values)], known, strict=True):
        weights = np.ones(6_000_000 // 1000)
        more = np.r_[np.repeat(known, len(weights) // 6), np.full(6, value)]
        assert (gini(more) - gini(known)) * len(more) / 6 == pytest.approx(person, abs=5e-3)


def test_the_lorenz_curve_by_hand():
    assert lorenz(np.array([3.0, 0.0, 1.0])) == [[0, 0], [0.333333, 0], [0.666667, 0.25], [1, 1]]
    assert len(lorenz(np.random.default_rng(0).random(5000))) == 101
    assert len(lorenz(np.random.default_rng(0).random(100), step=20)) == 6
    assert lorenz(np.zeros(4)) == []


def test_the_spread_between_groups_by_hand():
    found = spread(np.array([0.2, 0.4, 0.6]), np.array([10.0, 20.0, 10.0]))
    assert found["range"] == pytest.approx(0.4) and found["ratio"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["std"] == pytest.approx(np.sqrt(0.08 / 3), abs=1e-6)
    assert found["weighted_std"] == pytest.approx(np.sqrt((10 * 0.04 + 10 * 0.04) / 40), abs=1e-6)
    assert found["mad"] == pytest.approx((0.2 + 0.2 + 0.4) / 3, abs=1e-6)
    assert found["gini"] == pytest.approx(2 / 9, abs=1e-6)
    assert set(spread(np.array([0.2]), np.array([10.0])).values()) == {None}


def test_means_range_and_ratio_are_those_of_fairlearn():
    rng = np.random.default_rng(4)
    values, grouping = rng.random(300), coded("age", [80, 70, 90, 60], seed=4)
    names = np.array(grouping.names)[grouping.codes]
    theirs = MetricFrame(
        metrics=lambda y_true, y_pred: float(np.mean(y_pred)), y_true=values, y_pred=values, sensitive_features=names
    )
    report = audit(material({"ndcg@10": values}, [grouping]), Asked(resamples=20, permutations=9))
    ours = report["groupings"][0]
    for group in ours["groups"]:
        figures = group["metrics"]["ndcg@10"]
        assert figures["mean"] == pytest.approx(theirs.by_group[group["value"]], abs=1e-8)
        assert figures["bias"] == pytest.approx(theirs.by_group[group["value"]] - theirs.overall, abs=1e-8)
    found = ours["spread"]["ndcg@10"]
    assert found["range"] == pytest.approx(theirs.difference(method="between_groups"), abs=1e-6)
    assert found["ratio"] == pytest.approx(theirs.ratio(method="between_groups"), abs=1e-6)
    furthest = max(abs(group["metrics"]["ndcg@10"]["bias"]) for group in ours["groups"])
    assert furthest == pytest.approx(theirs.difference(method="to_overall"), abs=1e-6)


def test_group_against_rest_by_hand():
    values = np.r_[np.full(20, 0.6), np.full(20, 0.2), np.full(40, 0.3)]
    report = audit(material({"ndcg@10": values}, [coded("age", [20, 20, 40])]), Asked(resamples=50, permutations=9))
    first = report["groupings"][0]["groups"][0]["metrics"]["ndcg@10"]
    assert first["mean"] == 0.6 and first["bias"] == pytest.approx(0.6 - 28 / 80)
    assert first["versus_rest"] == pytest.approx(0.6 - 16 / 60)
    people = report["people"]["ndcg@10"]
    assert people["mean"] == pytest.approx(0.35) and people["std"] == pytest.approx(values.std(), abs=1e-6)


def test_people_of_no_figure_count_in_no_mean():
    means, people = consumer.group_means(np.array([1.0, np.nan, 3.0, 5.0]), np.array([0, 0, 0, -1]), 2)
    assert means[0] == 2.0 and np.isnan(means[1]) and people.tolist() == [2, 0]
