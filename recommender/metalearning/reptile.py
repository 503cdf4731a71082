"""Reptile (Nichol, Achiam, Schulman, 2018): the prior moves towards where the inner loop leads, without a query set
and without differentiating through anything."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from recommender.metalearning.maml import Weights


def direction(
    prior: Mapping[str, Tensor], adapted: Mapping[str, Tensor], weights: Tensor | None = None
) -> Weights:  # fmt: skip
    """θ − mean over episodes of θ′, to be used in place of a gradient by any optimiser (paper's section 2: “(φ − W)/α
    as the gradient”). `adapted`'s first axis is the episode. With `weights` (n,) the mean of wₑ (θ − θ′ₑ)."""
    if weights is not None:
        return {name: _weighed(each.detach() - adapted[name].detach(), weights) for name, each in prior.items()}
    return {name: each.detach() - adapted[name].detach().mean(dim=0) for name, each in prior.items()}


def _weighed(moves: Tensor, weights: Tensor) -> Tensor:
    return (moves * weights.view(-1, *[1] * (moves.ndim - 1))).mean(dim=0)
