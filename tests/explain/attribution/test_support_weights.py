from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from explain.attribution.ablation import Ablation
from explain.attribution.base import rank_agreement
from explain.attribution.game import MARGIN, PROBABILITY, Game, Target
from explain.attribution.shapley import ShapleyExact
from explain.attribution.support_weights import SupportWeights, answering, at_weights, integrated, walked
from explain.exceptions import CannotExplain
from recommender.algorithms import registry
from recommender.algorithms.base import Recommender, SupportWeighted
from recommender.algorithms.blend import Blend, BlendConfig
from recommender.data.dataset import Float, Histories, Int
from tests.recommender.builders import blocks, histories

SMALL: dict[str, dict[str, Any]] = {
    "ridge_head": {"factors": 4, "width": 8, "features": 4, "rating_factors": 4, "rating_features": 8},
    "neural_process": {"factors": 4, "width": 8, "features": 4, "rating_factors": 4, "rating_features": 8, "hidden": 8},
    "prototypes": {"factors": 8, "collaborative": 8, "use_text": False, "length": 6},
    **{name: {"factors": 4, "behaviour": 4, "hidden": 8} for name in ("maml", "fomaml", "anil", "reptile")},
}
FORMS = [
    *((name, {}) for name in SMALL),
    *((name, {"loss": "rating"}) for name in SMALL if name != "prototypes"),
    ("prototypes", {"form": "matching"}),
]
SMOOTH = [(name, form) for name, form in FORMS if name in ("ridge_head", "neural_process", "anil")]


@cache
def trained(name: str, form: tuple[tuple[str, Any], ...]) -> Any:
    config = registry.config_class(name).from_mapping({"epochs": 2, "batch": 16} | SMALL[name] | dict(form))
    return registry.create(name, config).fit(blocks(n_people=40), rng=np.random.default_rng(0), report=lambda *_: None)


def model_of(name: str, form: dict[str, Any]) -> Any:
    return trained(name, tuple(form.items()))


def support(repeated: bool = False) -> Histories:
    """Seven interactions of five different ratings; where `repeated`, the last one is with the first item again."""
    found = blocks(n_people=40).histories.select(np.array([3]))
    found = found.keep(np.arange(len(found.items)) < 7)
    found = replace(found, values=np.array([5, 1, 4, 2, 3, 5, 1], dtype=np.float32))
    return replace(found, items=np.append(found.items[:-1], found.items[0])) if repeated else found


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_a_learner_weighed_by_ones_is_what_it_is_and_by_zeros_its_prior(name: str, form: dict[str, Any]):
    model, given = model_of(name, form), support(repeated=True)
    assert isinstance(model, SupportWeighted)
    weights = torch.tensor([[1.0], [0.0]]).repeat(1, 7)
    with torch.no_grad():
        found = model.score_weighted(given, weights, np.arange(24)).numpy()
    np.testing.assert_allclose(found[0], model.score(given, adapted=model.adapt(given))[0], atol=1e-4)
    nothing = given.keep(np.zeros(7, dtype=bool))
    np.testing.assert_allclose(found[1], model.score(nothing, adapted=model.adapt(nothing))[0], atol=1e-4)
    assert np.abs(found[0] - found[1]).max() > 1e-3


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_what_each_rating_moved_sums_to_the_whole_move_and_a_repeated_one_counts_once(name: str, form: dict[str, Any]):
    game = Game(model_of(name, form), support(repeated=True), Target(20))
    found = SupportWeights().explain(game)
    assert found.relative_gap < 2e-3
    assert found.baseline_prediction == pytest.approx(game.empty, abs=1e-6)
    assert len(found.values) == 6
    weights = np.ones((2, 7))
    weights[1, 0] = 0.0  # the first item was met again later, only that counts
    assert np.ptp(at_weights(game, weights)) == 0


@pytest.mark.parametrize(("name", "form"), SMOOTH)
def test_more_points_on_the_path_close_the_gap(name: str, form: dict[str, Any]):
    game = Game(model_of(name, form), support(), Target(20))
    gaps = [abs(integrated(game, steps).sum() - (game.whole - game.empty)) for steps in (1, 4, 32)]
    noise = 1e-6  # of scores in float32, by the order in which a machine sums them up
    assert gaps[2] <= gaps[1] + noise
    assert gaps[1] <= gaps[0] + noise
    kept = 1e-4 if name == "anil" else 1e-5  # what is kept of a person by anil is rounded to half precision
    assert gaps[2] < kept


def test_a_margin_is_explained_too():
    game = Game(model_of("ridge_head", {}), support(), Target(20, MARGIN, (1, 2)))
    single = [SupportWeights().explain(replace(game, target=Target(item))).values for item in (20, 1, 2)]
    np.testing.assert_allclose(
        SupportWeights().explain(game).values, single[0] - (single[1] + single[2]) / 2, atol=1e-4
    )


class Ridge:
    """A person's ridge regression on given features: score(i) = x(i)·(XᵀΩX + λI)⁻¹ XᵀΩy."""

    name = "ridge"

    def __init__(self, features: Any, penalty: float) -> None:
        self.features, self.penalty = torch.tensor(features, dtype=torch.float64), penalty

    def score_weighted(self, given: Histories, weights: Any, items: Int) -> Any:
        x, y = self.features[torch.from_numpy(given.items)], torch.from_numpy(given.values).double()
        own = weights.double()
        matrix = torch.einsum("sj,ja,jb->sab", own, x, x) + self.penalty * torch.eye(x.shape[1])
        found = torch.linalg.solve(matrix, torch.einsum("sj,ja,j->sa", own, x, y)[..., None])[..., 0]
        return found @ self.features[torch.from_numpy(np.asarray(items))].T

    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        wanted = np.arange(len(self.features)) if items is None else items
        rows = [met.select(np.array([row])) for row in range(len(met))]
        found = [self.score_weighted(each, torch.ones(1, len(each.items)), wanted) for each in rows]
        return torch.cat(found).numpy().astype(np.float32)


def test_of_a_regression_on_one_feature_it_is_the_integral_worked_by_hand():
    """F(t·1) = tT / (λ + tS), ∂F/∂wⱼ = xⱼyⱼ / (λ + tS) − xⱼ² tT / (λ + tS)², S = Σ x², T = Σ xy."""
    x, y, penalty = np.array([1.0, 2.0, -1.0]), np.array([3.0, 1.0, 2.0]), 0.5
    model = Ridge([[each] for each in (*x, 1.0)], penalty)
    given = replace(histories([[0, 1, 2]]), values=y.astype(np.float32))
    s, t = float(x @ x), float(x @ y)
    log = math.log(1 + s / penalty)
    expected = x * y * log / s - x**2 * t * (log - s / (penalty + s)) / s**2
    found = SupportWeights().explain(Game(model, given, Target(3)))  # type: ignore[arg-type]
    np.testing.assert_allclose(found.values, expected, atol=1e-5)
    assert found.prediction == pytest.approx(t / (penalty + s))
    assert found.gap < 1e-5
    assert expected.sum() == pytest.approx(t / (penalty + s))


def test_leaving_one_out_misleads_where_two_ratings_say_the_same():
    """Items 0 and 1 are the same in all but name, so that without either hardly anything changes; together they made
    three quarters of the score."""
    model = Ridge([[1, 0], [1, 0], [0, 1], [1, 1]], 0.01)
    given = replace(histories([[0, 1, 2]]), values=np.array([1, 1, 0.3], dtype=np.float32))
    game = Game(model, given, Target(3))  # type: ignore[arg-type]
    left_out = Ablation().explain(game).values
    np.testing.assert_allclose(left_out, [2 / 2.01 - 1 / 1.01, 2 / 2.01 - 1 / 1.01, 0.3 / 1.01], atol=1e-6)
    shapley, moved = ShapleyExact().explain(game).values, SupportWeights().explain(game).values
    np.testing.assert_allclose(shapley, [1 / 2.01, 1 / 2.01, 0.3 / 1.01], atol=1e-6)
    np.testing.assert_allclose(moved, shapley, atol=1e-5)
    assert rank_agreement(left_out, shapley) == pytest.approx(-1)
    assert rank_agreement(moved, shapley) == pytest.approx(1)


@pytest.mark.parametrize(("name", "least"), [("ridge_head", 0.8), ("neural_process", 0.8), ("prototypes", 0.7)])
def test_of_a_small_support_it_orders_ratings_as_their_shapley_values_do(name: str, least: float):
    """Less so of prototypes: there a rating that is left out also moves the level by which the others are liked."""
    model = model_of(name, {"loss": "rating"} if name != "prototypes" else {"half_life": 0.0})
    agreements = []
    for item in range(18, 24):
        game = Game(model, support(), Target(item))
        agreements.append(rank_agreement(SupportWeights().explain(game).values, ShapleyExact().explain(game).values))
    assert np.mean(agreements) > least


class Jumps(Ridge):
    """1 as soon as the weights sum to more than 1.5, and a tenth of the second weight."""

    name = "jumps"

    def __init__(self) -> None:
        super().__init__([[1.0]] * 4, 1.0)

    def score_weighted(self, given: Histories, weights: Any, items: Int) -> Any:
        found = (weights.sum(1) > 1.5).double() + 0 * weights.sum(1)
        if weights.shape[1] > 1:
            found = found + 0.1 * weights[:, 1]
        return found[:, None].expand(-1, len(items))


def test_where_slopes_miss_a_jump_the_path_is_walked():
    game = Game(Jumps(), histories([[0, 1, 2]]), Target(3))  # type: ignore[arg-type]
    assert integrated(game, 64).sum() == pytest.approx(0.1)
    found = SupportWeights().explain(game)
    assert found.errors is not None
    assert found.gap < 1e-6
    assert found.values.sum() == pytest.approx(1.1)
    assert found.values[1] >= 0.1 - 1e-6
    np.testing.assert_array_equal(found.values, SupportWeights().explain(game).values)


def test_a_walk_nears_the_integral_of_what_is_smooth():
    game = Game(model_of("ridge_head", {}), support(), Target(20))
    exact = integrated(game, 64)
    error = [np.abs(walked(game, legs, np.random.default_rng(0)) - exact).max() for legs in (2, 32)]
    assert error[1] < error[0] / 4
    assert error[1] < 0.02 * np.abs(exact).max()


def blended(threshold: float, sharpness: float = 16.0) -> Blend:
    parents: dict[str, Recommender] = {
        name: registry.create(name).fit(blocks(n_people=40), rng=np.random.default_rng(0), report=lambda *_: None)
        for name in ("ease",)
    }
    parents["ridge_head"] = model_of("ridge_head", {})
    made = Blend(BlendConfig(warm="ease", threshold=threshold, sharpness=sharpness))
    return made.fit(blocks(n_people=40), parents=parents, rng=np.random.default_rng(0), report=lambda *_: None)


def test_of_a_blend_the_part_that_answers_alone_is_explained():
    cold = Game(blended(1000), support(), Target(20))
    own = SupportWeights().explain(Game(model_of("ridge_head", {}), support(), Target(20)))
    np.testing.assert_array_equal(SupportWeights().explain(cold).values, own.values)
    assert answering(cold)[0].model.name == "ridge_head"
    assert "ease does not adapt" in SupportWeights().refuses(Game(blended(0.5), support(), Target(20)))
    both = SupportWeights().refuses(Game(blended(7, 1.0), support(), Target(20)))
    assert "ridge_head and ease answer this person together" in both


def test_what_cannot_be_explained_is_said():
    model = model_of("ridge_head", {})
    assert "nothing yet" in SupportWeights().refuses(Game(model, histories([[]]), Target(1)))
    assert "history" in SupportWeights().refuses(Game(model, support(), Target(1), with_history=False))
    ease = registry.create("ease").fit(blocks(), rng=np.random.default_rng(0), report=lambda *_: None)
    with pytest.raises(CannotExplain, match="ease does not adapt"):
        SupportWeights().explain(Game(ease, support(), Target(1)))


class Sure(Ridge):
    link = "softmax"


def test_a_probability_over_the_catalog_is_explained():
    model = Sure([[1, 0], [0, 1], [1, 1], [2, -1]], 1.0)
    game = Game(model, replace(histories([[0, 1]]), values=np.array([2, -1], np.float32)), Target(3, PROBABILITY))  # type: ignore[arg-type]
    found = SupportWeights().explain(game)
    assert found.gap < 1e-6
    assert found.baseline_prediction == pytest.approx(0.25)
    scores = np.exp(model.score(game.histories)[0])
    assert found.prediction == pytest.approx(scores[3] / scores.sum(), abs=1e-6)


def test_every_recommender_that_adapts_weighs_supports_or_is_made_of_one_that_does():
    assert {*SMALL, "blend"} == registry.ADAPTABLE


def test_what_does_not_count_is_not_walked():
    """Of an item met repeatedly only the last time counts."""
    game = Game(model_of("maml", {}), support(repeated=True), Target(20))
    found = SupportWeights().explain(game)
    assert found.errors is not None
    walk = walked(game, 2, np.random.default_rng(0))
    assert walk[0] == 0
    assert walk.sum() == pytest.approx(game.whole - game.empty, abs=1e-6)
