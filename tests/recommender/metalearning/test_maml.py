"""The inner step by hand, and the second-order gradient against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from recommender.metalearning.maml import (
    Episode,
    Weights,
    adapt,
    adapt_all,
    adapt_alone,
    losses,
    masked_mean,
    shortened,
)
from recommender.metalearning.meta_sgd import by_name, rates_for
from recommender.metalearning.reptile import direction

LINE = {"w": torch.tensor(1.0, dtype=torch.float64)}
RATE = {"w": torch.tensor(0.1, dtype=torch.float64)}


def squared(weights: Weights, episode: Episode) -> Tensor:
    """(w x − y)² of one number."""
    return masked_mean((weights["w"] * episode["x"] - episode["y"]) ** 2, episode["mask"])


def point(x: float, y: float) -> Episode:
    return {name: torch.tensor([each], dtype=torch.float64) for name, each in (("x", x), ("y", y), ("mask", 1.0))}


NET = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()


def of_net(weights: Weights, episode: Episode) -> Tensor:
    said = functional_call(NET, weights, (episode["x"],)).squeeze(-1)
    return masked_mean((said - episode["y"]) ** 2, episode["mask"])


@pytest.fixture
def prior() -> Weights:
    drawn = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(each.shape, generator=drawn, dtype=torch.float64).requires_grad_()
        for name, each in NET.state_dict().items()
    }


def episodes(seed: int, count: int = 3, length: int = 4) -> dict[str, Tensor]:
    """The last episode is one example shorter."""
    drawn = torch.Generator().manual_seed(seed)
    x = torch.randn(count, length, 2, generator=drawn, dtype=torch.float64)
    y = torch.randn(count, length, generator=drawn, dtype=torch.float64)
    mask = torch.ones(count, length, dtype=torch.float64)
    mask[-1, -1] = 0.0
    return {"x": x, "y": y, "mask": mask}


def rates(prior: Weights, size: float = 0.05) -> Weights:
    return {name: torch.full_like(each, size, requires_grad=True) for name, each in prior.items()}


def outer(prior: Weights, of: Weights, *, second: bool, steps: int = 2) -> Tensor:
    """The mean query loss after adapting to the support."""
    found = adapt_all(of_net, prior, episodes(1), of, steps=steps, second=second)
    return losses(of_net, found, episodes(2)).mean()


def test_an_inner_step_by_hand() -> None:
    """L = (w·2 − 0)² at w = 1: ∂L/∂w = 2·2·2 = 8, so w′ = 1 − .1 · 8 = .2; a second step: 2·2·.4 = 1.6, w″ = .04."""
    once = adapt(squared, LINE, point(2.0, 0.0), RATE, steps=1, second=True)
    twice = adapt(squared, LINE, point(2.0, 0.0), RATE, steps=2, second=True)
    assert once["w"].item() == pytest.approx(0.2)
    assert twice["w"].item() == pytest.approx(0.04)


@pytest.mark.parametrize(("second", "expected"), [(True, -0.32), (False, -1.6)])
def test_the_outer_slope_by_hand(second: bool, expected: float) -> None:
    """Query (w′·1 − 1)², w′ = .2: ∂/∂w′ = −1.6. ∂w′/∂w = 1 − .1 · 2·2² = .2 at second order, 1 at first."""
    prior = {"w": LINE["w"].clone().requires_grad_()}
    found = adapt(squared, prior, point(2.0, 0.0), RATE, steps=1, second=second)
    squared(found, point(1.0, 1.0)).backward()
    assert prior["w"].grad is not None
    assert prior["w"].grad.item() == pytest.approx(expected)


def by_differences(value: Callable[[], Tensor], of: Tensor, size: float = 1e-5) -> Tensor:
    """Central finite differences of `value` by each number of `of`."""
    flat, found = of.data.view(-1), torch.empty(of.numel(), dtype=torch.float64)
    for at in range(of.numel()):
        before = flat[at].item()
        flat[at] = before + size
        above = value().item()
        flat[at] = before - size
        found[at] = (above - value().item()) / (2 * size)
        flat[at] = before
    return found.view(of.shape)


def test_the_second_order_gradient_is_the_one_by_finite_differences(prior: Weights) -> None:
    of = rates(prior)
    outer(prior, of, second=True).backward()
    for tensor in (*prior.values(), *of.values()):
        expected = by_differences(lambda: outer(prior, of, second=True), tensor)
        assert tensor.grad is not None
        torch.testing.assert_close(tensor.grad, expected, rtol=1e-6, atol=1e-8)


def test_the_first_order_gradient_is_another_and_that_of_detached_slopes(prior: Weights) -> None:
    of = rates(prior)
    second = torch.autograd.grad(outer(prior, of, second=True), list(prior.values()))
    first = torch.autograd.grad(outer(prior, of, second=False), list(prior.values()))
    worst = max((one - other).abs().max().item() for one, other in zip(first, second, strict=True))
    assert worst > 1e-2
    supports, queries, total = episodes(1), episodes(2), torch.zeros((), dtype=torch.float64)
    for at in range(3):  # the same with autograd alone, an episode at a time
        weights: Weights = dict(prior)
        for _ in range(2):
            value = of_net(weights, {name: each[at] for name, each in supports.items()})
            slopes = torch.autograd.grad(value, list(weights.values()))
            weights = {name: each - of[name] * slope for (name, each), slope in zip(weights.items(), slopes)}  # noqa: B905
        total = total + of_net(weights, {name: each[at] for name, each in queries.items()}) / 3
    for one, other in zip(first, torch.autograd.grad(total, list(prior.values())), strict=True):
        torch.testing.assert_close(one, other)


def test_adapted_weights_are_a_copy(prior: Weights) -> None:
    before = {name: each.detach().clone() for name, each in prior.items()}
    support = {name: each[0] for name, each in episodes(1).items()}
    for steps in (0, 2):
        found = adapt(of_net, prior, support, rates(prior), steps=steps, second=False)
        for each in found.values():
            each.detach().fill_(7.0)
    assert all(torch.equal(each, before[name]) for name, each in prior.items())


def test_episodes_together_are_episodes_one_by_one_and_padding_says_nothing(prior: Weights) -> None:
    supports, of = episodes(1), rates(prior)
    together = adapt_all(of_net, prior, supports, of, steps=3, second=True)
    for at, length in enumerate((4, 4, 3)):
        alone = {name: each[at, :length] for name, each in supports.items()}
        for name, each in adapt(of_net, prior, alone, of, steps=3, second=True).items():
            torch.testing.assert_close(together[name][at], each)


def test_one_alone_comes_to_the_same(prior: Weights) -> None:
    support = {name: each[0] for name, each in episodes(1).items()}
    together = adapt(of_net, prior, support, rates(prior), steps=3, second=False, longest=0.5)
    alone = adapt_alone(of_net, prior, support, rates(prior), steps=3, longest=0.5)
    for name, each in together.items():
        torch.testing.assert_close(alone[name], each.detach())
        assert not alone[name].requires_grad


def test_long_slopes_are_shortened() -> None:
    """|(3, 4)| = 5: shortened to 1 it is (.6, .8); what is shorter stays."""
    slopes = {"a": torch.tensor([3.0]), "b": torch.tensor([4.0])}
    found = shortened(slopes, 1.0)
    assert [found[name].item() for name in "ab"] == pytest.approx([0.6, 0.8])
    assert shortened(slopes, 9.0)["a"].item() == pytest.approx(3.0)


def test_of_nothing_nothing_is_learned(prior: Weights) -> None:
    empty = episodes(1) | {"mask": torch.zeros(3, 4, dtype=torch.float64)}
    found = adapt_all(of_net, prior, empty, rates(prior), steps=3, second=True)
    assert all(torch.equal(each[1], prior[name]) for name, each in found.items())


def test_step_sizes_are_learned_for_each_weight_or_stay(prior: Weights) -> None:
    learned, fixed = rates_for(prior, 0.1, learned=True), rates_for(prior, 0.1, learned=False)
    assert by_name(learned)["0.weight"].shape == (3, 2)
    assert by_name(fixed)["0.weight"].shape == ()
    assert [each.requires_grad for each in (*learned.values(), *fixed.values())] == [True] * 4 + [False] * 4


def test_reptile_moves_towards_the_adapted_weights() -> None:
    """Prior 1, adapted to 2 and 5: 1 − 3.5 = −2.5."""
    found = direction({"w": torch.tensor([1.0])}, {"w": torch.tensor([[2.0], [5.0]])})
    assert found["w"].tolist() == [-2.5]
