"""One history through a network of one layer, in NumPy: of a single person, torch's calls take longer than the sums."""

from __future__ import annotations

from typing import cast

import numpy as np
from scipy.special import erf
from torch import Tensor, nn

from recommender.algorithms.sasrec import Block, Net
from recommender.algorithms.sequence_items import SequenceNet
from recommender.data.dataset import Float, Int


class Alone:
    """What sasrec.Net of one block reads out of one history, as `Net.forward(only_last=True)` up to rounding.

    Its arrays are the network's own memory, so they follow it. For a network on the CPU.
    """

    def __init__(self, net: Net) -> None:
        self.block = block = cast(Block, net.blocks[0])
        self.rows, self.length, self.heads = _array(net.items()), net.length, block.heads
        self.places, d = _array(net.places.weight), self.rows.shape[1]
        self.root, self.scale = np.float32(d**0.5), np.float32((d // block.heads) ** -0.5)
        self.q, self.k, self.v = _array(block.qkv.weight).reshape(3, block.heads, d // block.heads, d)
        self.to_q, _, self.to_v = _array(block.qkv.bias).reshape(3, block.heads, d // block.heads)
        self.norm_attention, self.norm_forward, self.norm = (
            Norm(each) for each in (block.norm_attention, block.norm_forward, net.norm)
        )
        self.out, self.wide, self.narrow = (Linear(each) for each in (block.out, block.wide, block.narrow))

    @staticmethod
    def can_read(net: SequenceNet) -> bool:
        return isinstance(net, Net) and len(net.blocks) == 1 and net.places.weight.device.type == "cpu"

    def hidden(self, met: Int) -> Float:
        """(d,) of a history, oldest first."""
        start = [] if len(met) >= self.length else [len(self.rows) - 1]
        ids = np.concatenate([np.asarray(start, dtype=np.int64), met[-self.length :]])
        x = self.rows[ids] * self.root + self.places[self.length - len(ids) :]
        last = x[-1] + self.out(self._attention(self.norm_attention(x)))
        wide = self.wide(self.norm_forward(last))
        wide *= np.float32(0.5) * (1 + erf(wide * np.float32(0.5**0.5)))  # GELU
        return self.norm(last + self.narrow(wide))

    def _attention(self, x: Float) -> Float:
        """(w, d) → (d,): of the last place alone, by Kᵀq and V Σⱼ aⱼ xⱼ as Block._at."""
        asked = np.matmul((self.q @ x[-1] + self.to_q)[:, None], self.k)[:, 0] * self.scale  # (heads, d)
        shares = asked @ x.T
        shares = np.exp(shares - shares.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        found = np.matmul(self.v, (shares @ x)[:, :, None])[:, :, 0] + self.to_v
        return cast(Float, found.reshape(-1))


class Norm:
    def __init__(self, norm: nn.LayerNorm) -> None:
        self.weight, self.bias, self.least = _array(norm.weight), _array(norm.bias), np.float32(norm.eps)

    def __call__(self, x: Float) -> Float:
        """(…, d) → the same: less its mean, by its deviation."""
        x = x - x.mean(axis=-1, keepdims=True)
        variance = np.einsum("...i,...i->...", x, x)[..., None] / np.float32(x.shape[-1])
        return cast(Float, x / np.sqrt(variance + self.least) * self.weight + self.bias)


class Linear:
    def __init__(self, linear: nn.Linear) -> None:
        self.weight, self.bias = _array(linear.weight), _array(linear.bias)

    def __call__(self, x: Float) -> Float:
        """(in,) → (out,)."""
        return cast(Float, self.weight @ x + self.bias)


def _array(tensor: Tensor) -> Float:
    return cast(Float, tensor.detach().float().numpy())
