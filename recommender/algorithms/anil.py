"""Almost no inner loop (Raghu, Raghu, Bengio, Vinyals, ICLR 2020): maml in which only the last layer adapts.

What is kept of a person is a few hundred bytes, and adapting costs a fraction.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from recommender.algorithms.maml import MAML
from recommender.metalearning import anil
from recommender.metalearning.maml import Weights


class ANIL(MAML):
    """Lowers what maml lowers, with θ′ = θ but for the last layer."""

    name: ClassVar[str] = "anil"

    def _adapting(self, prior: Weights) -> tuple[Weights, Weights]:
        return anil.split(prior)

    def _joined(self, adapts: Weights, stays: Weights) -> Weights:
        return anil.joined(adapts, stays)

    def _read(self, stays: Weights, episodes: dict[str, Tensor]) -> dict[str, Tensor]:
        return anil.above(stays, episodes)
