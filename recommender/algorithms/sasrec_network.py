"""The settings, the network and the losses of sasrec.

Sequences are padded on the right: a causal mask then keeps padding out of every real position, so that no other mask
is needed and no row can become NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from recommender.algorithms.base import Config, hyper
from recommender.data.dataset import Float
from recommender.exceptions import BadConfig

CHUNK = 1024
"""Positions whose logits are held at once: 1024 × 10,000 items are 40 MB."""
SPREAD = 0.02
"""Standard deviation of embeddings at the start."""


@dataclass(frozen=True)
class SASRecConfig(Config):
    """Size, regularisation and training of the network."""

    factors: int = hyper(128, "Width of the network; numbers that describe an item.", low=4, high=1024)
    length: int = hyper(100, "Most recent interactions that are read.", low=2, high=1000)
    blocks: int = hyper(2, "Layers of attention.", low=1, high=12)
    heads: int = hyper(4, "Heads of attention; must divide factors.", low=1, high=16)
    expansion: int = hyper(4, "Width of the feed-forward layer in multiples of factors.", low=1, high=8)
    dropout: float = hyper(0.05, "Share of numbers hidden while training.", low=0.0, high=0.9)
    loss: str = hyper(
        "softmax",
        "softmax compares with the whole catalog, sampled_softmax, bce and gbce with drawn items.",
        choices=("softmax", "sampled_softmax", "bce", "gbce"),
    )
    negatives: int = hyper(256, "Items drawn for each batch by the sampled losses.", low=1, high=10_000)
    calibration: float = hyper(
        0.75, "gbce: 0 is bce, 1 corrects the overconfidence of sampling fully (t of gSASRec).", low=0.0, high=1.0
    )
    epochs: int = hyper(12, "Passes over everyone; the learning rate falls to zero over them.", low=1, high=1000)
    stop_after: int | None = hyper(
        None, "Stop after so many of the epochs; set by validation for the training on everything.", low=1, high=1000
    )
    patience: int = hyper(4, "Epochs without a better validation NDCG@10 after which training stops.", low=1, high=1000)
    batch: int = hyper(32, "People in a step.", low=1, high=4096)
    learning_rate: float = hyper(1e-3, "Largest step of AdamW.", low=1e-6, high=1.0)
    weight_decay: float = hyper(0.3, "Pull of AdamW towards zero.", low=0.0, high=10.0)
    precision: str = hyper(
        "auto",
        "Arithmetic while training; auto takes bfloat16 where the processor has it.",
        choices=("auto", "float32", "bfloat16"),
    )
    initial: str = hyper(
        "ials",
        "What items' embeddings start from: ials factorises the same interactions first (a second's work that saves "
        "most of the epochs), random knows nothing.",
        choices=("ials", "random"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factors % self.heads:
            raise BadConfig(f"heads = {self.heads} must divide factors = {self.factors}.", field="heads")


class Block(nn.Module):
    """Pre-norm: x + attention(norm x), then x + feed-forward(norm x)."""

    def __init__(self, config: SASRecConfig) -> None:
        super().__init__()
        width, self.heads, self.dropout = config.factors, config.heads, config.dropout
        self.norm_attention, self.norm_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide = nn.Linear(width, config.expansion * width)
        self.narrow = nn.Linear(config.expansion * width, width)

    def forward(self, x: Tensor, last: Tensor | None = None) -> Tensor:
        """(people, w, d) → the same, or (people, 1, d) of only the places `last` (people,)."""
        people, w, d = x.shape
        q, k, v = self.qkv(self.norm_attention(x)).view(people, w, 3, self.heads, d // self.heads).unbind(2)
        q, k, v = (each.transpose(1, 2) for each in (q, k, v))  # (people, heads, w, d / heads)
        if last is None:
            mixed = _causal(q, k, v, self.training)
        else:
            rows = torch.arange(people, device=x.device)
            x, q = x[rows, last][:, None], q[rows, :, last][:, :, None]
            known = (torch.arange(w, device=x.device) <= last[:, None])[:, None, None]
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=known)
        x = x + self._drop(self.out(mixed.transpose(1, 2).reshape(people, -1, d)))
        return x + self._drop(self.narrow(self._drop(F.gelu(self.wide(self.norm_forward(x))))))

    def _drop(self, x: Tensor) -> Tensor:
        return _drop(x, self.dropout) if self.training else x


def _causal(q: Tensor, k: Tensor, v: Tensor, training: bool) -> Tensor:
    """Causal attention. While training on a CPU it is spelled out: torch's fused kernel needs three times as long for
    the backward pass of such short sequences (18 against 6 ms for 64 × 100 × 128 in bfloat16, two cores)."""
    if not training or q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    w = q.shape[2]
    later = torch.full((w, w), -1e9).triu(1)
    weights = torch.softmax((q * q.shape[3] ** -0.5 @ k.transpose(2, 3)).float() + later, dim=3)
    return weights.to(v.dtype) @ v


def _drop(x: Tensor, share: float) -> Tensor:
    """Dropout from one random byte per number: a quarter of the time of torch's on a CPU, share to within 1/256."""
    if x.device.type != "cpu":
        return F.dropout(x, share)
    hidden = round(share * 256)
    keep = torch.empty(x.shape, dtype=torch.uint8).random_() >= hidden
    return x * keep.to(x.dtype).mul_(256 / (256 - hidden))


class Net(nn.Module):
    """Token n_items stands before the first item of everyone, so that an empty history has a place to start from."""

    def __init__(self, n_items: int, config: SASRecConfig) -> None:
        super().__init__()
        self.n_items, self.length, self.dropout = n_items, config.length, config.dropout
        self.items = nn.Embedding(n_items + 1, config.factors)
        self.places = nn.Embedding(config.length, config.factors)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.factors)
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=SPREAD)
            elif isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def start_from(self, factors: Float) -> None:
        """Set the items' embeddings to `factors` (n_items, d), scaled to the spread of a random start."""
        spread = float(factors.std()) or 1.0
        with torch.no_grad():
            self.candidates.copy_(torch.from_numpy(factors * (SPREAD / spread)))

    def tokens(self, ids: Tensor) -> Tensor:
        """(people, w) → (people, w, d): items' embeddings times √d."""
        return cast(Tensor, F.embedding(ids, self.items.weight) * self.items.weight.shape[1] ** 0.5)

    def forward(self, tokens: Tensor, lengths: Tensor, *, only_last: bool) -> Tensor:
        """(people, w, d) tokens, of which `lengths` are real → what follows each, or (people, d) for the last."""
        w = tokens.shape[1]
        place = (self.length - lengths)[:, None] + torch.arange(w, device=tokens.device)  # counted from the end
        x = tokens + self.places(place.clamp(max=self.length - 1))
        if self.training:
            x = _drop(x, self.dropout)
        for block in self.blocks[:-1]:
            x = block(x)
        x = self.blocks[-1](x, lengths - 1 if only_last else None)
        found: Tensor = self.norm(x)
        return found[:, 0] if only_last else found

    @property
    def candidates(self) -> Tensor:
        return self.items.weight[: self.n_items]


class WholeSoftmax(torch.autograd.Function):
    """Mean cross-entropy over the catalog, a chunk of positions at a time, gradients made on the way.

    −log softmax(h Eᵀ)[t]; ∂/∂h = (p − 1ₜ) E, ∂/∂E = (p − 1ₜ)ᵀ h. Never more than CHUNK × n_items logits are held.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, items: Tensor, targets: Tensor, kind: torch.dtype) -> Tensor:
        """hidden (n, d), items (n_items, d) float32, targets (n,); products are taken in `kind`."""
        d_hidden, d_items, total = torch.empty_like(hidden), torch.zeros_like(items), hidden.new_zeros(())
        table = items.to(kind)
        for start in range(0, len(hidden), CHUNK):
            part, wanted = hidden[start : start + CHUNK].to(kind), targets[start : start + CHUNK, None]
            logits = (part @ table.T).float()
            logits.sub_(logits.amax(dim=1, keepdim=True))
            total -= logits.gather(1, wanted).sum()
            sums = logits.exp_().sum(dim=1, keepdim=True)
            total += sums.log().sum()
            logits.div_(sums).scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=logits.dtype))
            error = logits.to(kind)
            d_hidden[start : start + CHUNK] = error @ table
            d_items += error.T @ part
        ctx.save_for_backward(d_hidden.div_(len(hidden)), d_items.div_(len(hidden)))
        return total / len(hidden)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        d_hidden, d_items = ctx.saved_tensors
        return grads[0] * d_hidden, grads[0] * d_items, None, None


def sampled_loss(config: SASRecConfig, hidden: Tensor, items: Tensor, targets: Tensor) -> Tensor:
    """Losses against `negatives` items drawn evenly, shared by the batch; a draw that is the target does not count.

    With positive logit s⁺, negative logits s⁻ and sampling rate α = negatives / (n_items − 1):
    sampled_softmax: −s⁺ + log(exp s⁺ + Σ exp(s⁻ − log α)); bce: −log σ(s⁺) − Σ log σ(−s⁻);
    gbce: as bce with σ(s⁺)^β, β = α (t (1 − 1/α) + 1/α)  (gSASRec, RecSys 2023).
    """
    others = len(items) - 1
    drawn = torch.randint(len(items), (config.negatives,), device=items.device)
    positive = (hidden * items[targets]).sum(dim=1)
    negative = (hidden @ items[drawn].T).masked_fill(drawn == targets[:, None], -1e9)
    rate = min(1.0, config.negatives / max(1, others))
    if config.loss == "sampled_softmax":
        together = torch.cat([positive[:, None], negative - math.log(config.negatives / max(1, others))], dim=1)
        return (torch.logsumexp(together, dim=1) - positive).mean()
    t = config.calibration if config.loss == "gbce" else 0.0
    beta = rate * (t * (1 - 1 / rate) + 1 / rate)
    return -(beta * F.logsigmoid(positive) + F.logsigmoid(-negative).sum(dim=1)).mean()
