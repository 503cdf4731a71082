"""What tells the four learners by gradient steps from each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch

from recommender.algorithms.gradient_adapted import GradientAdapted
from recommender.algorithms.reptile import Reptile
from recommender.metalearning.episodes import Pool
from recommender.metalearning.melu import loss
from recommender.metalearning.meta_sgd import by_name
from tests.recommender.algorithms.test_conformance import fitted
from tests.recommender.builders import blocks, histories

SUPPORT = replace(histories([[0, 1, 2], [13]]), values=np.array([5, 1, 3, 2], dtype=np.float32))


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    return {name: fitted(name, blocks(), settings={"epochs": 1}) for name in ("maml", "anil", "fomaml", "reptile")}


def flat(given: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([each.flatten() for each in given.values()])


def test_what_is_kept_are_the_steps_from_the_prior(trained: dict[str, Any]) -> None:
    """The same steps by autograd alone, for the first person."""
    model = cast(GradientAdapted, trained["maml"])
    net, config = model._fitted(), cast(Any, model.config)
    known, rates = model._fixed["known"], by_name(net.rates)
    examples = model._examples(SUPPORT, model._references(2), model._usual(SUPPORT, known), known)
    first = {name: each[0] for name, each in examples.items()}
    prior = {name: each.detach().clone() for name, each in net.melu.prior().items()}
    weights = {name: each.clone().requires_grad_() for name, each in prior.items()}
    for _ in range(config.steps):
        slopes = dict(zip(weights, torch.autograd.grad(loss(weights, first), list(weights.values()))))  # noqa: B905
        factor = min(1.0, config.longest / flat(slopes).norm().item())
        moved = {name: each - rates[name] * factor * slopes[name] for name, each in weights.items()}
        weights = {name: each.detach().requires_grad_() for name, each in moved.items()}
    kept = torch.from_numpy(model.adapt(SUPPORT)["difference"][0].astype(np.float32))
    expected = flat(weights).detach() - flat(prior)
    torch.testing.assert_close(kept, expected, rtol=2e-3, atol=1e-5)  # kept in half precision
    assert kept.abs().max() > 0.01


def test_anil_keeps_no_more_of_a_person_than_the_head(trained: dict[str, Any]) -> None:
    """Two outputs over eight numbers, and their biases."""
    assert trained["anil"].adapt(SUPPORT)["difference"].shape == (2, 2 * 8 + 2)
    assert trained["maml"].adapt(SUPPORT)["difference"].shape[1] > 100


def test_the_second_order_leads_elsewhere(trained: dict[str, Any]) -> None:
    assert not np.allclose(trained["maml"].score(SUPPORT), trained["fomaml"].score(SUPPORT))


def test_reptiles_slope_is_the_way_back_from_the_adapted_weights() -> None:
    model = fitted("reptile", blocks(), settings={"epochs": 1})
    assert isinstance(model, Reptile)
    net = model._fitted().requires_grad_(True)
    net.rates.requires_grad_(False)
    net.zero_grad()
    pool = Pool.of_people(blocks().histories)
    episodes = pool.draw(np.arange(4), np.random.default_rng(0))
    model._loss(episodes, np.random.default_rng(1)).backward()
    kept = {}
    steps = model.steps

    def noting(*args: Any, **options: Any) -> Any:
        kept["adapted"] = steps(*args, **options)
        return kept["adapted"]

    model.steps = noting  # type: ignore[method-assign]
    model._loss(episodes, np.random.default_rng(1))
    for name, each in net.melu.prior().items():
        torch.testing.assert_close(each.grad, each.detach() - kept["adapted"][name].mean(dim=0))


@pytest.mark.parametrize("head", ["rating", "ranking"])
def test_one_head_alone(head: str) -> None:
    model = fitted("maml", blocks(), settings={"epochs": 1, "loss": head})
    scores = model.score(SUPPORT)
    assert np.isfinite(scores).all()
    if head == "rating":
        rows, items = np.repeat(np.arange(2), 24), np.tile(np.arange(24), 2)
        found = cast(Any, model).predict(SUPPORT, rows, items).reshape(2, 24)
        np.testing.assert_allclose(np.clip(scores, 1, 5), found, rtol=1e-4)


def test_without_additions_it_is_melu() -> None:
    settings = {"epochs": 1, "behaviour": 0, "residual": False, "learned_rates": False, "loss": "rating"}
    model = cast(GradientAdapted, fitted("maml", blocks(), settings=settings))
    assert model._behaviour.shape == (24, 0)
    assert not model.adapt(SUPPORT)["usual"].any()
    assert not any(rate.requires_grad for rate in model._fitted().rates.values())
    assert np.isfinite(model.score(SUPPORT)).all()
