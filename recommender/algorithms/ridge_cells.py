"""What people did as rectangles, and what the linear model of ratings says of them by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from recommender.metalearning import ridge
from recommender.metalearning.rating_prior import RatingPrior


@dataclass(frozen=True)
class Cells:
    """Interactions as rectangles (n, L): places of items, ratings, 1 where there is one, 1 where rated, spreads above
    what is usual for the item, and how much each counts (as `mask`, unless some count in part)."""

    at: Tensor
    y: Tensor
    mask: Tensor
    rated: Tensor
    liked: Tensor
    counts: Tensor

    def weighted(self, counts: Tensor) -> Cells:
        """Those of one person as often as `counts` (steps, L) has rows, each interaction counting so much."""
        many = {each.name: getattr(self, each.name).expand(len(counts), -1) for each in fields(self)}
        return replace(Cells(**many), counts=counts)


def posterior(
    prior: RatingPrior, side: Mapping[str, Tensor], cells: Cells, person: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Of people with ratings in `cells` and attributes `person`: (n, d) w(u) = w₀(u) + (XᵀΩX + σ² I)⁻¹ XᵀΩ (y − offset
    − X w₀(u)), the lower factor of its matrix, and (n, L) y − offset."""
    x, weight = side["x"][cells.at], side["weight"][cells.at] * cells.rated * cells.counts
    start = torch.cat([torch.ones(len(person), 1), person], dim=1) @ torch.from_numpy(prior.expected)
    left = (cells.y - side["offset"][cells.at]) * cells.rated
    found, lower = ridge.solve(x, left - (x * start[:, None]).sum(-1), weight, torch.full(x.shape[2:], prior.noise))
    return start + found, lower, left
