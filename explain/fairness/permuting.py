"""The omnibus test: whether the groups of a grouping differ among themselves at all, by permuting people's figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from explain.fairness.base import Grouping
from explain.fairness.resampling import CELLS, ROWS
from recommender.data.dataset import Int

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
SHUFFLED = 400_000_000
"""People × permutations at most; of very many people fewer permutations are made, and said to be."""
FEWEST = 199


@dataclass(frozen=True)
class Omnibus:
    """`statistic` and `p` (n_groupings, n_metrics), nan where there are not two groups to compare or nothing varies;
    `permutations` that were made."""

    statistic: Values
    p: Values
    permutations: int


def omnibus(
    values: Values, groupings: Sequence[Grouping], shown: Sequence[Mask], *, permutations: int, seed: int = 0
) -> Omnibus:
    """That the groups do not differ in `values` (n_people, n_metrics; nan: takes no part); `shown` per grouping
    (n_groups, n_metrics) which groups take part.

    Statistic Σ_g n_g (q̄_g − q̄)² / s², q̄ the mean of the groups' people, s² the variance of everyone; p = (1 + as
    extreme) / (1 + permutations), everyone's figures permuted: metrics that are known of the same people together.
    """
    people, metrics = values.shape
    count = int(min(permutations, max(FEWEST, SHUFFLED // max(1, people))))
    statistic, p = np.full((2, len(groupings), metrics), np.nan)
    known = ~np.isnan(values)
    for mask in {column.tobytes(): column for column in known.T}.values():
        at = np.flatnonzero((known == mask[:, None]).all(axis=0))
        at = at[np.ptp(values[mask][:, at], axis=0) > 0] if mask.any() else at[:0]
        if len(at) and groupings:
            part = [each[:, at[0]] for each in shown]
            there = np.flatnonzero(mask)
            statistic[:, at], p[:, at] = _tested(values[np.ix_(there, at)], groupings, part, there, count, seed)
    return Omnibus(statistic, p, count)


def _tested(
    values: Values, groupings: Sequence[Grouping], shown: Sequence[Mask], known: Int, count: int, seed: int
) -> tuple[Values, Values]:
    member, ends = _members(groupings, shown, known)
    sizes = np.asarray(member.sum(axis=0)).ravel()
    centred = values - values.mean(axis=0)
    observed = np.stack([_statistics((member.T @ column)[None], sizes, ends)[0] for column in centred.T], axis=1)
    dense = member.toarray().astype(np.float32) if len(known) <= ROWS else None
    columns = np.ascontiguousarray(centred.T, dtype=np.float32)
    extreme = np.zeros(observed.shape)
    rng = np.random.default_rng(seed)
    block = max(1, CELLS // len(known))
    for start in range(0, count, block):
        order = np.tile(np.arange(len(known), dtype=np.int32), (min(block, count - start), 1))
        rng.permuted(order, axis=1, out=order)
        for metric, column in enumerate(columns):
            sums = column[order] @ dense if dense is not None else (member.T @ column[order].T).T
            extreme[:, metric] += (_statistics(sums, sizes, ends) >= observed[:, metric] * (1 - 1e-5)).sum(axis=0)
    several = np.array([(sizes[start:end] > 0).sum() > 1 for start, end in pairwise(ends)])[:, None]
    statistic, p = observed / centred.var(axis=0), (1 + extreme) / (1 + count)
    return np.where(several, statistic, np.nan), np.where(several, p, np.nan)


def _members(groupings: Sequence[Grouping], shown: Sequence[Mask], known: Int) -> tuple[sparse.csr_matrix, Int]:
    """(people, groups of all groupings) 1 where a person is of a group that is shown; where each grouping ends."""
    ends = np.cumsum([0, *(len(each.names) for each in groupings)])
    rows, columns = [], []
    for at, grouping in enumerate(groupings):
        codes = grouping.codes[known]
        there = np.flatnonzero((codes >= 0) & np.r_[shown[at], False][codes])
        rows.append(there)
        columns.append(codes[there] + ends[at])
    row, column = np.concatenate(rows), np.concatenate(columns)
    return sparse.csr_matrix((np.ones(len(row), dtype=np.float32), (row, column)), shape=(len(known), ends[-1])), ends


def _statistics(sums: NDArray[np.floating], sizes: Values, ends: Int) -> Values:
    """(permutations, groupings) Σ_g n_g (q̄_g − q̄)² from sums (permutations, groups) of groups of `sizes`."""
    found = []
    for start, end in pairwise(ends):
        part, people = np.asarray(sums[:, start:end], dtype=np.float64), sizes[start:end]
        among = np.divide(part**2, people, out=np.zeros_like(part), where=people > 0).sum(axis=1)
        found.append(among - part.sum(axis=1) ** 2 / max(1.0, people.sum()))
    return np.stack(found, axis=1)
