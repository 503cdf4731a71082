"""What lists show and what people took, as tables of people and items that are read a block of people at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from explain.fairness.base import NONE, Asked, Material
from explain.fairness.provider import Attention
from recommender.data.dataset import Int

Values = NDArray[np.float64]
BLOCK = 100_000
"""People whose rows are looked at together; bounds memory."""


@dataclass(frozen=True)
class Seen:
    """The places of lists and the choices of `attention`, by person."""

    attention: Attention

    @property
    def material(self) -> Material:
        return self.attention.material

    @property
    def asked(self) -> Asked:
        return self.attention.asked

    @cached_property
    def taken(self) -> sparse.csr_matrix:
        """(n_people, n_items) how often each chose each item."""
        rows, items = self.attention.chosen
        return _matrix(rows, items, self.material)

    @cached_property
    def places(self) -> sparse.csr_matrix:
        """(n_people, n_items) how many places each item has in the lists of each."""
        return _matrix(self.attention.shown.rows, self.attention.shown.items, self.material)

    def blocks(self) -> Iterator[slice]:
        for start in range(0, self.material.n_people, BLOCK):
            yield slice(start, start + BLOCK)


def _matrix(rows: Int, items: Int, material: Material) -> sparse.csr_matrix:
    shape = (material.n_people, material.n_items)
    return sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, items)), shape=shape)


def of_owners(values: Values, owners: Int, n_people: int) -> Values:
    """(n_people,) mean over the lists of each of `values` (n_lists,); nan: no list with a value."""
    known = ~np.isnan(values)
    counts = np.bincount(owners[known], minlength=n_people)
    sums = np.bincount(owners[known], weights=values[known], minlength=n_people)
    return np.asarray(np.divide(sums, counts, out=np.full(n_people, np.nan), where=counts > 0))


def ones(codes: Int, n_groups: int) -> sparse.csr_matrix:
    """(n_groups, n_people) 1 where a person is in a group; multiplies rows of people to sums of groups."""
    there = np.flatnonzero(codes != NONE)
    return sparse.csr_matrix((np.ones(len(there)), (codes[there], there)), shape=(n_groups, len(codes)))
