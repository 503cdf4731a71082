"""What recommenders that read a history in order have in common: windows of histories, losses over the catalog,
dropout, and where torch's numbers come from.

Sequences are padded on the right: what reads from left to right then never meets padding before a real position, so
that no mask is needed and no row can become NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor

from recommender.algorithms.base import State
from recommender.data.dataset import Float, Histories, Int

CHUNK = 1024
"""Positions whose logits are held at once: 1024 × 10,000 items are 20 MB in bfloat16."""
TINY = 1e-38
"""Least chance whose logarithm is taken."""
POOL = 2**22
"""Numbers in the pool that dropout takes its pattern from."""


@dataclass(frozen=True)
class Windows:
    """The newest tokens of people, padded on the right.

    `ids` (n, w), n_items where there is no item; `lengths` (n,) real tokens; `at` (n, w) place in `Histories.items`,
    −1 for the start token and padding.
    """

    ids: Int
    lengths: Int
    at: Int


def windows(histories: Histories, n_items: int, length: int) -> Windows:
    """The start token and the history, of which the last `length` tokens."""
    everything = histories.lengths + 1
    lengths = np.minimum(everything, length)
    steps = np.arange(lengths.max(initial=1))
    token = (everything - lengths)[:, None] + steps  # 0 = start token, t = the t-th interaction
    real = (steps < lengths[:, None]) & (token > 0)
    at = np.where(real, histories.indptr[:-1, None] + token - 1, -1)
    ids = np.full(at.shape, n_items, dtype=np.int64)
    ids[real] = histories.items[at[real]]
    return Windows(ids, lengths, at)


class WholeSoftmax(torch.autograd.Function):
    """Mean cross-entropy over the catalog, a chunk of positions at a time, gradients made on the way.

    −Σₖ wₖ log softmax(h Eᵀ)[tₖ], Σₖ wₖ = 1; ∂/∂h = (p − Σₖ wₖ 1ₜₖ) E, ∂/∂E = (p − Σₖ wₖ 1ₜₖ)ᵀ h. Never more than
    CHUNK × n_items logits are held.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, items: Tensor, targets: Tensor, weights: Tensor, kind: torch.dtype) -> Tensor:
        """hidden (n, d), items (n_items, d) float32; targets (n, k) and their weights (n, k); products in `kind`."""
        d_hidden, d_items, total = torch.empty_like(hidden), torch.zeros_like(items), hidden.new_zeros(())
        table = items.to(kind)
        for start in range(0, len(hidden), CHUNK):
            at = slice(start, start + CHUNK)
            part, wanted, shares = hidden[at].to(kind), targets[at], weights[at]
            error, rows = torch.softmax(part @ table.T, dim=1), torch.arange(len(wanted), device=table.device)[:, None]
            total -= (shares * error[rows, wanted].float().clamp(min=TINY).log()).sum()
            error.index_put_((rows, wanted), -shares.to(kind), accumulate=True)
            d_hidden[at] = error @ table
            d_items += (part.T @ error).T
        ctx.save_for_backward(d_hidden.div_(len(hidden)), d_items.div_(len(hidden)))
        return total / len(hidden)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        d_hidden, d_items = ctx.saved_tensors
        return grads[0] * d_hidden, grads[0] * d_items, None, None, None


def whole_softmax(hidden: Tensor, items: Tensor, targets: Tensor, weights: Tensor, kind: torch.dtype) -> Tensor:
    loss: Tensor = WholeSoftmax.apply(hidden, items, targets, weights, kind)  # type: ignore[no-untyped-call]
    return loss


class EachSoftmax(torch.autograd.Function):
    """What WholeSoftmax is the mean of, place by place: their weights are known only after their losses, so that the
    chunks are gone through again on the way back."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, items: Tensor, targets: Tensor, weights: Tensor, kind: torch.dtype) -> Tensor:
        """As WholeSoftmax.forward → (n,)."""
        table, losses = items.to(kind), hidden.new_empty(len(hidden))
        for start in range(0, len(hidden), CHUNK):
            at = slice(start, start + CHUNK)
            chances = torch.softmax(hidden[at].to(kind) @ table.T, dim=1).gather(1, targets[at])
            losses[at] = -(weights[at] * chances.float().clamp(min=TINY).log()).sum(dim=1)
        ctx.save_for_backward(hidden, items, targets, weights)
        ctx.kind = kind
        return losses

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        (hidden, items, targets, weights), kind = ctx.saved_tensors, ctx.kind
        d_hidden, d_items, table = torch.empty_like(hidden), torch.zeros_like(items), items.to(kind)
        for start in range(0, len(hidden), CHUNK):
            at = slice(start, start + CHUNK)
            part = hidden[at].to(kind)
            error, rows = torch.softmax(part @ table.T, dim=1), torch.arange(len(part), device=table.device)[:, None]
            error.index_put_((rows, targets[at]), -weights[at].to(kind), accumulate=True)
            error *= grads[0][at, None].to(kind)
            d_hidden[at] = error @ table
            d_items += (part.T @ error).T
        return d_hidden, d_items, None, None, None


def each_softmax(hidden: Tensor, items: Tensor, targets: Tensor, weights: Tensor, kind: torch.dtype) -> Tensor:
    """(n,) the cross-entropy of each place."""
    losses: Tensor = EachSoftmax.apply(hidden, items, targets, weights, kind)  # type: ignore[no-untyped-call]
    return losses


def following(ids: Int, lengths: Int, ahead: int, pad: int) -> tuple[Int, Float]:
    """What each position is to predict: the next `ahead` items, each with half the weight of the one before it.

    `ids` (n, w + 1) padded with `pad`, `lengths` (n,) positions that have a next item → items and weights, both
    (Σ lengths, ahead), person by person; weights sum to 1 and are 0 behind the end of a history.
    """
    w = ids.shape[1] - 1
    real = np.arange(w) < lengths[:, None]
    wide = np.pad(ids, ((0, 0), (0, ahead)), constant_values=pad)
    items = np.stack([wide[:, step : step + w][real] for step in range(1, ahead + 1)], axis=1)
    weights = np.where(items < pad, 0.5 ** np.arange(ahead), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.where(items < pad, items, 0), weights.astype(np.float32)


def sampled_losses(
    kind: str, hidden: Tensor, items: Tensor, targets: Tensor, *, negatives: int, calibration: float
) -> Tensor:
    """(n,) losses against `negatives` items drawn evenly, shared by the batch; a draw that is the target counts not.

    With positive logit s⁺, negative logits s⁻ and sampling rate α = negatives / (n_items − 1):
    sampled_softmax: −s⁺ + log(exp s⁺ + Σ exp(s⁻ − log α)); bce: −log σ(s⁺) − Σ log σ(−s⁻);
    gbce: as bce with σ(s⁺)^β, β = α (t (1 − 1/α) + 1/α), t = `calibration`  (gSASRec, RecSys 2023).
    """
    others = len(items) - 1
    drawn = torch.randint(len(items), (negatives,), device=items.device)
    positive = (hidden * items[targets]).sum(dim=1)
    negative = (hidden @ items[drawn].T).masked_fill(drawn == targets[:, None], -1e9)
    rate = min(1.0, negatives / max(1, others))
    if kind == "sampled_softmax":
        together = torch.cat([positive[:, None], negative - math.log(negatives / max(1, others))], dim=1)
        return torch.logsumexp(together, dim=1) - positive
    t = calibration if kind == "gbce" else 0.0
    beta = rate * (t * (1 - 1 / rate) + 1 / rate)
    return -(beta * F.logsigmoid(positive) + F.logsigmoid(-negative).sum(dim=1))


class Dropout:
    """Dropout that takes its pattern from a pool of random bytes, drawn once an epoch, at a place drawn for each use.

    On a CPU drawing a number for every number of a network is a tenth of the whole training; a place in a pool costs
    nothing. The share holds to within 1/256. Elsewhere torch's own is used.
    """

    def __init__(self, share: float) -> None:
        self.share, self._hidden = share, round(share * 256)
        self._pool: Tensor | None = None

    def draw(self) -> None:
        """A new pool; call it at the start of an epoch."""
        words = torch.empty(POOL // 8, dtype=torch.int64).random_(-(2**63), None)
        scale = 256 / (256 - self._hidden)
        self._pool = (words.view(torch.uint8) >= self._hidden).to(torch.bfloat16) * scale

    def __call__(self, x: Tensor) -> Tensor:
        """A share of `x` set to 0, the rest scaled up by as much."""
        if x.device.type != "cpu" or x.numel() > POOL:
            return F.dropout(x, self.share)
        if not self._hidden:
            return x
        if self._pool is None:
            self.draw()
        assert self._pool is not None
        at = int(torch.randint(POOL - x.numel() + 1, (1,)))
        return x * self._pool[at : at + x.numel()].view(x.shape)


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def arithmetic(precision: str) -> torch.dtype:
    """bfloat16 where asked for, or where the processor multiplies it natively; elsewhere it would be emulated."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    can = torch.cpu.get_capabilities()
    return torch.bfloat16 if can.get("avx512_bf16") or can.get("amx_bf16") else torch.float32


@contextmanager
def seeded(seed: int, epoch: int, where: torch.device) -> Iterator[None]:
    """Torch's random numbers from this seed and epoch; everyone else's are put back afterwards."""
    with torch.random.fork_rng(devices=[where] if where.type == "cuda" else []):
        torch.manual_seed(int(np.random.default_rng([seed, epoch]).integers(2**62)))
        yield


def arrays(tensors: Mapping[str, Tensor], prefix: str = "") -> State:
    return {prefix + name: tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}


def tensors(state: State, prefix: str = "") -> dict[str, Tensor]:
    """The tensors whose names start with `prefix`, without it; copies, as a checkpoint's arrays may be read-only."""
    chosen = {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
    return {name: torch.from_numpy(array.copy()) for name, array in chosen.items()}


def lowered(x: Tensor) -> Tensor:
    """`x` in the arithmetic that torch.autocast is set to, where it is on."""
    return x.to(torch.get_autocast_dtype(x.device.type)) if torch.is_autocast_enabled(x.device.type) else x
