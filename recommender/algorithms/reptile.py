"""Reptile (Nichol, Achiam, Schulman, 2018) on MeLU's network: the prior of the decision layers moves towards where
gradient steps on all of an episode lead.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from recommender.algorithms.base import Config
from recommender.algorithms.gradient_adapted import GradientAdapted, GradientConfig, Weigh
from recommender.metalearning import maml, melu
from recommender.metalearning.maml import Weights
from recommender.metalearning.reptile import direction

JOINED = ("items", "ratings", "rated", "taken", "offset", "others", "others_offset", "others_mask")
"""What of a support and a query stands side by side when they are one set."""


class Reptile(GradientAdapted):
    """θ moves along mean θ′ − θ, θ′ adapted to support and query together; the paper has no query.

    The embeddings, which do not adapt, get the slope of the same set's loss under θ′. Step sizes are not learned:
    nothing is differentiated through them.
    """

    name: ClassVar[str] = "reptile"
    config_class: ClassVar[type[Config]] = GradientConfig

    def _meta_loss(
        self, prior: Weights, supports: dict[str, Tensor], queries: dict[str, Tensor], weigh: Weigh | None
    ) -> Tensor:
        whole = {
            name: torch.cat([each, queries[name]], dim=1) if name in JOINED else each for name, each in supports.items()
        }
        fixed = {name: each.detach() for name, each in prior.items()}
        inputs = {name: each.detach() for name, each in whole.items()}
        adapted = self.steps(fixed, inputs, second=False)
        losses = maml.losses(melu.loss, {name: each.detach() for name, each in adapted.items()}, whole)
        weights = None if weigh is None else weigh(losses)
        towards = direction(prior, adapted, weights)
        moved = torch.stack([(each * towards[name]).sum() for name, each in prior.items()]).sum()
        # its value is 0, its slope in θ is `towards`
        return (losses if weights is None else weights * losses).mean() + moved - moved.detach()
