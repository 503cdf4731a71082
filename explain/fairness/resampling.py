"""People resampled with multinomial weights: how far the means of groups move, all groups and metrics at once.

Of a group the mean of resamples varies by s² / n (1 − 1 / n²) + …: the size of the group varies too, which makes up for
the n in place of n − 1 in the plain bootstrap's variance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from explain.fairness.base import Grouping
from recommender.data.dataset import Float, Int

Values = NDArray[np.float64]
CELLS = 4_000_000
"""Cells of a block of weights; bounds memory."""
ROWS = 40_000
"""More people than these are resampled in so many bundles drawn by chance, each of people who otherwise have nothing in
common. A group of few people is spread over as many bundles, so nothing changes for it."""
SHUFFLED = 400_000_000
"""People × permutations at most; of very many people fewer permutations are made, and said to be."""


def weights(n: int, *, resamples: int, seed: int = 0) -> Iterator[Float]:
    """Blocks (size, n) float32 of how often each of n people is drawn, n draws a resample."""
    rng = np.random.default_rng(seed)
    block = max(1, CELLS // max(1, n))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = rng.integers(n, size=(size, n), dtype=np.uint32).astype(np.int64)
        drawn += np.arange(size)[:, None] * n
        yield np.bincount(drawn.reshape(-1), minlength=size * n).reshape(size, n).astype(np.float32)


@dataclass(frozen=True)
class Moved:
    """Variances of means over resamples: `everyone` (n_metrics,); per grouping `groups` and `rests` (n_groups,
    n_metrics): of each group, and of everyone else in `among`; `extra` (n_extra,): of the means of extra columns."""

    everyone: Values
    groups: tuple[Values, ...]
    rests: tuple[Values, ...]
    extra: Values


def moved(
    values: Values,
    groupings: Sequence[Grouping],
    among: Sequence[NDArray[np.bool_]],
    extra: Values,
    *,
    resamples: int,
    seed: int = 0,
) -> Moved:
    """How far means of `values` (n_people, n_metrics; nan: takes no part) move. `among`: per grouping (n_people,) who
    its rests are made of; `extra` (n_people, n_extra) columns of which only everyone's mean is asked, nan = 0."""
    values = np.concatenate([values, np.where(np.isnan(extra), 0.0, extra)], axis=1)
    centre = np.nan_to_num(np.nanmean(values, axis=0)) if len(values) else np.zeros(values.shape[1])
    table = _Table(values - centre, groupings, among, seed)
    drawn = [np.zeros((2, *shape)) for shape in table.shapes]
    for block in weights(table.rows, resamples=resamples, seed=seed):
        for at, means in enumerate(table.means(block)):
            drawn[at] += np.nansum(means, axis=0), np.nansum(means**2, axis=0)
    found = [np.maximum(squares - sums**2 / resamples, 0) / max(1, resamples - 1) for sums, squares in drawn]
    metrics = values.shape[1] - extra.shape[1]
    count = len(groupings)
    of_groups = tuple(each[:, :metrics] for each in found[1 : 1 + count])
    of_rests = tuple(each[:, :metrics] for each in found[1 + count :])
    return Moved(found[0][:metrics], of_groups, of_rests, found[0][metrics:])


class _Table:
    """Sums over people, one matrix product a block: `means` yields those of everyone, of each grouping's groups, and of
    each grouping's rests."""

    def __init__(self, values: Values, groupings: Sequence[Grouping], among: Sequence[NDArray[np.bool_]], seed: int):
        n, self.metrics = values.shape
        known = ~np.isnan(values)
        self.complete = bool(known.all())
        counted = np.ones((n, 1)) if self.complete else known
        both = np.concatenate([np.where(known, values, 0.0), counted], axis=1)
        bundles = _bundles(n, seed)
        self.rows = int(bundles.max(initial=-1)) + 1
        self.width = both.shape[1]
        self.sizes = [len(grouping.names) for grouping in groupings]
        gather = sparse.csr_matrix((np.ones(n), (bundles, np.arange(n))), shape=(self.rows, n))
        columns = [np.asarray(gather @ both)]
        columns += [_by_group(gather, both, grouping) for grouping in groupings]
        columns += [np.asarray(gather @ (both * each[:, None])) for each in among]
        self.columns = np.ascontiguousarray(np.concatenate(columns, axis=1), dtype=np.float32)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        of_groups = [(size, self.metrics) for size in self.sizes]
        return [(self.metrics,), *of_groups, *of_groups]

    def means(self, block: Float) -> Iterator[Values]:
        sums = (block @ self.columns).astype(np.float64)
        yield self._mean(sums[:, : self.width])
        ends = self.width * (1 + np.cumsum([0, *self.sizes]))
        of_groups = [sums[:, start:end].reshape(len(sums), -1, self.width) for start, end in pairwise(ends)]
        yield from (self._mean(each) for each in of_groups)
        for at, each in enumerate(of_groups):
            start = ends[-1] + at * self.width
            yield self._mean(sums[:, None, start : start + self.width] - each)

    def _mean(self, sums: Values) -> Values:
        above, below = sums[..., : self.metrics], sums[..., self.metrics :]
        below = np.broadcast_to(below, above.shape)
        return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _bundles(n: int, seed: int) -> Int:
    """(n,) the row of each person: one each, or `ROWS` bundles of about as many people each, drawn by chance."""
    if n <= ROWS:
        return np.arange(n, dtype=np.int64)
    return np.asarray(np.random.default_rng(seed).permutation(n) % ROWS, dtype=np.int64)


def _by_group(gather: sparse.csr_matrix, both: Values, grouping: Grouping) -> Values:
    """(rows, n_groups · width) sums of `both` over the people of each row and group."""
    people = np.flatnonzero(grouping.codes >= 0)
    width, rows = both.shape[1], gather.shape[0]
    summed = np.zeros((rows, len(grouping.names), width))
    bundle = gather.tocsc().indices[people]
    np.add.at(summed, (bundle, grouping.codes[people]), both[people])
    return summed.reshape(rows, -1)


def permuted(
    values: Values,
    groupings: Sequence[Grouping],
    shown: Sequence[NDArray[np.bool_]],
    *,
    permutations: int,
    seed: int = 0,
) -> tuple[Values, Values, int]:
    """Omnibus test per grouping that its groups do not differ in `values` (n_people,; nan: takes no part).

    Statistic Σ_g n_g (q̄_g − q̄)² / s² over the groups `shown` (n_groups,), q̄ the mean of their people and s² their
    variance; p = (1 + as extreme) / (1 + permutations) with everyone's values permuted. nan where fewer than two groups
    are shown or the values do not vary. Also how many permutations were made.
    """
    known = np.flatnonzero(~np.isnan(values))
    n = len(known)
    count = int(min(permutations, max(199, SHUFFLED // max(1, n))))
    member, ends = _members(groupings, shown, known)
    sizes = np.asarray(member.sum(axis=0)).ravel()
    centred = values[known] - values[known].mean() if n else values[known]
    if not n or np.ptp(centred) < 1e-12:
        return np.full(len(groupings), np.nan), np.full(len(groupings), np.nan), count
    observed = _statistics(centred[None, :] @ member, sizes, ends)[0]
    dense = member.toarray().astype(np.float32) if n <= ROWS else None
    extreme = np.zeros(len(groupings))
    rng = np.random.default_rng(seed)
    block = max(1, CELLS // n)
    for start in range(0, count, block):
        shuffled = np.tile(centred.astype(np.float32), (min(block, count - start), 1))
        rng.permuted(shuffled, axis=1, out=shuffled)
        sums = shuffled @ dense if dense is not None else (member.T @ shuffled.T).T
        extreme += (_statistics(sums, sizes, ends) >= observed * (1 - 1e-5)).sum(axis=0)
    several = np.array([int((each & (part > 0)).sum()) > 1 for each, part in _parts(shown, sizes, ends)])
    scaled = observed / centred.var()
    return np.where(several, scaled, np.nan), np.where(several, (1 + extreme) / (1 + count), np.nan), count


def _members(
    groupings: Sequence[Grouping], shown: Sequence[NDArray[np.bool_]], known: Int
) -> tuple[sparse.csr_matrix, Int]:
    """(people, groups of all groupings) 1 where a person is of a group that is shown; where each grouping ends."""
    ends = np.cumsum([0, *(len(each.names) for each in groupings)])
    rows, columns = [], []
    for at, grouping in enumerate(groupings):
        codes = grouping.codes[known]
        there = np.flatnonzero((codes >= 0) & np.r_[shown[at], False][codes])
        rows.append(there)
        columns.append(codes[there] + ends[at])
    if not groupings:
        return sparse.csr_matrix((len(known), 0)), ends
    row, column = np.concatenate(rows), np.concatenate(columns)
    return sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(known), ends[-1])), ends


def _parts(shown: Sequence[NDArray[np.bool_]], sizes: Values, ends: Int) -> list[tuple[NDArray[np.bool_], Values]]:
    return [(each, sizes[start:end]) for each, start, end in zip(shown, ends[:-1], ends[1:], strict=True)]


def _statistics(sums: Values, sizes: Values, ends: Int) -> Values:
    """(permutations, groupings) Σ_g n_g (q̄_g − q̄)² from sums (permutations, groups) of groups of `sizes`."""
    found = []
    for start, end in pairwise(ends):
        part, people = np.asarray(sums[:, start:end], dtype=np.float64), sizes[start:end]
        among = np.divide(part**2, people, out=np.zeros_like(part), where=people > 0).sum(axis=1)
        found.append(among - part.sum(axis=1) ** 2 / max(1.0, people.sum()))
    return np.stack(found, axis=1) if found else np.empty((len(sums), 0))
