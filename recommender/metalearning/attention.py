"""The decoder of the neural process: what is known of a person, seen from each item asked about, as a distribution over
the levels of the scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

SHRINKAGE = 5.0
"""Ratings after which a person's own use of the scale counts as much as everyone's."""
LEAST_SPREAD = 0.15


@dataclass(frozen=True)
class Asked:
    """What the decoder reads. `near` by kind: (n, Q, e) embeddings of items asked about and (n, L, e) of rated ones;
    `left` (n, L) what offsets leave of the ratings, `level` (n, L) their levels, `weight` (n, L), 0 where there is
    none; `counted` (n, L) 1 where there is one (less where it counts in part); `mean`, `variance` (n, Q) of the linear
    model; `about` (n, Q, a) numbers of the items."""

    near: Mapping[str, tuple[Tensor, Tensor]]
    left: Tensor
    level: Tensor
    weight: Tensor
    counted: Tensor
    mean: Tensor
    variance: Tensor
    about: Tensor


class Decoder(nn.Module):
    """P(r > level k) = σ((m + δ − c_k − γ_k) / s): m the linear model's mean; δ, γ and s by a small network from how
    like items were rated (attention by similarity, one head per kind), and how the person uses the scale."""

    levels: Tensor
    frequencies: Tensor

    def __init__(self, kinds: list[str], levels: Tensor, frequencies: Tensor, about: int, hidden: int) -> None:
        super().__init__()
        self.kinds, k = kinds, len(levels)
        self.register_buffer("levels", levels)
        self.register_buffer("frequencies", frequencies)
        self.sharpness = nn.Parameter(torch.full((len(kinds),), 4.0))
        self.shrinkage = nn.Parameter(torch.ones(len(kinds) + 1))
        width = 2 * (len(kinds) + 1) + (k + 3) + 3 + about
        self.straight, self.first, self.second = (
            nn.Linear(width, k + 1),
            nn.Linear(width, hidden),
            nn.Linear(hidden, k + 1),
        )
        for layer in (self.straight, self.second):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.dropout = nn.Dropout(0.1)
        steps = levels.diff()
        self.lowest = nn.Parameter((levels[:1] + steps[:1] / 2).clone())
        self.steps = nn.Parameter(torch.log(torch.expm1((steps[1:] + steps[:-1]) / 2)))
        self.spread = nn.Parameter(torch.log(torch.expm1(torch.tensor(0.45 * float(levels.std())))))

    def forward(self, given: Asked) -> Tensor:
        """(n, Q, levels) probabilities."""
        scale = float(self.levels.std())
        count = given.counted.sum(1, keepdim=True)
        usual = (given.left * given.counted).sum(1, keepdim=True) / (count + 4.0)
        numbers = [*self._attended(given, usual, scale), self._use_of_scale(given, count, scale)]
        linear = [(given.mean - self.levels.mean()) / scale, given.variance, (usual / scale).expand_as(given.mean)]
        x = torch.cat([*numbers, torch.stack(linear, dim=-1), given.about], dim=-1)
        moved = self.straight(x) + self.second(self.dropout(F.gelu(self.first(x))))
        mean, cuts = given.mean + moved[..., 0], torch.cumsum(torch.cat([self.lowest, F.softplus(self.steps)]), 0)
        spread = F.softplus(self.spread + moved[..., -1:]) + LEAST_SPREAD * scale
        above = torch.sigmoid((mean[..., None] - cuts - moved[..., 1:-1]) / spread)
        above = torch.cummin(above, dim=-1).values
        parts = [1 - above[..., :1], above[..., :-1] - above[..., 1:], above[..., -1:]]
        found = torch.cat(parts, dim=-1).clamp(min=1e-4)
        return found / found.sum(-1, keepdim=True)

    def _attended(self, given: Asked, usual: Tensor, scale: float) -> list[Tensor]:
        """Per kind of likeness (n, Q, 2): Σ a(i, j) left(j) / (κ + Σ a) with a = weight(j) exp(β (cos(i, j) − 1)), and
        log Σ a; of the last head a is the weight alone and left is not centred."""
        centred = (given.left - usual) * (given.weight > 0)
        found = []
        for at, kind in enumerate(self.kinds):
            asked, rated = given.near[kind]
            pull = (self.sharpness[at] * (asked @ rated.transpose(1, 2) - 1)).exp() * given.weight[:, None]
            found.append(self._head(pull, centred, at, scale))
        flat = given.weight[:, None].expand(-1, given.mean.shape[1], -1)
        found.append(self._head(flat, given.left, len(self.kinds), scale))
        return found

    def _head(self, pull: Tensor, left: Tensor, at: int, scale: float) -> Tensor:
        total = pull.sum(-1)
        mean = (pull * left[:, None]).sum(-1) / (total + self.shrinkage[at].exp())
        return torch.stack([mean / scale, torch.log1p(total) / 3], dim=-1)

    def _use_of_scale(self, given: Asked, count: Tensor, scale: float) -> Tensor:
        """(n, Q, levels + 3) how often the person gave each level, shrunk; its mean and variance; how many ratings."""
        told = F.one_hot(given.level, len(self.levels)) * given.counted[..., None]
        share = (told.sum(1) + SHRINKAGE * self.frequencies) / (count + SHRINKAGE)
        mean = (share * self.levels).sum(1, keepdim=True)
        variance = (share * self.levels**2).sum(1, keepdim=True) - mean**2
        usual = (self.frequencies * self.levels).sum()
        numbers = [
            share - self.frequencies,
            (mean - usual) / scale,
            variance / scale**2 - 0.6,
            torch.log1p(count) / 3 - 0.7,
        ]
        return torch.cat(numbers, dim=1)[:, None].expand(-1, given.mean.shape[1], -1)


def median(probabilities: Tensor, levels: Tensor) -> Tensor:
    """(…,) where the distribution passes one half, each level's share spread evenly over its step: the rating of least
    expected absolute error, between levels."""
    edges = torch.cat([levels[:1] - (levels[1] - levels[0]) / 2, (levels[1:] + levels[:-1]) / 2])
    ends = torch.cat([edges[1:], levels[-1:] + (levels[-1] - levels[-2]) / 2])
    below = probabilities.cumsum(-1)
    at = (below < 0.5).sum(-1).clamp(max=len(levels) - 1)
    own = probabilities.gather(-1, at[..., None])[..., 0]
    before = below.gather(-1, at[..., None])[..., 0] - own
    share = ((0.5 - before) / own).clamp(0, 1)
    return edges[at] + share * (ends - edges)[at]


def least_error(probabilities: Tensor, levels: Tensor) -> Tensor:
    """(…,) the level of least expected absolute error."""
    apart = (levels[:, None] - levels).abs()
    return levels[(probabilities[..., None, :] * apart).sum(-1).argmin(-1)]
