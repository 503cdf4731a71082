"""The mathematics of prototypical networks (Snell, Swersky, Zemel, NeurIPS 2017) and matching networks (Vinyals et al.,
NeurIPS 2016) where a person is a support set of items, each liked or disliked to a degree.

Everything is differentiable, works on many people at once, and is a sum over the support: its order does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor

EMPTY = -1
"""Stands for no item in a padded support."""


@dataclass(frozen=True)
class Support:
    """What `n` people did, all flat: `rows` (nnz,) whose, `items` (nnz,), `weights` (nnz,) what each counts (0: not at
    all), `likes` (nnz,) how far it was rated above (or below) the person's own level in standard deviations, 0 where it
    was not rated, `residuals` (nnz,) what the rating leaves unexplained by biases, 0 where it was not rated, `rated`
    (nnz,) 1 or 0, and `level` (n,) how far a person rates above what items are rated on average."""

    n: int
    rows: Tensor
    items: Tensor
    weights: Tensor
    likes: Tensor
    residuals: Tensor
    rated: Tensor
    level: Tensor


class Liking(NamedTuple):
    """Learned numbers: `grade` β ≥ 0, how much a degree of liking adds to a weight of 1; `against` δ, how much what was
    disliked counts against what is like it (below 0 it speaks for it); `pull` κ > 0, how much the prior weighs."""

    grade: Tensor
    against: Tensor
    pull: Tensor


def pulls(support: Support, liking: Liking) -> Tensor:
    """(nnz,) a(j) = w(j) (1 + β |like(j)|), and −δ a(j) for what was rated below the person's own level."""
    size = support.weights * (1 + liking.grade * support.likes.abs())
    return torch.where(support.likes < 0, -liking.against * size, size)


def centres(points: Tensor, support: Support, liking: Liking, prior: Tensor) -> Tensor:
    """(n, d) c(u) = (κ p + Σⱼ a(j) z(j)) / (κ + Σⱼ |a(j)|): the weighted centre of what u liked, less what u disliked.

    `points` (n_items, d) are z, `prior` (d,) is p. Of an empty support the prior.
    """
    parts = pulls(support, liking)
    return _shrunk(points, support, parts, parts.abs(), liking.pull, prior)


def weighted_centres(points: Tensor, support: Support, liking: Liking, prior: Tensor, counts: Tensor) -> Tensor:
    """(steps, d) the centre of the one person whose `support` this is, a(j) times each row of `counts` (steps, nnz)."""
    parts = pulls(support, liking)
    sums, total = counts @ (parts[:, None] * points[support.items]), counts @ parts.abs()
    return (liking.pull * prior + sums) / (liking.pull + total)[:, None]


def tastes(points: Tensor, support: Support, pull: Tensor) -> Tensor:
    """(n, d) t(u) = Σⱼ e(j) z(j) / (κ + |support|) over rated j, e what the biases leave unexplained; 0 of an empty
    support."""
    share = support.rated * (support.weights > 0)
    return _shrunk(points, support, support.residuals * share, share, pull, points.new_zeros(points.shape[1]))


def _shrunk(points: Tensor, support: Support, parts: Tensor, sizes: Tensor, pull: Tensor, prior: Tensor) -> Tensor:
    sums = points.new_zeros(support.n, points.shape[1]).index_add(
        0, support.rows, parts[:, None] * points[support.items]
    )
    total = points.new_zeros(support.n).index_add(0, support.rows, sizes)
    return (pull * prior + sums) / (pull + total)[:, None]


class Padded(NamedTuple):
    """Supports as rectangles, filled up with EMPTY: `items` (n, w), `weights` (n, w) signed as by `pulls`, `residuals`
    (n, w) and `rated` (n, w)."""

    items: Tensor
    weights: Tensor
    residuals: Tensor
    rated: Tensor


def padded(support: Support, liking: Liking, width: int) -> Padded:
    """What counts of each person's support, the last `width` of it."""
    parts = pulls(support, liking)
    at = torch.nonzero(support.weights > 0)[:, 0]
    rows = support.rows[at]
    counts = torch.bincount(rows, minlength=support.n)
    place = torch.arange(len(at), device=rows.device) - (counts.cumsum(0) - counts)[rows] + width - counts[rows]
    at, rows, place = (each[place >= 0] for each in (at, rows, place))
    columns = (support.items, parts, support.residuals, support.rated)
    blank = (torch.full((support.n, width), EMPTY), *(parts.new_zeros(support.n, width) for _ in range(3)))
    filled = [table.index_put((rows, place), column[at]) for table, column in zip(blank, columns, strict=True)]
    return Padded(*filled)


def attended(
    queries: Tensor, keys: Tensor, given: Tensor, there: Tensor, temperature: Tensor, reserve: Tensor,
    counts: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """(n, m) Σⱼ softmaxⱼ(cos(q, k(j)) / τ) y(j), with one more place of logit ρ / τ whose y is 0: what is like nothing
    in the support gets 0, and an empty support gives 0.

    `queries` (m, d), or (n, m, d) of each person's own; `keys` (n, w, d); `given` (n, w) are y; `there` (n, w) says
    which places are filled; τ = `temperature` > 0, ρ = `reserve`. Each place's part is taken `counts` (n, w) times.
    """
    q, k = F.normalize(queries, dim=-1), F.normalize(keys, dim=-1)
    cosines = k @ (q.T if q.dim() == 2 else q.transpose(1, 2))  # (n, w, m)
    logits = (cosines / temperature).masked_fill(~there[:, :, None], -torch.inf)
    none = (reserve / temperature).expand(len(keys), 1, cosines.shape[2])
    whole = torch.softmax(torch.cat([none, logits], dim=1), dim=1)
    shares = whole[:, 1:]
    if counts is not None:
        shares = shares * counts[:, :, None]
        shares = shares / (whole[:, :1] + shares.sum(dim=1, keepdim=True))
    return (shares * given[:, :, None]).sum(dim=1)
