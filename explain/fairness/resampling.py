"""People resampled with multinomial weights: how far the means of groups move, all groups and metrics at once.

Of a group the mean of resamples varies by s² / n (1 − 1 / n²) + …: the size of the group varies too, which makes up for
the n in place of n − 1 in the plain bootstrap's variance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from explain.fairness.base import NONE, Grouping
from recommender.data.dataset import Float, Int

Values = NDArray[np.float64]
CELLS = 4_000_000
"""Cells of a block of weights; bounds memory."""
ROWS = 40_000
"""More people than these are resampled in so many bundles drawn by chance, each of people who otherwise have nothing in
common. A group of few people is spread over as many bundles, so nothing changes for it."""


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
        everyone = Grouping("", "", "", np.zeros(n, dtype=np.int64), ("",))
        rests = [replace(everyone, codes=np.where(each, 0, NONE)) for each in among]
        columns = [_by_group(bundles, self.rows, both, each) for each in (everyone, *groupings, *rests)]
        self.columns = np.concatenate(columns, axis=1)

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


def _by_group(bundles: Int, rows: int, both: Values, grouping: Grouping) -> Float:
    """(rows, n_groups · width) sums of `both` over the people of each row and group."""
    people = np.flatnonzero(grouping.codes >= 0)
    groups, width = len(grouping.names), both.shape[1]
    at = bundles[people] * groups + grouping.codes[people]
    summed = np.empty((rows * groups, width), dtype=np.float32)
    for column in range(width):
        summed[:, column] = np.bincount(at, weights=both[people, column], minlength=rows * groups)
    return summed.reshape(rows, groups * width)
