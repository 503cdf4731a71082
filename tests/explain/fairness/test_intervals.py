"""Intervals of means: closed forms, and what they hold in a simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from explain.fairness.consumer import gini, gini_influence
from explain.fairness.intervals import (
    PSEUDO_PAIRED,
    Means,
    detectable,
    difference_interval,
    mean_interval,
    p_of_difference,
    p_of_mean,
    power,
    power_both_ways,
    shape,
)
from explain.fairness.told import gini_interval

SIZES = (20, 35, 70, 222, 1709)
PEOPLE = 6040


def ndcg(rng: np.random.Generator, how_many: tuple[int, ...], more: float = 0.0) -> np.ndarray:
    """NDCG@10 of one held-out item: 0, or 1 / log2(1 + rank), ranks in about the shares of a trained recommender.
    `more`: by how much the mean is raised, by hits alone."""
    gains = 1 / np.log2(np.arange(2, 12))
    chances = np.array([27, 15, 11, 9, 8, 7, 6, 6, 6, 5]) / 100
    hit = 0.29 + more / float(chances @ gains)
    return np.where(rng.random(how_many) < hit, rng.choice(gains, how_many, p=chances), 0.0)


def means(figures: np.ndarray) -> Means:
    """Of each row, with the variance that resampling people finds in the long run."""
    people = figures.shape[1]
    return Means(figures.mean(axis=1), figures.var(axis=1, ddof=1) / people, np.full(len(figures), float(people)))


def test_of_shares_the_interval_is_wilsons_and_of_their_difference_newcombes():
    everyone = np.r_[np.zeros(900), np.ones(100)]
    of = shape(everyone)
    shares, people = np.array([0.15, 0.4]), np.array([1000.0, 2000.0])
    groups = Means(shares, shares * (1 - shares) / people, people)
    low, high = mean_interval(groups, of)
    for at in range(2):
        theirs = stats.binomtest(int(shares[at] * people[at]), int(people[at])).proportion_ci(method="wilson")
        assert (low[at], high[at]) == pytest.approx((theirs.low, theirs.high), abs=2e-4)
    one, other = (Means(shares[[at]], groups.variance[[at]], people[[at]]) for at in (1, 0))
    apart, least, most = difference_interval(one, other, of)
    assert apart[0] == pytest.approx(0.25)
    assert least[0] == pytest.approx(0.25 - np.hypot(0.4 - low[1], high[0] - 0.15))
    assert most[0] == pytest.approx(0.25 + np.hypot(high[1] - 0.4, 0.15 - low[0]))


def test_the_tilted_variance_of_shares_is_theirs_at_every_mean():
    of = shape(np.r_[np.zeros(70), np.ones(30)])
    assert of.variances == pytest.approx(of.means * (1 - of.means), abs=1e-9)
    assert (np.diff(of.means) >= 0).all()


def test_of_twenty_people_without_a_hit_the_interval_ends_above_zero():
    of = shape(ndcg(np.random.default_rng(0), (6000,)))
    low, high = mean_interval(Means(np.zeros(1), np.zeros(1), np.array([20.0])), of)
    assert low[0] == 0 and 0.05 < high[0] < 0.3


def test_figures_that_do_not_vary_have_an_interval_of_no_width_and_no_p():
    of = shape(np.full(50, 0.3))
    same = Means(np.array([0.3]), np.zeros(1), np.array([25.0]))
    assert [float(end[0]) for end in mean_interval(same, of)] == pytest.approx([0.3, 0.3])
    assert np.isnan(p_of_difference(same, same, of)).all() and np.isnan(p_of_mean(same, of)).all()


def test_p_is_under_five_percent_just_where_the_interval_leaves_out_zero():
    rng = np.random.default_rng(1)
    of = shape(ndcg(rng, (6000,)))
    groups, rests = means(ndcg(rng, (500, 60), 0.05)), means(ndcg(rng, (500, 400)))
    _, low, high = difference_interval(groups, rests, of)
    p = p_of_difference(groups, rests, of)
    outside = (low > 0) | (high < 0)
    assert 20 < outside.sum() < 480 and ((p < 0.05) == outside).all()


@pytest.mark.parametrize("people", SIZES)
@pytest.mark.parametrize("more", [0.0, 0.1, -0.08])
def test_intervals_hold_the_truth_in_93_to_97_of_100_for_every_size_from_20_people_on(people: int, more: float):
    rng = np.random.default_rng(people)
    of = shape(ndcg(rng, (PEOPLE,)))
    trials = 3000 if people < 300 else 1200
    groups, rests = means(ndcg(rng, (trials, people), more)), means(ndcg(rng, (trials, 1000)))
    _, low, high = difference_interval(groups, rests, of)
    held = ((low <= more) & (more <= high)).mean()
    assert 0.93 <= held <= 0.97


@pytest.mark.parametrize("people", [20, 50, 400])
def test_intervals_of_changes_hold_too(people: int):
    rng = np.random.default_rng(people)

    def changes(how_many: tuple[int, ...]) -> np.ndarray:
        """Of most people nothing changes; what does, changes by much and more often for the better."""
        before, after = ndcg(rng, how_many), ndcg(rng, how_many, 0.05)
        return np.where(rng.random(how_many) < 0.7, 0.0, after - before)

    truth, of = 0.3 * 0.05, shape(changes((PEOPLE,)))
    groups, rests = (replace(means(changes((2000, size))), pseudo=PSEUDO_PAIRED) for size in (people, 1000))
    low, high = mean_interval(groups, of)
    assert 0.93 <= ((low <= truth) & (truth <= high)).mean() <= 0.975
    _, low, high = difference_interval(groups, rests, of)
    assert 0.93 <= ((low <= 0) & (high >= 0)).mean() <= 0.975


@pytest.mark.parametrize("people", [20, 70, 1000])
def test_so_do_those_of_a_mean_and_of_a_gini_coefficient(people: int):
    rng = np.random.default_rng(people)
    many = ndcg(rng, (1_000_000,))
    figures = ndcg(rng, (1000, people))
    low, high = mean_interval(means(figures), shape(ndcg(rng, (PEOPLE,))))
    assert 0.93 <= ((low <= many.mean()) & (many.mean() <= high)).mean() <= 0.975
    held, truth = 0, gini(many)
    some = figures[(figures > 0).any(axis=1)][:600]
    for values in some:
        error = float(gini_influence(values).std() / np.sqrt(people))
        ends = gini_interval(gini(values), error, values, 0.95)
        held += ends[0] is not None and ends[0] <= truth <= (ends[1] or 0)
    assert 0.93 <= held / len(some) <= 0.975


def test_percentile_and_t_intervals_do_not():
    rng = np.random.default_rng(0)
    figures = ndcg(rng, (3000, 20), -0.08)
    truth = ndcg(rng, (200_000,), -0.08).mean()
    reach = stats.t.ppf(0.975, 19) * figures.std(axis=1, ddof=1) / np.sqrt(20)
    assert (np.abs(figures.mean(axis=1) - truth) <= reach).mean() < 0.91


def test_false_alarms_of_a_family_are_at_most_six_of_a_hundred_without_a_difference():
    rng = np.random.default_rng(7)
    sizes, trials = (20, 25, 40, 60, 150, 400), 1000
    of = shape(ndcg(rng, (PEOPLE,)))
    drawn = [ndcg(rng, (trials, size)) for size in sizes]
    smallest = np.ones(trials)
    for at, figures in enumerate(drawn):
        rest = np.concatenate([each for place, each in enumerate(drawn) if place != at], axis=1)
        smallest = np.minimum(smallest, p_of_difference(means(figures), means(rest), of))
    assert (smallest * len(sizes) < 0.05).mean() <= 0.06  # Holm rejects nothing unless it rejects the smallest


@pytest.mark.parametrize("people", [35, 222, 1709])
def test_a_planted_gap_is_found_as_often_as_is_said(people: int):
    rng = np.random.default_rng(people)
    everyone = ndcg(rng, (PEOPLE,))
    of = shape(everyone)
    found, said = [], []
    for sign in (1, -1):
        groups, rests = means(ndcg(rng, (1000, people), sign * 0.03)), means(ndcg(rng, (1000, 1500)))
        found.append(p_of_difference(groups, rests, of) < 0.05)
        said.append(power_both_ways(0.03, groups, rests, of))
    error = everyone.std() * np.sqrt([1 / people + 1 / 1500])
    theory = stats.norm.cdf(0.03 / error - 1.96) + stats.norm.cdf(-0.03 / error - 1.96)
    assert np.mean(found) == pytest.approx(theory[0], abs=0.05)
    assert np.mean(said) == pytest.approx(theory[0], abs=0.05)


def test_where_the_rest_is_near_zero_a_gap_can_only_be_above_it():
    of = shape(np.r_[np.zeros(990), np.ones(10)])
    groups, rests = (Means(np.array([0.01]), np.array([0.0099 / n]), np.array([n])) for n in (400.0, 4000.0))
    above = np.hypot(np.sqrt(0.04 * 0.96 / 400), np.sqrt(0.0099 / 4000))
    without = np.sqrt([0.0099 / 400 + 0.0099 / 4000])
    told = power_both_ways(0.03, groups, rests, of)
    assert told == pytest.approx(power(0.03, without, groups.freedom, with_gap=np.array([above])), abs=1e-3)


def test_the_smallest_gap_that_is_seen_is_seen_four_times_of_five():
    error, freedom = np.array([0.01, 0.05]), np.array([1e6, 1e6])
    gap = detectable(error, freedom)
    assert gap[0] == pytest.approx((1.959964 + 0.841621) * 0.01, rel=1e-4)
    assert power(float(gap[0]), error, freedom)[0] == pytest.approx(0.8, abs=1e-3)
