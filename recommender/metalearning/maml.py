"""Model-agnostic meta-learning (Finn, Abbeel, Levine, ICML 2017): weights from which a few gradient steps on an
episode's support do well on its query. Many episodes at once, truly of second order, or of first.

An episode is a mapping of tensors whose mask (1, 0 where there is only padding) the loss must respect: episodes of
different lengths then have one shape and are done together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.func import grad, vmap

Weights = dict[str, Tensor]
Episode = Mapping[str, Tensor]
Loss = Callable[[Weights, Episode], Tensor]
"""The loss of one episode's examples under some weights: a number."""


def adapt(
    loss: Loss,
    prior: Mapping[str, Tensor],
    support: Episode,
    rates: Mapping[str, Tensor],
    *,
    steps: int,
    second: bool,
    longest: float = math.inf,
) -> Weights:
    """θ′ of one episode: `steps` times θ ← θ − α ⊙ ∂L(θ, support)/∂θ, beginning at `prior`.

    `rates` has an α for each name in `prior`, one number or as many as the weights have. Without `second` the slopes
    count as constants when θ′ is differentiated: ∂θ′/∂θ is then the identity (first-order MAML, same paper, 5.2).
    Slopes longer than `longest` (Euclidean, all weights together) are shortened to it, so that no episode runs away.
    `prior` itself stays as it was.
    """
    slope = grad(loss)
    weights = {name: each.clone() for name, each in prior.items()}
    for _ in range(steps):
        found = shortened(slope(weights, support), longest)
        if not second:
            found = {name: each.detach() for name, each in found.items()}
        weights = {name: each - rates[name] * found[name] for name, each in weights.items()}
    return weights


def adapt_alone(
    loss: Loss,
    prior: Mapping[str, Tensor],
    support: Episode,
    rates: Mapping[str, Tensor],
    *,
    steps: int,
    longest: float = math.inf,
) -> Weights:
    """What `adapt` gives at first order, by plain autograd, not to be differentiated: half the time of a single one."""
    weights = {name: each.detach().clone() for name, each in prior.items()}
    for _ in range(steps):
        weights = {name: each.requires_grad_() for name, each in weights.items()}
        with torch.enable_grad():
            slopes = torch.autograd.grad(loss(weights, support), list(weights.values()))
        found = shortened(dict(zip(weights, slopes, strict=True)), longest)
        weights = {name: (each - rates[name] * found[name]).detach() for name, each in weights.items()}
    return weights


def shortened(slopes: Weights, longest: float) -> Weights:
    """`slopes`, times longest / |slopes| where they are longer than that."""
    if not math.isfinite(longest):
        return slopes
    square = sum((each.square().sum() for each in slopes.values()), start=torch.zeros(()))
    factor = longest / square.clamp(min=longest**2).sqrt()
    return {name: each * factor for name, each in slopes.items()}


def adapt_all(
    loss: Loss,
    prior: Mapping[str, Tensor],
    supports: Episode,
    rates: Mapping[str, Tensor],
    *,
    steps: int,
    second: bool,
    longest: float = math.inf,
) -> Weights:
    """θ′ of E episodes at once; first axis the episode, of `supports` as of what is returned."""

    def one(support: Episode) -> Weights:
        return adapt(loss, prior, support, rates, steps=steps, second=second, longest=longest)

    found: Weights = vmap(one)(dict(supports))
    return found


def losses(loss: Loss, weights: Mapping[str, Tensor], episodes: Episode) -> Tensor:
    """(E,) the loss of each episode under its own weights (first axis the episode)."""
    found: Tensor = vmap(loss)(dict(weights), dict(episodes))
    return found


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of `values` (n,) where `mask` (n,) is 1, or weighted by it; 0 where it is 0 everywhere: of nothing at
    all nothing is learned, and the adapted weights are the prior."""
    total = mask.sum()
    return (values * mask).sum() / (total + (total == 0))
