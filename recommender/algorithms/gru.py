"""A recurrent network over histories (GRU4Rec: Hidasi et al., ICLR 2016), trained with a softmax over the whole
catalog at every position, as sasrec is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from recommender.algorithms.base import Config, hyper
from recommender.algorithms.sequence_items import Items, SequenceNet
from recommender.algorithms.sequence_recommender import SequenceRecommender
from recommender.algorithms.sequence_training import SequenceConfig
from recommender.algorithms.sequences import Dropout


@dataclass(frozen=True)
class GRUConfig(SequenceConfig):
    """Size, regularisation and training of the network."""

    layers: int = hyper(1, "Recurrent layers, one above the other.", low=1, high=4)
    width: int = hyper(128, "Numbers in the memory of a layer.", low=1, high=1024)


class GRU(SequenceRecommender):
    """score(u, i) = h(u)ᵀ e(i), h the memory of a gated recurrent unit after the last item."""

    name: ClassVar[str] = "gru"
    config_class: ClassVar[type[Config]] = GRUConfig

    def build(self, items: Items) -> SequenceNet:
        return Net(items, cast(GRUConfig, self.config))


class Net(SequenceNet):
    """rₜ = σ(W_r xₜ + U_r hₜ₋₁), zₜ = σ(W_z xₜ + U_z hₜ₋₁), ĥₜ = tanh(W xₜ + rₜ ⊙ U hₜ₋₁),
    hₜ = (1 − zₜ) ⊙ ĥₜ + zₜ ⊙ hₜ₋₁ (biases left out); then a linear map to the items' width."""

    def __init__(self, items: Items, config: GRUConfig) -> None:
        super().__init__(items, config.length)
        self.drop = Dropout(config.dropout)
        self.gru = nn.GRU(config.factors, config.width, config.layers, batch_first=True)
        self.out = nn.Linear(config.width, config.factors)

    def draw(self) -> None:
        self.drop.draw()

    def forward(self, tokens: Tensor, lengths: Tensor, *, only_last: bool) -> Tensor:
        """(people, w, d) tokens, of which `lengths` are real → what follows each, or (people, d) for the last.

        Always in float32: a step of the recurrence is too small for bfloat16 to pay.
        """
        with torch.autocast(tokens.device.type, enabled=False):
            x = tokens.float()
            memory, _ = self.gru(self.drop(x) if self.training else x)
            if only_last:
                memory = memory[torch.arange(len(memory), device=memory.device), lengths - 1]
            return cast(Tensor, self.out(self.drop(memory) if self.training else memory))
