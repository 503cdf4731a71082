"""Traps of attribution that others fell into: each is shown where it is another's code, and not to be ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from captum.attr import FeatureAblation, IntegratedGradients, LayerIntegratedGradients, ShapleyValueSampling

import explain.attribution
from explain.attribution import registry
from explain.attribution.embedded import Embedded
from explain.attribution.game import PROBABILITY, Game, Target
from recommender.algorithms.base import Recommender
from recommender.algorithms.sequence_recommender import SequenceRecommender
from recommender.data.dataset import Histories
from tests.recommender.algorithms.test_conformance import fitted
from tests.recommender.builders import blocks, histories


@pytest.fixture(scope="module", params=["sasrec", "gru"])
def model(request: pytest.FixtureRequest) -> SequenceRecommender:
    made = fitted(request.param, blocks(), settings={"epochs": 6, "learning_rate": 0.01, "length": 8})
    assert isinstance(made, SequenceRecommender)
    return made


def game(model: Recommender, items: list[int], **options: Any) -> Game:
    return Game(model, histories([items]), Target(7, **options))


SOME = [0, 1, 2, 3, 4]


def test_integer_ids_have_no_gradient_so_embeddings_are_followed(model: SequenceRecommender):
    ids = torch.tensor([[1, 2]])
    with pytest.raises((IndexError, RuntimeError)):
        IntegratedGradients(lambda given: torch.randn(4, 3)[given].sum(dim=(1, 2))).attribute(ids, ids * 0)
    assert Embedded(game(model, SOME)).tokens.is_floating_point()
    assert registry.get("integrated_gradients").explain(game(model, SOME)).relative_gap < 1e-3


def test_a_normalised_input_with_a_zero_baseline_would_sum_to_nothing_so_baselines_are_not_zero(
    model: SequenceRecommender,
):
    """cos(αx, v) is the same for every α > 0: all gradients along the way are 0, though the target is not."""
    x, v = torch.tensor([[3.0, 4.0]]), torch.tensor([1.0, 0.0])
    method = IntegratedGradients(lambda given: F.normalize(given, dim=1) @ v)
    assert method.attribute(x, torch.zeros_like(x)).sum().abs() < 1e-5  # rather than 0.6
    assert float(method.attribute(x, torch.tensor([[0.5, 4.0]])).sum()) == pytest.approx(0.6 - 0.124, abs=1e-3)
    assert (Embedded(game(model, SOME)).without_items().norm(dim=2) > 0).all()


def test_captums_layer_gradients_on_the_networks_embedding_are_the_same(model: SequenceRecommender):
    """The candidate is looked up by F.embedding: the embedding module, which a hook is on, is called once."""
    net, asked = model._fitted(), game(model, SOME)
    read = Read(model)
    method = LayerIntegratedGradients(read, read.tokens)
    ids = torch.tensor([[net.n_items, *SOME]])
    found = method.attribute(ids, torch.full_like(ids, net.n_items), additional_forward_args=(7,), n_steps=32,
                             method="gausslegendre")  # fmt: skip
    summed = found.sum(dim=2)[0]
    assert summed[0] == 0
    ours = registry.get("integrated_gradients").explain(asked)
    assert ours.cost.evaluations == 32
    np.testing.assert_allclose(ours.values, summed[1:].numpy(), atol=1e-5)


class Read(torch.nn.Module):
    """The network with its rows as an embedding module, as it is usually written."""

    def __init__(self, model: SequenceRecommender) -> None:
        super().__init__()
        self.net = model._fitted()
        rows = self.net.items().detach()
        self.tokens = torch.nn.Embedding.from_pretrained(rows * rows.shape[1] ** 0.5)

    def forward(self, ids: torch.Tensor, item: int) -> torch.Tensor:
        lengths = torch.full((len(ids),), ids.shape[1])
        hidden = self.net(self.tokens(ids), lengths, only_last=True)
        return cast(torch.Tensor, hidden @ self.net.candidates[item])


def test_the_start_token_and_padding_get_exactly_nothing(model: SequenceRecommender):
    read = Embedded(game(model, SOME))
    assert read.places.tolist() == [-1, 0, 1, 2, 3, 4]
    values = IntegratedGradients(read.target).attribute(read.tokens, read.without_items())
    assert (values[0, 0] == 0).all()
    assert (values[0, 1:].abs().sum(dim=1) > 0).all()
    pair = histories([SOME, [3]])  # the second is padded to the width of the first
    embedded = model.embed(pair)
    model.score_embedded(embedded, pair, np.array([7])).sum().backward()
    of_tokens = embedded["tokens"].grad.abs().sum(dim=2)
    padding = embedded["places"].numpy()[1] < 0
    padding[0] = False  # the start token, which is read
    assert (of_tokens[1, torch.from_numpy(padding)] == 0).all()
    assert (of_tokens[1, :2] > 0).all()


def test_padding_makes_nothing_nan_and_changes_nothing(model: SequenceRecommender):
    together = model.score(histories([SOME, [], [3]]))
    assert np.isfinite(together).all()
    for row, items in enumerate([SOME, [], [3]]):
        np.testing.assert_allclose(together[row], model.score(histories([items]))[0], atol=1e-5)
    pair = histories([[], SOME])
    embedded = model.embed(pair)
    model.score_embedded(embedded, pair, np.array([7])).sum().backward()
    assert torch.isfinite(embedded["tokens"].grad).all()


def test_what_is_older_than_the_network_reads_gets_nothing(model: SequenceRecommender):
    asked = game(model, [9, 10, 11, *SOME, 5, 6])  # 10 items, of which 8 tokens are read
    found = registry.get("integrated_gradients").explain(asked)
    assert (found.values[:2] == 0).all()
    assert (found.values[2:] != 0).all()
    assert found.prediction == pytest.approx(asked.whole, abs=1e-4)


def test_a_group_of_features_is_one_value_not_one_each():
    """Captum repeats the value of a group in each of its elements; a sum would count it as often as it is met. An item
    met twice is one unit of ours."""
    x, mask = torch.ones(1, 3), torch.tensor([[0, 1, 0]])
    weights = torch.tensor([1.0, 5.0, 2.0])
    values = ShapleyValueSampling(lambda given: given @ weights).attribute(x, feature_mask=mask, n_samples=5)
    np.testing.assert_allclose(values.numpy(), [[3, 5, 3]], atol=1e-6)
    assert float(values.sum()) == pytest.approx(11)  # rather than 8


def test_a_mask_index_used_in_two_tensors_takes_both_away():
    a, b = torch.ones(1, 2), torch.ones(1, 2)
    reused = FeatureAblation(lambda x, y: x.sum(1) + 10 * y.sum(1)).attribute(
        (a, b), feature_mask=(torch.tensor([[0, 1]]), torch.tensor([[0, 1]]))
    )
    assert float(reused[0][0, 0]) == 11  # rather than 1


def test_an_item_met_twice_is_counted_once(model: SequenceRecommender):
    asked = game(model, [0, 1, 2, 1])
    for method in ("integrated_gradients", "shapley", "shapley_sampling"):
        found = registry.get(method).explain(asked)
        assert [unit.key for unit in found.units] == [0, 2, 1]
        assert found.relative_gap < 1e-3


def taking_away(asked: Game) -> Any:
    return lambda there: torch.from_numpy(asked.values(there.numpy() > 0))


def test_captums_ablation_is_ours(model: SequenceRecommender):
    asked = game(model, SOME)
    values = FeatureAblation(taking_away(asked)).attribute(torch.ones(1, 5), perturbations_per_eval=1)
    np.testing.assert_allclose(registry.get("ablation").explain(asked).values, values[0].numpy(), atol=1e-5)


def test_captums_sampling_is_complete_and_within_the_error_of_ours(model: SequenceRecommender):
    """A permutation's parts sum to the difference whatever is drawn, theirs and ours."""
    asked, n = game(model, SOME), len(SOME)
    torch.manual_seed(0)
    method = ShapleyValueSampling(taking_away(asked))
    each = np.stack([method.attribute(torch.ones(1, n), n_samples=1)[0].numpy() for _ in range(40)])
    np.testing.assert_allclose(each.sum(axis=1), asked.whole - asked.empty, atol=1e-5)
    ours = registry.get("shapley_sampling").explain(asked)
    assert ours.errors is not None
    assert ours.gap < 1e-7
    errors = np.sqrt(ours.errors**2 + each.var(axis=0, ddof=1) / len(each))
    assert (np.abs(ours.values - each.mean(axis=0)) <= 4 * errors + 1e-6).all()


@pytest.mark.parametrize("method", ["shap_permutation", "shap_partition"])
def test_explainers_of_shap_are_additive_exactly(model: SequenceRecommender, method: str):
    found = registry.get(method).explain(game(model, SOME))
    assert found.gap <= 1e-5 * max(1.0, abs(found.prediction))


def test_a_probability_over_the_catalog_sums_to_one_and_is_followed(model: SequenceRecommender):
    met = histories([SOME])
    everything = [Game(model, met, Target(item, PROBABILITY)).whole for item in range(24)]
    assert sum(everything) == pytest.approx(1, abs=1e-6)
    found = registry.get("integrated_gradients").explain(game(model, SOME, kind=PROBABILITY))
    assert found.prediction == pytest.approx(everything[7], abs=1e-4)
    assert found.relative_gap < 1e-2


def test_items_of_which_nothing_is_known_are_scored_the_same_through_the_embedding(model: SequenceRecommender):
    wide = type(model)(model.config).load_state(model.state())  # type: ignore[arg-type]
    wide.extend(np.zeros((2, 384), dtype=np.float32))
    asked = Game(wide, histories([SOME]), Target(25))
    assert Embedded(asked).whole == pytest.approx(float(wide.score(histories([SOME]))[0, 25]), abs=1e-4)
    assert len(wide.score(histories([SOME]))[0]) == 26


SOURCE = "\n".join(path.read_text() for path in sorted(Path(explain.attribution.__path__[0]).glob("*.py")))


@pytest.mark.parametrize("name", ["DeepLift", "LRP", "DeepExplainer", "captum.insights"])
def test_methods_that_are_wrong_for_these_models_are_not_used(name: str):
    assert not re.search(rf"\b{re.escape(name)}\b", SOURCE)
    assert name.lower() not in registry.METHODS


def test_additivity_is_never_left_unchecked():
    assert not re.search(r"check_additivity\s*=\s*False", SOURCE)
    assert "check_additivity=True" in SOURCE


def test_coalitions_are_the_history_without_them_not_tokens_that_stand_for_nothing(model: SequenceRecommender):
    asked: Game = game(model, SOME)
    kept = asked.coalitions(np.array([[True, False, True, False, True]]))
    assert isinstance(kept, Histories)
    np.testing.assert_allclose(model.score(kept), model.score(histories([[0, 2, 4]])), atol=1e-6)
