"""Meta-SGD (Li, Zhou, Chen, Li, 2017): MAML whose step sizes are learned too, one for each weight."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def rates_for(prior: Mapping[str, Tensor], start: float, *, learned: bool) -> nn.ParameterDict:
    """α of θ′ = θ − α ⊙ ∂L/∂θ for each name in `prior` (dots become “/”, as a module's names may hold none).

    Learned: one for each weight, all `start` at first, of either sign later. Else one number for all of a name's
    weights, which stays.
    """
    made = {}
    for name, each in prior.items():
        shape = each.shape if learned else ()
        made[name.replace(".", "/")] = nn.Parameter(torch.full(shape, start, dtype=each.dtype), requires_grad=learned)
    return nn.ParameterDict(made)


def by_name(rates: nn.ParameterDict) -> dict[str, Tensor]:
    return {name.replace("/", "."): each for name, each in rates.items()}
