"""Self-attentive sequential recommendation (Kang, McAuley, ICDM 2018), by default with a softmax over the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from recommender.algorithms.base import Config, hyper
from recommender.algorithms.sequence_items import SPREAD, Items, SequenceNet
from recommender.algorithms.sequence_recommender import SequenceRecommender
from recommender.algorithms.sequence_training import SequenceConfig
from recommender.algorithms.sequences import Dropout
from recommender.data.dataset import Float, Histories, Int
from recommender.exceptions import BadConfig


@dataclass(frozen=True)
class SASRecConfig(SequenceConfig):
    """Size, regularisation and training of the network."""

    blocks: int = hyper(2, "Layers of attention.", low=1, high=12)
    heads: int = hyper(4, "Heads of attention; must divide factors.", low=1, high=16)
    expansion: int = hyper(4, "Width of the feed-forward layer in multiples of factors.", low=1, high=8)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factors % self.heads:
            raise BadConfig(f"heads = {self.heads} must divide factors = {self.factors}.", field="heads")


class SASRec(SequenceRecommender):
    """score(u, i) = h(u)ᵀ e(i), h the last place of a causal transformer over the history."""

    name: ClassVar[str] = "sasrec"
    config_class: ClassVar[type[Config]] = SASRecConfig

    def build(self, items: Items) -> SequenceNet:
        return Net(items, cast(SASRecConfig, self.config))

    @torch.no_grad()
    def attention(self, histories: Histories) -> tuple[Float, Int]:
        """Of the last place, which is what is ranked by: (n_people, blocks, heads, w) and places (n_people, w)."""
        read, net = self.embed(histories), cast(Net, self._fitted())
        lengths = torch.from_numpy(np.minimum(histories.lengths + 1, net.length)).to(read["tokens"].device)
        found: Float = net.attention(read["tokens"], lengths).cpu().numpy()
        return found, read["places"].numpy()


class Block(nn.Module):
    """Pre-norm: x + attention(norm x), then x + feed-forward(norm x)."""

    def __init__(self, config: SASRecConfig, drop: Dropout) -> None:
        super().__init__()
        width, self.heads, self.drop = config.factors, config.heads, drop
        self.norm_attention, self.norm_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide = nn.Linear(width, config.expansion * width)
        self.narrow = nn.Linear(config.expansion * width, width)

    def forward(self, x: Tensor, last: Tensor | None = None) -> Tensor:
        """(people, w, d) → the same, or (people, 1, d) of only the places `last` (people,)."""
        people, w, d = x.shape
        read = self.norm_attention(x)
        if last is None:
            q, k, v = self.qkv(read).view(people, w, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
            mixed = _causal(q, k, v, self.training)  # (people, heads, w, d / heads)
            mixed = mixed.transpose(1, 2).reshape(people, w, d)
        else:
            x = x[torch.arange(people, device=x.device), last][:, None]
            mixed = self._at(read, last)
        x = x + self._drop(self.out(mixed))
        return x + self._drop(self.narrow(F.gelu(self.wide(self.norm_forward(x)))))

    def _at(self, x: Tensor, last: Tensor) -> Tensor:
        """(people, w, d) → (people, 1, d): attention of the places `last` alone, without keys and values of the others.

        Of each head q · (K xⱼ + b) = (Kᵀ q) · xⱼ + q · b, whose last part softmax does not see, and
        Σⱼ aⱼ (V xⱼ + c) = V Σⱼ aⱼ xⱼ + c: 4 heads w d products and sums where keys and values take 4 w d².
        """
        people, w, d = x.shape
        of_q, of_k, of_v = self.qkv.weight.view(3, self.heads, d // self.heads, d)
        to_q, _, to_v = self.qkv.bias.view(3, self.heads, 1, d // self.heads)
        here = x[torch.arange(people, device=x.device), last]  # (people, d)
        asked = (here @ of_q.transpose(1, 2) + to_q) @ of_k  # (heads, people, d)
        known = (torch.arange(w, device=x.device) <= last[:, None])[:, None]
        found = F.scaled_dot_product_attention(
            asked.transpose(0, 1), x, x, attn_mask=known, scale=(d // self.heads) ** -0.5
        )  # (people, heads, d)
        mixed: Tensor = found.transpose(0, 1) @ of_v.transpose(1, 2) + to_v  # (heads, people, d / heads)
        return mixed.transpose(0, 1).reshape(people, 1, d)

    def weights(self, x: Tensor, last: Tensor) -> Tensor:
        """(people, heads, w) with which the places `last` (people,) read those up to them; see `_at`."""
        people, w, d = x.shape
        q, k, _ = (
            self.qkv(self.norm_attention(x)).view(people, w, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        )
        asked = q[torch.arange(people, device=x.device), :, last][:, :, None]  # (people, heads, 1, d / heads)
        met = (asked @ k.transpose(2, 3))[:, :, 0] * (d // self.heads) ** -0.5
        later = torch.arange(w, device=x.device) > last[:, None]
        return torch.softmax(met.masked_fill(later[:, None], -torch.inf), dim=2)

    def _drop(self, x: Tensor) -> Tensor:
        return self.drop(x) if self.training else x


def _causal(q: Tensor, k: Tensor, v: Tensor, training: bool) -> Tensor:
    """Causal attention. While training on a CPU it is spelled out: torch's fused kernel needs five times as long
    forward and backward for such short sequences (41 against 8 ms for 32 × 100 × 128 in bfloat16, one core); forward
    alone it needs a quarter to the same."""
    if not training or q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    w = q.shape[2]
    later = torch.full((w, w), -1e9, dtype=q.dtype).triu(1)
    return torch.softmax(q * q.shape[3] ** -0.5 @ k.transpose(2, 3) + later, dim=3).to(v.dtype) @ v


class Net(SequenceNet):
    """Items' rows and learned places, counted from the end, through the blocks."""

    def __init__(self, items: Items, config: SASRecConfig) -> None:
        super().__init__(items, config.length)
        self.drop = Dropout(config.dropout)
        self.places = nn.Embedding(config.length, config.factors)
        self.blocks = nn.ModuleList(Block(config, self.drop) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.factors)
        for module in [self.places, *self.blocks.modules()]:
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=SPREAD)
            elif isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def draw(self) -> None:
        self.drop.draw()

    def forward(self, tokens: Tensor, lengths: Tensor, *, only_last: bool) -> Tensor:
        """(people, w, d) tokens, of which `lengths` are real → what follows each, or (people, d) for the last."""
        x = self._placed(tokens, lengths)
        if self.training:
            x = self.drop(x)
        for block in self.blocks[:-1]:
            x = block(x)
        x = self.blocks[-1](x, lengths - 1 if only_last else None)
        found: Tensor = self.norm(x)
        return found[:, 0] if only_last else found

    def attention(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """(people, blocks, heads, w) with which each block's last place reads."""
        x, found = self._placed(tokens, lengths), []
        for block in self.blocks:
            found.append(cast(Block, block).weights(x, lengths - 1))
            x = block(x)
        return torch.stack(found, dim=1)

    def _placed(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        w = tokens.shape[1]
        place = (self.length - lengths)[:, None] + torch.arange(w, device=tokens.device)  # counted from the end
        placed: Tensor = tokens + self.places(place.clamp_(max=self.length - 1)).to(tokens.dtype)
        return placed
