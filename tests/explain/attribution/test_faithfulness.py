"""Figures of faithfulness, each worked by hand on a small linear game: f(u, i) is the sum of what was met."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from explain.attribution import faithfulness, registry
from explain.attribution.faithfulness import (
    COUNTS,
    SHARES,
    after_removal,
    curves,
    greedy_order,
    infidelity,
    sparsity,
    subsets,
)
from explain.attribution.game import Game, Target
from recommender.data.dataset import Float, Histories, Int
from tests.recommender.builders import histories

ITEM = 6


class Votes:
    """Items 0 to 3 were met; they give item 6 the votes 4, 2, 1, 1 and item 4 one each, item 5 two from item 2."""

    name = "votes"
    weights = np.zeros((9, 9), dtype=np.float32)
    weights[:4, ITEM] = [4, 2, 1, 1]
    weights[:4, 4] = 1
    weights[2, 5] = 2

    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        found = met.matrix(9).toarray() @ self.weights
        return found if items is None else found[:, items]


def votes(met: tuple[int, ...] = (0, 1, 2, 3)) -> Game:
    return Game(Votes(), histories([met]), Target(ITEM))  # type: ignore[arg-type]


BEST_FIRST = np.array([0, 1, 2, 3])


def test_after_removal_the_item_is_really_ranked_again():
    # f(N) = 8. Without items 0 and 1: item 6 has 2, item 4 has 2 (lower column, so ahead), item 5 has 2: rank 3.
    found = after_removal(votes(), [BEST_FIRST, BEST_FIRST[::-1]], removed=2)
    np.testing.assert_allclose(found[0], [1, 1, 1 / math.log2(4), 6 / 8, 2 / 8], rtol=1e-6)
    # Without 2 and 3 it keeps 6 against 2 and 0: still first.
    np.testing.assert_allclose(found[1], [1, 1, 1, 2 / 8, 6 / 8], rtol=1e-6)


def test_an_item_beyond_the_fifth_place_is_out():
    class Crowd(Votes):
        weights = Votes.weights.copy()
        weights[3, [4, 5, 7, 8]] = 5
        weights[0, ITEM] = 40

    game = Game(Crowd(), histories([[0, 1, 3]]), Target(ITEM))  # type: ignore[arg-type]
    found = after_removal(game, [np.array([0, 1, 2])], removed=1)[0]
    assert found[:2].tolist() == [1, 1]  # four are ahead: rank 5
    assert found[2] == pytest.approx(1 / math.log2(6))


def test_more_units_than_there_are_leave_nothing():
    found = after_removal(votes((0,)), [np.array([0])])[0]
    np.testing.assert_allclose(found[3:], [1, 0])


def test_of_a_score_that_is_not_positive_there_are_no_shares():
    class Against(Votes):
        weights = -Votes.weights

    found = after_removal(Game(Against(), histories([[0, 1]]), Target(ITEM)), [np.array([0, 1])])[0]  # type: ignore[arg-type]
    assert np.isnan(found[3:]).all()
    assert not np.isnan(found[:3]).any()


def test_curves_fall_by_what_each_unit_gives_and_their_areas_are_trapezoids():
    found = curves(votes(), [BEST_FIRST])[0]
    left = np.array([8, 4, 2, 1, 0]) / 8
    np.testing.assert_allclose(found.deletion_by_count, left[np.minimum(COUNTS, 4)])
    np.testing.assert_allclose(found.insertion_by_count, 1 - left[np.minimum(COUNTS, 4)])
    steps = left[np.round(SHARES * 4).astype(int)]
    np.testing.assert_allclose(found.deletion_by_share, steps)
    assert found.deletion_area == pytest.approx((steps[:-1] + steps[1:]).sum() / 2 / 20)
    assert found.insertion_area == pytest.approx(1 - found.deletion_area)


def test_random_order_of_a_linear_game_loses_its_share_on_average():
    rng = np.random.default_rng(0)
    orders = [rng.permutation(4) for _ in range(4000)]
    found = after_removal(votes(), orders, removed=2)
    assert found[:, 4].mean() == pytest.approx(0.5, abs=0.02)  # two of four units hold half of the score on average
    assert found[:, 3].mean() == pytest.approx(0.5, abs=0.02)


def test_greedy_removal_takes_what_sinks_the_item_most_and_breaks_ties_by_the_margin():
    # Alone none of them takes item 6 from the first place but item 0: 4 against 3 of item 4, still first. So the least
    # margin over the mean of the ten best others decides: without 0 it is 4 − mean(3, 2, 0, 0), the least.
    assert greedy_order(votes(), 2).tolist() == [0, 1]
    assert greedy_order(votes((1, 2)), 1).tolist() == [0]  # without 1: 1 against 2 and 1


def test_infidelity_is_nothing_for_exact_parts_whatever_their_scale_and_all_for_nonsense():
    game = votes()
    taken = subsets(4, 50, np.random.default_rng(1))
    changes = game.whole - game.values(~taken)
    exact = registry.get("ablation").explain(game).values
    assert infidelity(exact, taken, changes) == pytest.approx(0, abs=1e-12)
    assert infidelity(3 * exact, taken, changes) == pytest.approx(0, abs=1e-12)
    assert infidelity(-exact, taken, changes) == 1
    assert infidelity(np.zeros(4), taken, changes) == 1
    # by hand: one subset loses 6 = 4 + 2 and another 2; said (1, 0) for them: β = 6, what is left 2² of 6² + 2².
    assert infidelity(np.array([1.0, 0]), np.array([[True, False], [False, True]]), np.array([6.0, 2])) == 4 / 40
    assert math.isnan(infidelity(exact, taken, np.zeros(50)))


def test_subsets_hold_from_one_to_half_of_the_units():
    sizes = subsets(7, 300, np.random.default_rng(0)).sum(axis=1)
    assert set(sizes.tolist()) == {1, 2, 3}
    assert subsets(1, 3, np.random.default_rng(0)).all()


def test_sparsity_is_the_share_of_units_that_hold_most():
    assert sparsity(np.array([9.0, 0, -1, 0])) == 0.25
    assert sparsity(np.array([8.0, -1, 1, 0])) == 0.5
    assert sparsity(np.ones(10)) == 0.9
    assert math.isnan(sparsity(np.zeros(3)))


def test_figures_are_named_in_the_order_of_their_columns():
    assert len(faithfulness.FIGURES) == after_removal(votes(), [BEST_FIRST]).shape[1]
