from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from explain.attribution import registry
from explain.attribution.ablation import Ablation
from explain.attribution.base import rank_agreement
from explain.attribution.exact import Contributions
from explain.attribution.game import ITEM, MARGIN, OLDER, PROBABILITY, Game, Target, Unit
from explain.attribution.shapley import ShapleyExact, ShapleySampling, along, drawn
from explain.exceptions import CannotExplain
from recommender.data.dataset import Float, Histories, Int
from tests.recommender.builders import histories


class Linear:
    """score(u, i) = Σ over what was met of weights[j, i]; has its own contributions."""

    name = "linear"
    weights = np.arange(36, dtype=np.float32).reshape(6, 6) / 7 - 2

    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        found = met.matrix(6).toarray() @ self.weights
        return found if items is None else found[:, items]

    def contributions(self, met: Histories, items: Int) -> Float:
        return self.weights[met.items[:, None], items[met.rows]]


class Together(Linear):
    """Not additive: the product of how much of items 0 and 1 was met, plus 3 for item 2."""

    contributions = None  # type: ignore[assignment]

    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        there = met.matrix(6).toarray()
        found = np.tile((2 * there[:, 0] * there[:, 1] + 3 * there[:, 2])[:, None], (1, 6)).astype(np.float32)
        return found if items is None else found[:, items]


def game(model: Any, items: list[int], **options: Any) -> Game:
    return Game(model, histories([items]), options.pop("target", Target(5)), **options)


@pytest.mark.parametrize("method", ["contributions", "shapley", "shapley_sampling", "ablation"])
@pytest.mark.parametrize("target", [Target(5), Target(5, MARGIN, (3, 4))])
def test_of_a_linear_model_every_method_equals_the_closed_form(method: str, target: Target):
    found = registry.get(method).explain(game(Linear(), [2, 0, 3], target=target))
    others = Linear.weights[[2, 0, 3]][:, list(target.others)].mean(axis=1) if target.others else 0.0
    np.testing.assert_allclose(found.values, Linear.weights[[2, 0, 3], 5] - others, atol=1e-6)
    assert [unit.key for unit in found.units] == [2, 0, 3]
    assert found.gap < 1e-6
    assert found.baseline_prediction == 0


def test_of_a_model_that_is_not_additive_shapley_values_equal_the_enumeration():
    of = game(Together(), [0, 1, 2])
    found = ShapleyExact().explain(of)
    np.testing.assert_allclose(found.values, [1, 1, 3], atol=1e-9)
    np.testing.assert_allclose(found.values, by_permutations(of), atol=1e-9)
    np.testing.assert_allclose(Ablation().explain(of).values, [2, 2, 3])
    assert Ablation().explain(of).additive is False


def by_permutations(of: Game) -> np.ndarray:
    n = len(of.units)
    total = np.zeros(n)
    for order in itertools.permutations(range(n)):
        kept = np.zeros(n, dtype=bool)
        for unit in order:
            before = of.values(kept[None])[0]
            kept[unit] = True
            total[unit] += of.values(kept[None])[0] - before
    return total / math.factorial(n)


def test_sampling_is_complete_whatever_is_drawn_and_right_within_its_error():
    of = game(Together(), [0, 1, 2])
    found = ShapleySampling(400).explain(of, seed=3)
    assert found.gap < 1e-9
    assert found.errors is not None
    assert (np.abs(found.values - [1, 1, 3]) <= 4 * found.errors + 1e-9).all()
    np.testing.assert_array_equal(found.values, ShapleySampling(400).explain(of, seed=3).values)


def test_permutations_come_in_pairs_and_their_coalitions_grow_by_one():
    orders = drawn(4, 6, np.random.default_rng(0))
    np.testing.assert_array_equal(orders[1], orders[0][::-1])
    kept = along(orders).reshape(6, 5, 4)
    assert (kept.sum(axis=2) == np.arange(5)).all()
    assert kept[0, 1, orders[0, 0]]


def test_an_item_met_twice_is_one_unit_and_old_ones_are_one_together():
    of = game(Linear(), [2, 0, 2, 3])
    assert [unit.key for unit in of.units] == [0, 2, 3]
    assert of.coalitions(np.array([[True, False, True]])).items.tolist() == [0, 3]
    few = game(Linear(), [4, 2, 0, 3], most_units=2)
    assert few.units == (Unit(OLDER, "older", 2), Unit(ITEM, 0), Unit(ITEM, 3))
    assert few.coalitions(np.array([[False, True, True], [True, False, False]])).items.tolist() == [0, 3, 4, 2]
    found = Contributions().explain(few)
    np.testing.assert_allclose(found.values, [Linear.weights[[4, 2], 5].sum(), *Linear.weights[[0, 3], 5]], rtol=1e-6)


def test_ranks_are_those_of_ranking_again_without_what_was_met():
    of = game(Linear(), [0, 1])
    scores = Linear.weights[0, 2:]
    assert of.ranks(np.array([[True, False]]))[0] == 1 + (scores > scores[3]).sum()


def test_an_empty_history_leaves_nothing_to_explain():
    of = game(Linear(), [])
    assert of.units == ()
    assert of.whole == of.empty == 0
    assert registry.get("ablation").refuses(of)
    assert ShapleyExact().refuses(of) == ShapleySampling().refuses(of)
    with pytest.raises(CannotExplain, match="nothing to take away"):
        ShapleyExact().explain(game(Together(), []))
    with pytest.raises(CannotExplain, match="nothing to explain"):
        registry.default(game(Together(), []))


@pytest.mark.parametrize(("target", "field"), [(Target(5, MARGIN), "target"), (Target(5, PROBABILITY), "target")])
def test_a_target_that_means_nothing_is_refused(target: Target, field: str):
    with pytest.raises(CannotExplain) as error:
        game(Linear(), [0], target=target)
    assert error.value.field == field


def test_too_many_units_are_not_enumerated():
    of = Game(Together(), histories([[0, 1, 2, 3, 4] * 1]), Target(5))
    assert not ShapleyExact().refuses(of)
    assert "sample them" in ShapleyExact().refuses(Game(Wide(), histories([list(range(13))]), Target(5)))  # type: ignore[arg-type]


class Wide(Linear):
    weights = np.ones((13, 13), dtype=np.float32)


def test_an_unknown_method_is_named():
    with pytest.raises(CannotExplain, match="no method “guess”"):
        registry.get("guess")


@pytest.mark.parametrize("name", list(registry.METHODS))
def test_the_registry_says_what_the_classes_say(name: str):
    found = registry.get(name)
    assert found.name == name
    assert found.title
    assert found.quick is (name not in registry.TASKS_ONLY)


def test_agreement_of_ranks_shares_ties():
    assert rank_agreement(np.array([1.0, 2, 3]), np.array([10.0, 20, 30])) == pytest.approx(1)
    assert rank_agreement(np.array([1.0, 2, 3]), np.array([3.0, 2, 2])) == pytest.approx(-math.sqrt(3) / 2)
    assert math.isnan(rank_agreement(np.array([1.0, 1]), np.array([1.0, 2])))
