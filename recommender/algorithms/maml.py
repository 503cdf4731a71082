"""Model-agnostic meta-learning (Finn, Abbeel, Levine, ICML 2017) on MeLU's network (Lee et al., KDD 2019): weights of
the decision layers from which a few gradient steps on what a person did serve that person well.

Truly of second order: the training differentiates through the steps. MeLU's published code restores weights in a way
that cuts the graph, and so trains as fomaml does.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from recommender.algorithms.base import Config
from recommender.algorithms.gradient_adapted import GradientAdapted, GradientConfig, Weigh
from recommender.metalearning import maml, melu
from recommender.metalearning.maml import Weights


class MAML(GradientAdapted):
    """Lowers the mean over episodes of L(θ′, query), θ′ after `steps` of θ ← θ − α ⊙ ∂L(θ, support)/∂θ."""

    name: ClassVar[str] = "maml"
    config_class: ClassVar[type[Config]] = GradientConfig
    second: ClassVar[bool] = True
    """Whether the training differentiates through the steps or takes their slopes as constants."""

    def _meta_loss(
        self, prior: Weights, supports: dict[str, Tensor], queries: dict[str, Tensor], weigh: Weigh | None
    ) -> Tensor:
        adapts, stays = self._adapting(prior)
        adapted = self.steps(adapts, self._read(stays, supports), second=self.second)
        losses = maml.losses(melu.loss, adapted, self._read(stays, queries))
        return (losses if weigh is None else weigh(losses) * losses).mean()
