"""MeLU (Lee, Im, Jang, Cho, Chung, KDD 2019): embeddings of a person's, an item's and the moment's fields, which all
people share, and feed-forward decision layers above them, which adapt to each person.

Two heads instead of one: how much something is liked (rating) and whether it is taken at all (click).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from recommender.metalearning.maml import Episode, Weights, masked_mean

SPREAD = 0.2
"""Standard deviation of embeddings at the start."""
RATING, CLICK = 0, 1
"""The two outputs."""


class MeLU(nn.Module):
    """x = [E₁ f₁; …; E_m f_m], z₀ = x, z_l = ReLU(W_l z_{l−1} + b_l), outputs = W z_L + b (the paper's 3.1).

    A field's vector f is a row of columns (one for each word, several of them at once, or a text vector). What people
    did with an item may be fields too (`behaviour`); they are read as zeros for items that nobody met.
    """

    def __init__(
        self,
        person: Sequence[int],
        item: Sequence[int],
        behaviour: Sequence[int],
        taken: Tensor,
        *,
        factors: int,
        hidden: Sequence[int],
    ) -> None:
        """`person`, `item`, `behaviour`: the width of each field. `taken` (n_items,): how much more than others each is
        taken, as a logit, from where its learning starts."""
        super().__init__()
        tables = ([torch.randn(width, factors) * SPREAD for width in side] for side in (person, item, behaviour))
        self.of_person, self.of_item, self.of_behaviour = (nn.ParameterList(side) for side in tables)
        self.taken = nn.Parameter(taken.clone())
        sizes = [factors * (len(person) + len(item) + len(behaviour)), *hidden, 2]
        layers = [nn.Linear(before, after) for before, after in pairwise(sizes)]
        self.decision = nn.ModuleDict({f"layer{at}": layer for at, layer in enumerate(layers)})

    def prior(self) -> Weights:
        """The decision layers' weights, by name: what adapts."""
        return dict(self.decision.named_parameters())

    def people(self, features: Tensor) -> Tensor:
        """(n, person's fields · factors) of (n, width)."""
        return _embedded(features, self.of_person)

    def items(self, content: Tensor, behaviour: Tensor, at: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """(m, item's part of x) and (m,) how much more than others each is taken, of the items `at` (m,) with these
        fields (m, widths); `known` (m,) is 0 for those of which only `content` is to be read, else 1."""
        said, did = _embedded(content, self.of_item), _embedded(behaviour, self.of_behaviour)
        return torch.cat([said, did * known[:, None]], dim=-1), self.taken[at] * known


def _embedded(features: Tensor, tables: nn.ParameterList) -> Tensor:
    widths = [len(table) for table in tables]
    if not widths:
        return features.new_zeros(len(features), 0)
    return torch.cat(
        [part @ table for part, table in zip(torch.split(features, widths, dim=-1), tables, strict=True)], dim=-1
    )


def decide(weights: Weights, person: Tensor, items: Tensor) -> Tensor:
    """(…, n, 2) outputs of decision layers for a `person` (…, p) and `items` (…, n, q); `weights` may have the same
    leading axes, as adapted ones have. The first layer is applied to the two parts apart: the person's once."""
    last, p = len(weights) // 2 - 1, person.shape[-1]
    first = weights["layer0.weight"]
    own = torch.matmul(first[..., :p], person.unsqueeze(-1)).squeeze(-1) + weights["layer0.bias"]
    z = torch.matmul(items, first[..., p:].transpose(-1, -2)) + own.unsqueeze(-2)
    for layer in range(1, last + 1):
        weight, bias = weights[f"layer{layer}.weight"], weights[f"layer{layer}.bias"]
        z = torch.matmul(F.relu(z), weight.transpose(-1, -2)) + bias.unsqueeze(-2)
    return z


def loss(weights: Weights, episode: Episode) -> Tensor:
    """c · mean (ŷ − y)² over what was rated + k · mean −log e^s / (e^s + Σ e^s′) over what was taken, s the click head
    and s′ that of what was not.

    Of one episode: `person` (p,), `items` (n, q), `ratings` (n,), `rated` and `taken` (n,) masks; `offset` (n,) is
    added to the click head; `others` (m, q), `others_offset` and `others_mask` (m,) what was not taken; `weigh` (2,):
    c and k; `counts` (n,), where it is there, times which each of the n parts of both means is taken.
    """
    n = len(episode["taken"])
    said = decide(weights, episode["person"], torch.cat([episode["items"], episode["others"]]))
    counts = episode.get("counts", episode["taken"].new_ones(n))
    error = masked_mean(counts * (said[:n, RATING] - episode["ratings"]) ** 2, episode["rated"])
    found = episode["weigh"][0] * error
    if len(said) == n:
        return found
    own, left = said[:n, CLICK] + episode["offset"], said[n:, CLICK] + episode["others_offset"]
    beaten = torch.logaddexp(own, torch.logsumexp(left + torch.log(episode["others_mask"] + 1e-30), dim=0))
    return found + episode["weigh"][1] * masked_mean(counts * (beaten - own), episode["taken"])
