"""Of models worked by hand every method gives the values that can be written down, or enumerated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from explain.attribution import registry
from explain.attribution.base import SURROGATE
from explain.attribution.game import MARGIN, PROBABILITY, Game, Target
from explain.attribution.gradient_shap import BASELINES
from explain.attribution.masker import checked, tree_of
from explain.attribution.shapley import ShapleyExact
from explain.attribution.tree_surrogate import drawn_coalitions
from explain.exceptions import CannotExplain
from recommender.data.dataset import Float, Histories, Int
from tests.recommender.builders import histories

N = 12
WEIGHTS = np.random.default_rng(5).normal(0, 1, (N, N)).astype(np.float32)


class Linear:
    """score(u, i) = Σ over what was met of WEIGHTS[j, i]; reads a history through a row of units per interaction, after
    a start token of zeros."""

    name = "linear"
    link = "sigmoid"

    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        found = self.of(torch.from_numpy(met.matrix(N, values=True).toarray())).numpy()
        return found if items is None else found[:, items]

    def embed(self, met: Histories) -> dict[str, Any]:
        w = 1 + int(met.lengths.max(initial=0))
        tokens, places = torch.zeros(len(met), w, N), torch.full((len(met), w), -1)
        for row in range(len(met)):
            here = torch.arange(met.indptr[row], met.indptr[row + 1])
            tokens[row, 1 : 1 + len(here)] = torch.eye(N)[met.items_of(row)]
            places[row, 1 : 1 + len(here)] = here
        return {"tokens": tokens.requires_grad_(), "places": places}

    def score_embedded(self, embedded: Any, met: Histories, items: Int) -> Any:
        return self.of(embedded["tokens"].sum(dim=1))[:, items]

    def of(self, counts: torch.Tensor) -> torch.Tensor:
        """(n, N) scores of how often each item was met (n, N)."""
        return counts @ torch.from_numpy(WEIGHTS)


class Together(Linear):
    """The same, and 4 for items 0 and 1 together."""

    name = "together"

    def of(self, counts: torch.Tensor) -> torch.Tensor:
        return super().of(counts) + 4 * (counts[:, 0] * counts[:, 1])[:, None]


def game(model: Any, items: list[int], target: Target | None = None) -> Game:
    return Game(model, histories([items]), target or Target(11))


EXACT = ["integrated_gradients", "shapley", "shapley_sampling", "ablation", "shap_permutation", "shap_partition"]


@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("target", [Target(11), Target(11, MARGIN, (9, 10))])
def test_of_a_linear_model_every_method_gives_the_weights(method: str, target: Target):
    found = registry.get(method).explain(game(Linear(), [2, 0, 7], target))
    others = WEIGHTS[[2, 0, 7]][:, list(target.others)].mean(axis=1) if target.others else 0.0
    np.testing.assert_allclose(found.values, WEIGHTS[[2, 0, 7], 11] - others, atol=1e-6)
    assert found.baseline_prediction == 0
    assert found.gap < 1e-6


@pytest.mark.parametrize("method", [name for name in EXACT if name != "ablation"])
def test_what_two_items_bring_together_is_shared_evenly(method: str):
    """Shapley and Owen values share it so; so do integrated gradients of a product from 0: ∫ α dα = ½."""
    found = registry.get(method).explain(game(Together(), [0, 1, 5]))
    np.testing.assert_allclose(found.values, WEIGHTS[[0, 1, 5], 11] + [2, 2, 0], atol=1e-5)
    np.testing.assert_allclose(found.values, ShapleyExact().explain(game(Together(), [0, 1, 5])).values, atol=1e-5)


def test_gradient_shap_tells_an_item_from_drawn_ones():
    """Of a linear model: its weight less the mean weight of whatever might stand there."""
    found = registry.get("gradient_shap").explain(game(Linear(), [2, 0, 7]), seed=3)
    assert found.errors is not None
    drawn = np.sqrt(found.errors**2 + WEIGHTS[:, 11].var() / BASELINES)
    assert (np.abs(found.values - (WEIGHTS[[2, 0, 7], 11] - WEIGHTS[:, 11].mean())) <= 4 * drawn).all()
    assert found.gap <= 4 * float(np.sqrt((found.errors**2).sum()))


def test_gradient_shap_is_the_same_by_the_same_seed_and_leaves_chance_alone():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    one, again, other = (
        registry.get("gradient_shap").explain(game(Linear(), [2, 0]), seed=s).values for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_of_a_probability_integrated_gradients_add_up_where_shapley_values_do():
    target = Target(11, PROBABILITY)
    found = registry.get("integrated_gradients").explain(game(Linear(), [2, 0, 7], target))
    whole = float(WEIGHTS[[2, 0, 7], 11].sum())
    assert found.prediction == pytest.approx(1 / (1 + np.exp(-whole)), abs=1e-6)
    assert found.baseline_prediction == 0.5
    assert found.gap < 1e-5
    share = WEIGHTS[[2, 0, 7], 11] / whole  # along a straight line each adds in proportion to its weight
    np.testing.assert_allclose(found.values, share * (found.prediction - 0.5), atol=1e-5)


def test_an_item_met_twice_is_one_unit_of_gradients_too():
    found = registry.get("integrated_gradients").explain(game(Linear(), [2, 0, 2]))
    assert [unit.key for unit in found.units] == [0, 2]
    np.testing.assert_allclose(found.values, [WEIGHTS[0, 11], 2 * WEIGHTS[2, 11]], atol=1e-6)


def test_permutations_of_shap_are_right_within_their_error():
    asked = game(Pairs(), [0, 1, 2, 3, 4, 5])
    whole = ShapleyExact().explain(asked).values
    found = registry.get("shap_permutation").explain(asked, seed=4)
    assert found.errors is not None
    assert (np.abs(found.values - whole) <= 4 * found.errors + 1e-6).all()
    assert (found.errors > 0).any()
    np.testing.assert_array_equal(found.values, registry.get("shap_permutation").explain(asked, seed=4).values)


class Pairs(Linear):
    """Each item together with the next, and all of the first three: what is not shared evenly by one permutation."""

    def of(self, counts: torch.Tensor) -> torch.Tensor:
        pairs = (counts[:, :-1] * counts[:, 1:]).sum(dim=1, keepdim=True)
        return super().of(counts) + pairs + 3 * counts[:, :3].prod(dim=1, keepdim=True)


def test_owen_values_share_between_groups_first():
    """Items 3 and 4 are told apart from 0 by nothing but the tree: by time, [3, 4] is met long before 0 … of a game in
    which any one of the three is worth 1, the group gets ½ and shares it, the other gets ½; Shapley gives ⅓ each."""
    asked = game(AnyOne(), [3, 4, 0])
    tree = np.array([[0.0, 1.0, 0.1, 2.0], [2.0, 3.0, 1.0, 3.0]])
    np.testing.assert_array_equal(tree_of(asked)[0, :2], [0, 1])
    np.testing.assert_array_equal(tree_of(asked)[1, :2], tree[1, :2])
    found = registry.get("shap_partition").explain(asked)
    np.testing.assert_allclose(found.values, [0.25, 0.25, 0.5], atol=1e-6)
    np.testing.assert_allclose(ShapleyExact().explain(asked).values, [1 / 3] * 3, atol=1e-6)


class AnyOne(Linear):
    """1 for anything at all; items 3 and 4 are read alike."""

    def embed(self, met: Histories) -> dict[str, Any]:
        found = super().embed(met)
        tokens = found["tokens"].detach()
        tokens[..., 4] += tokens[..., 3]
        return found | {"tokens": tokens}

    def of(self, counts: torch.Tensor) -> torch.Tensor:
        return counts.amax(dim=1, keepdim=True).expand(-1, N)


def test_without_embeddings_units_are_grouped_by_time_and_fields_join_last():
    tree = tree_of(Game(Plain(), with_field(histories([[5, 6, 7]]), "age", 30), Target(11)))  # type: ignore[arg-type]
    assert set(tree[0, :2]) == {0, 1}
    assert 3 in tree[2, :2]


class Plain:
    """Reads how many things were met and an attribute; embeds nothing."""

    name = "plain"
    reads_fields = True

    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        known = np.array([value is not None for value in met.fields["age"]])
        found = np.tile((met.lengths + 10.0 * known)[:, None], (1, N)).astype(np.float32)
        return found if items is None else found[:, items]


def with_field(met: Histories, name: str, value: Any) -> Histories:
    return replace(met, fields={name: np.array([value] * len(met), dtype=object)})


@pytest.mark.parametrize("method", ["shap_permutation", "shap_partition"])
def test_explainers_of_shap_count_fields_as_units(method: str):
    found = registry.get(method).explain(Game(Plain(), with_field(histories([[5, 6]]), "age", 30), Target(11)))  # type: ignore[arg-type]
    np.testing.assert_allclose(found.values, [1, 1, 10], atol=1e-6)


def test_values_that_do_not_add_up_are_an_error():
    found = registry.get("shap_partition").explain(game(Linear(), [2, 0]))
    assert checked(found) is found
    with pytest.raises(ArithmeticError, match="shap_partition"):
        checked(replace(found, values=found.values + 0.1))


def test_trees_stand_in_for_a_linear_model_and_say_how_well():
    asked = game(Linear(), [2, 0, 7, 3, 4, 5, 8, 9])
    found = registry.get("tree_surrogate").explain(asked)
    assert found.fidelity is not None and found.fidelity > 0.95
    assert registry.get("tree_surrogate").kind == SURROGATE
    spread = np.sqrt((1 - found.fidelity) * asked.values(drawn_coalitions(8, 256, np.random.default_rng(0))).var())
    np.testing.assert_allclose(found.values, WEIGHTS[[2, 0, 7, 3, 4, 5, 8, 9], 11], atol=4 * spread)


def test_trees_that_do_not_follow_the_recommender_are_refused_with_the_figure():
    with pytest.raises(CannotExplain, match=r"R² -?\d\.\d\d on coalitions") as error:
        registry.get("tree_surrogate").explain(game(Parity(), list(range(10))))
    assert error.value.field == "method"


class Parity(Linear):
    """Whether an even number was met: no tree of depth 3 sees that."""

    def of(self, counts: torch.Tensor) -> torch.Tensor:
        return (counts.sum(dim=1, keepdim=True) % 2).expand(-1, N)


def test_coalitions_are_all_different_and_of_every_size():
    few = drawn_coalitions(4, 100, np.random.default_rng(0))
    assert len(np.unique(few, axis=0)) == len(few) == 16
    many = drawn_coalitions(30, 500, np.random.default_rng(0))
    assert len(np.unique(many, axis=0)) == len(many) > 400
    assert set(many.sum(axis=1)) == set(range(31))


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap"])
def test_gradients_are_refused_where_there_are_none(method: str):
    asked = registry.get(method)
    assert "no gradients" in asked.refuses(Game(Plain(), with_field(histories([[5]]), "age", 3), Target(11)))  # type: ignore[arg-type]
    assert "no history" in asked.refuses(game(Linear(), []))
    assert "those of the history" in asked.refuses(Game(Linear(), histories([[1]]), Target(11), with_history=False))  # type: ignore[arg-type]
    with pytest.raises(CannotExplain):
        asked.explain(game(Linear(), []))


def test_a_recommender_that_scores_by_something_else_than_it_embeds_is_refused():
    with pytest.raises(CannotExplain, match="another method"):
        registry.get("integrated_gradients").explain(game(Bent(), [1, 2]))


class Bent(Linear):
    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        return super().score(met, items=items) + 1
