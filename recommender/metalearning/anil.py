"""Almost no inner loop (Raghu, Raghu, Bengio, Vinyals, ICLR 2020): only the head adapts, the body is shared by all.

The body need be gone through only once: what adapts is a network of one layer above what the body says.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor

from recommender.metalearning.maml import Episode, Weights
from recommender.metalearning.melu import decide

FIRST = "layer0."


def split(weights: Mapping[str, Tensor]) -> tuple[Weights, Weights]:
    """The last layer's weights, named as if it were the first, which adapt, and all others, which do not."""
    last = head_of(weights)
    adapts = {name.replace(last, FIRST): each for name, each in weights.items() if name.startswith(last)}
    return adapts, {name: each for name, each in weights.items() if not name.startswith(last)}


def joined(adapts: Mapping[str, Tensor], stays: Mapping[str, Tensor]) -> Weights:
    """The whole network again."""
    last = f"layer{len(stays) // 2}."
    return {**stays, **{name.replace(FIRST, last): each for name, each in adapts.items()}}


def head_of(weights: Mapping[str, Tensor]) -> str:
    return f"layer{len(weights) // 2 - 1}."


def above(body: Weights, episode: Episode) -> dict[str, Tensor]:
    """Episodes of `melu.loss` (first axis the episode) as a network of the head alone reads them."""
    person = episode["person"]
    found = {part: F.relu(decide(body, person, episode[part])) for part in ("items", "others")}
    return {**episode, **found, "person": person[..., :0]}
