"""Almost no inner loop (Raghu, Raghu, Bengio, Vinyals, ICLR 2020): only the head adapts, the body is shared by all."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from recommender.metalearning.maml import Weights


def split(weights: Mapping[str, Tensor], head: str) -> tuple[Weights, Weights]:
    """The weights whose names begin with `head`, which adapt, and all others, which do not."""
    adapts = {name: each for name, each in weights.items() if name.startswith(head)}
    return adapts, {name: each for name, each in weights.items() if name not in adapts}
