"""Resampled people: their weights, and how far means move by them, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from explain.fairness import resampling
from explain.fairness.base import Asked
from explain.fairness.paired import changes
from explain.fairness.permuting import omnibus
from explain.fairness.shrinkage import between, shrunk
from tests.explain.fairness.materials import coded


def test_each_resample_draws_as_many_people_as_there_are(monkeypatch):
    monkeypatch.setattr(resampling, "CELLS", 300)
    blocks = list(resampling.weights(40, resamples=50, seed=1))
    drawn = np.concatenate(blocks)
    assert len(blocks) > 1 and drawn.shape == (50, 40) and (drawn.sum(axis=1) == 40).all()
    assert (drawn == np.concatenate(list(resampling.weights(40, resamples=50, seed=1)))).all()


@pytest.mark.parametrize("rows", [40_000, 100])
def test_means_of_groups_and_rests_move_as_theory_says(monkeypatch, rows):
    monkeypatch.setattr(resampling, "ROWS", rows)  # 100: in bundles of four people
    rng = np.random.default_rng(2)
    values, grouping = (
        np.stack([rng.random(400), rng.normal(size=400)], axis=1),
        coded("age", [250, 100, 20], missing=30),
    )
    values[:3, 1] = np.nan
    among = grouping.codes >= 0
    extra = rng.random((400, 1))
    found = resampling.moved(values, [grouping], [among], extra, resamples=4000, seed=3)

    def theory(inside: np.ndarray) -> np.ndarray:
        known = np.maximum((~np.isnan(values[inside])).sum(axis=0), 1)
        return np.nanvar(values[inside], axis=0, ddof=1) / known

    close = 0.08 if rows > 400 else 0.45  # of 20 people in 100 bundles there are few, as of 20 people alone
    assert found.everyone == pytest.approx(theory(np.ones(400, dtype=bool)), rel=0.08 if rows > 400 else 0.3)
    assert found.extra == pytest.approx(extra.var(ddof=1) / 400, rel=0.08 if rows > 400 else 0.3)
    for group in range(3):
        assert found.groups[0][group] == pytest.approx(theory(grouping.codes == group), rel=close)
        assert found.rests[0][group] == pytest.approx(theory(among & (grouping.codes != group)), rel=close)


def test_an_omnibus_test_of_two_groups_is_that_of_every_permutation():
    values = np.array([0.0, 1.0, 2.0, 5.0, 6.0, 7.0])
    grouping = coded("gender", [3, 3])
    found = omnibus(values[:, None], [grouping], [np.ones((2, 1), dtype=bool)], permutations=20_000, seed=0)
    assert found.p[0, 0] == pytest.approx(2 / 20, abs=0.01)  # of the 20 ways to choose three only two are as far apart
    assert found.statistic[0, 0] == pytest.approx(6 * 2.5**2 / values.var())
    assert found.permutations == 20_000


def test_hidden_groups_take_no_part_and_one_group_or_constant_figures_give_no_test():
    values = np.stack([np.random.default_rng(0).random(90), np.full(90, 0.3)], axis=1)
    grouping = coded("age", [40, 40, 10])
    shown = np.array([[True, True], [True, True], [False, False]])
    found = omnibus(values, [grouping], [shown], permutations=99)
    means = [values[grouping.codes == group, 0].mean() for group in (0, 1)]
    assert found.statistic[0, 0] == pytest.approx(80 * (means[0] - means[1]) ** 2 / 4 / values[:, 0].var(), rel=1e-6)
    assert np.isnan(found.p[0, 1])
    alone = omnibus(values, [grouping], [np.array([[True, True], [False, False], [False, False]])], permutations=99)
    assert np.isnan(alone.p).all()
    assert omnibus(values, [], [], permutations=99).p.shape == (0, 2)


def test_very_many_people_are_permuted_less_often_and_without_a_dense_table(monkeypatch):
    monkeypatch.setattr("explain.fairness.permuting.SHUFFLED", 60_000)
    monkeypatch.setattr("explain.fairness.permuting.ROWS", 50)
    values = np.random.default_rng(0).random((300, 1))
    found = omnibus(values, [coded("age", [150, 150])], [np.ones((2, 1), dtype=bool)], permutations=5000)
    assert found.permutations == 200 and 0 < found.p[0, 0] <= 1


def test_small_groups_are_drawn_towards_what_is_expected_by_as_much_as_chance_moves_them():
    means, errors = np.array([0.0, 0.4, 0.2, 0.2]), np.full(4, 0.1)
    variance = (0.04 + 0.04) / 4 - 0.01  # Σ d² / (τ² + e²) = 4
    assert between(means - 0.2, errors) == pytest.approx(variance)
    drawn = shrunk(means, errors, np.full(4, 0.2))
    assert drawn[1] == pytest.approx(0.2 + variance / (variance + 0.01) * 0.2)
    assert shrunk(means, np.full(4, 0.5), np.full(4, 0.2)) == pytest.approx(np.full(4, 0.2))


def test_a_change_is_told_by_group_from_the_same_people_before_and_after():
    rng = np.random.default_rng(0)
    before = rng.random((200, 1))
    grouping = coded("gender", [100, 90, 10])
    after = before + np.where(grouping.codes == 0, 0.1, 0.0)[:, None] + rng.normal(scale=0.01, size=(200, 1))
    after[5] = np.nan
    found = changes(before, after, ["ndcg@10"], [grouping], Asked(resamples=500))
    first, second, third = found["groupings"][0]["groups"]
    told = first["metrics"]["ndcg@10"]
    known = np.delete(np.arange(100), 5)
    assert told["before"] == pytest.approx(before[known].mean()) and told["after"] == pytest.approx(after[known].mean())
    assert told["change"] == pytest.approx(told["after"] - told["before"], abs=1e-7)
    assert 0.09 < told["low"] < 0.1 < told["high"] < 0.11 and told["p"] < 1e-6  # ± .002, although people lie .3 apart
    assert told["gap_low"] < 0.1 < told["gap_high"]
    assert second["suppressed"] and third["suppressed"] and third["metrics"] == {}
    assert found["people"]["ndcg@10"]["change"] == pytest.approx(np.nanmean(after - before), abs=1e-7)
