"""Reptile (Nichol, Achiam, Schulman, 2018): the prior moves towards where the inner loop leads, without a query set
and without differentiating through anything."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from recommender.metalearning.maml import Weights


def direction(prior: Mapping[str, Tensor], adapted: Mapping[str, Tensor]) -> Weights:
    """θ − mean over episodes of θ′, to be used in place of a gradient by any optimiser (paper's section 2: “(φ − W)/α
    as the gradient”). `adapted`'s first axis is the episode."""
    return {name: each.detach() - adapted[name].detach().mean(dim=0) for name, each in prior.items()}
