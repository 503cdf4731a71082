"""What content lets expect of an item before anyone met it: a Gaussian process over fields, years and texts.

Each field (a block of columns of `ItemFeatures`) has a scale of its own, by marginal likelihood. Of items that are
known the expectation leaves them out, so that it is as good as it will be for items that come later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from recommender.data.dataset import Float, Int
from recommender.metalearning.features import ItemFeatures

Values = NDArray[np.float64]
SAMPLED, STEPS, RATE = 1000, 30, 0.3
"""Items of which the scales are learned, and the steps of Adam for it."""
MOST_ITEMS = 4000
"""Items that the process remembers, those met most."""


@dataclass(frozen=True)
class ContentProcess:
    """y(i) = m + Σ over blocks of √s · x_b(i)·v_b + e, var e = `apart` + `noise` / ratings(i).

    `scales` (width,) the root of its block's scale for each column; `apart` what content cannot say.
    """

    scales: Float
    apart: float
    noise: float

    @classmethod
    def learned(
        cls, content: Float, blocks: Sequence[slice], y: Values, counts: NDArray[np.int64], seed: int
    ) -> ContentProcess:
        """The scales under which `y` (n,), means of `counts` ratings each, is most likely. Items without count are left
        out; so are blocks that say nothing."""
        told = [block for block in blocks if content[:, block].any()]
        met = np.flatnonzero(counts > 0)
        scales = np.zeros(content.shape[1], dtype=np.float32)
        if len(met) < 3 or not told or not np.ptp(y[met]):
            return cls(scales, max(float(y[met].var()), 1e-2) if len(met) else 1.0, 1.0)
        some = np.sort(np.random.default_rng(seed).permutation(met)[:SAMPLED])
        norms = [float(np.sqrt((content[:, block] ** 2).sum(axis=1).mean())) for block in told]
        kernels = torch.stack(
            [_product(content[some][:, block] / norm) for block, norm in zip(told, norms, strict=True)]
        )
        given = torch.from_numpy(np.stack([y[some], 1 / counts[some]]).astype(np.float32))
        logs = _likeliest(kernels, given[0], given[1])
        for block, norm, scale in zip(told, norms, logs[3:].exp().tolist(), strict=True):
            scales[block] = np.sqrt(scale) / norm
        return cls(scales, float(logs[1].exp()), float(logs[2].exp()))

    def expected(self, content: Float, y: Values, counts: NDArray[np.int64]) -> Expected:
        """Of every item, what the others that were met say of `y` (n, m), and the weights that say it of new ones."""
        known = np.argsort(-counts, kind="stable")[: min(MOST_ITEMS, int((counts > 0).sum()))]
        x = (content * self.scales).astype(np.float64)
        weight = counts[known] / (counts[known] + self.noise / self.apart)
        mean = (y[known] * weight[:, None]).sum(axis=0) / max(weight.sum(), 1e-9)
        inverse = np.linalg.inv(x[known] @ x[known].T + np.diag(self.apart + self.noise / counts[known])).astype(
            np.float64
        )
        alpha = inverse @ (y[known] - mean)
        weights = x[known].T @ alpha
        found = mean + x @ weights
        within = np.diag(inverse)[:, None]
        found[known] = y[known] - alpha / within  # left out, in closed form
        variance = self.apart + np.maximum(0.0, (x**2).sum(axis=1) - _explained(x, x[known], inverse))
        variance[known] = np.maximum(self.apart, 1 / within[:, 0] - self.noise / counts[known])
        return Expected(found, variance, mean, (weights * self.scales[:, None]))


@dataclass(frozen=True)
class Expected:
    """`values` (n, m) and `variance` (n,) of the first of them; of a new item they are `mean` + content · `weights`."""

    values: Values
    variance: Values
    mean: Values
    weights: Values

    def of(self, content: Float) -> Values:
        found: Values = self.mean + content @ self.weights
        return found


def _product(x: Float) -> torch.Tensor:
    return torch.from_numpy((x @ x.T).astype(np.float32))


def _explained(x: Values, known: Values, inverse: Values) -> Values:
    cross = x @ known.T
    return cast(Values, np.einsum("ij,ij->i", cross @ inverse, cross))


def _likeliest(kernels: torch.Tensor, y: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """(3 + blocks,) mean, log `apart`, log `noise` and log scales, by Adam on the log marginal likelihood."""
    spread = float(y.var()) or 1.0
    start = [float(y.mean()), np.log(spread / 4), np.log(spread), *[np.log(spread / 8)] * len(kernels)]
    logs = torch.tensor(start, dtype=torch.float32, requires_grad=True)
    adam = torch.optim.Adam([logs], lr=RATE)
    with torch.enable_grad():
        for _ in range(STEPS):
            matrix = (logs[3:].exp()[:, None, None] * kernels).sum(0)
            matrix = matrix + torch.diag(logs[1].exp() + logs[2].exp() * shares + 1e-4 * spread)
            lower, left = torch.linalg.cholesky(matrix), (y - logs[0])[:, None]
            loss = 0.5 * (left * torch.cholesky_solve(left, lower)).sum() + lower.diagonal().log().sum()
            adam.zero_grad()
            loss.backward()
            adam.step()
    return logs.detach()


def blocks_of(about: ItemFeatures) -> list[slice]:
    """The columns of each field, of years, and of the text."""
    widths = [field.width for field in about.vocabulary.fields]
    widths += [about.width - sum(widths) - len(about.centre), len(about.centre)]
    ends = np.cumsum([0, *widths]).tolist()
    return [slice(start, end) for start, end in pairwise(ends) if end > start]


def reduced(content: Float, blocks: Sequence[slice], most: int, seed: int) -> tuple[Float, Float]:
    """(n, k) the main directions of each block, `most` at most, all blocks of equal length, and the (width, k) map from
    content to them."""
    parts, maps = [], []
    for block in blocks:
        x = content[:, block] - content[:, block].mean(axis=0)
        size = float(np.sqrt((x**2).sum(axis=1).mean()))
        if not size:
            continue
        turn = _directions(x, most, seed) / size
        whole = np.zeros((content.shape[1], turn.shape[1]), dtype=np.float32)
        whole[block] = turn
        maps.append(whole)
        parts.append(content @ whole)
    if not parts:
        return np.zeros((len(content), 0), dtype=np.float32), np.zeros((content.shape[1], 0), dtype=np.float32)
    share = np.float32(len(parts) ** -0.5)
    return np.hstack(parts).astype(np.float32) * share, np.hstack(maps) * share


def _directions(x: Float, most: int, seed: int) -> NDArray[np.float32]:
    if x.shape[1] <= most:
        return np.eye(x.shape[1], dtype=np.float32)
    _, turned = np.linalg.eigh((x.T @ x).astype(np.float64))
    return turned[:, ::-1][:, :most].astype(np.float32)


def means_of(left: Values, items: Int, n: int) -> tuple[Values, NDArray[np.int64]]:
    """(n,) mean of `left` per item (0 where there is none), and how many there are."""
    counts = np.bincount(items, minlength=n)
    return np.bincount(items, weights=left, minlength=n) / np.maximum(counts, 1), counts
