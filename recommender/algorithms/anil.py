"""Almost no inner loop (Raghu, Raghu, Bengio, Vinyals, ICLR 2020): maml in which only the last layer adapts.

What is kept of a person is a few hundred bytes, and adapting costs a fraction.
"""

from __future__ import annotations

from typing import ClassVar

from recommender.algorithms.maml import MAML
from recommender.metalearning import anil
from recommender.metalearning.maml import Weights


class ANIL(MAML):
    """Lowers what maml lowers, with θ′ = θ but for the last layer."""

    name: ClassVar[str] = "anil"

    def _adapting(self, prior: Weights) -> tuple[Weights, Weights]:
        return anil.split(prior, f"layer{len(prior) // 2 - 1}.")
