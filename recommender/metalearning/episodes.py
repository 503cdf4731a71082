"""Episodes: of one person, one item or one context a few interactions to learn from (support) and some to be asked
about (query).

The interactions are grouped once; batches are then drawn by vectorised sorting, reproducible by seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Float, Histories, Int

MOST_SHOTS, MOST_QUERIES = 20, 20
"""Interactions in a support and in a query at most, unless said otherwise."""


@dataclass(frozen=True)
class Episodes:
    """A batch of episodes, a row each: `owners` (n,) the person, item or context (position) it is about.

    `support` and `query` are compressed rows as of `Histories`; of a person their `items` are items, of an item
    people, of a context items (then `support_people` and `query_people` say whose). `support_at`, `query_at` (nnz,)
    are the places of the interactions in the histories that the episodes were built from.
    """

    owners: Int
    support: Histories
    query: Histories
    support_at: Int
    query_at: Int
    support_people: Int
    query_people: Int

    def __len__(self) -> int:
        return len(self.owners)


class Pool:
    """All interactions, grouped by whom the episodes are about. Built once; `draw` and `batches` cost a sort.

    `grouped`: a row per owner; `places` (nnz,) where each of its interactions lies in the source; `people` (nnz,)
    whose it is.
    """

    def __init__(self, grouped: Histories, places: Int, people: Int) -> None:
        self.grouped, self.places, self.people = grouped, places, people
        self.owners: Int = np.flatnonzero(grouped.lengths > 0)
        """Those with anything to ask about; with a single interaction the support is empty."""

    @classmethod
    def of_people(cls, histories: Histories) -> Pool:
        return cls(histories, np.arange(len(histories.items)), histories.rows)

    @classmethod
    def of_items(cls, histories: Histories, n_items: int) -> Pool:
        """An episode per item: who met it, oldest first (ties in the order of people)."""
        order = np.lexsort((histories.times, histories.items))
        grouped = _regrouped(histories, histories.items, n_items, order)
        return cls(replace(grouped, items=histories.rows[order]), order, histories.rows[order])

    @classmethod
    def of_groups(cls, histories: Histories, groups: Int, n_groups: int) -> Pool:
        """An episode per group: `groups` (nnz,) says which one an interaction belongs to (a context, say), −1 none."""
        order = np.lexsort((histories.times, groups))
        order = order[groups[order] >= 0]
        return cls(_regrouped(histories, groups, n_groups, order), order, histories.rows[order])

    def draw(
        self,
        owners: Int,
        rng: np.random.Generator,
        *,
        shots: Int | tuple[int, int] = (0, MOST_SHOTS),
        queries: int = MOST_QUERIES,
        ordered: bool = False,
    ) -> Episodes:
        """Episodes of `owners` (n,): a support of `shots` interactions drawn at random and up to `queries` others.

        `shots` (n,), or (fewest, most) between which a number is drawn for each; always at least one interaction is
        left for the query. With `ordered` the support are `shots` interactions in a row and the query what comes next.
        """
        lengths = self.grouped.lengths[owners]
        wanted = _shots(shots, lengths, rng)
        at, rows = _spread(self.grouped.indptr[owners], lengths)
        starts = np.cumsum(lengths) - lengths
        if ordered:
            latest = np.maximum(0, lengths - wanted - queries)
            turn = (np.arange(len(at)) - starts[rows]) - rng.integers(latest + 1)[rows]
        else:
            by_chance = np.lexsort((rng.random(len(at)), rows))
            turn = np.empty(len(at), dtype=np.int64)
            turn[by_chance] = np.arange(len(at)) - starts[rows]
        inside = turn >= 0
        support = inside & (turn < wanted[rows])
        query = inside & ~support & (turn < (wanted + queries)[rows])
        return self._episodes(owners, at, rows, support, query)

    def batches(
        self, size: int, *, seed: int, epoch: int, shots: tuple[int, int] = (0, MOST_SHOTS),
        queries: int = MOST_QUERIES, ordered: bool = False,
    ) -> Iterator[Episodes]:  # fmt: skip
        """Every owner once, in an order and with draws that only seed and epoch decide."""
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(self.owners)
        for start in range(0, len(order), size):
            yield self.draw(order[start : start + size], rng, shots=shots, queries=queries, ordered=ordered)

    def _episodes(
        self, owners: Int, at: Int, rows: Int, support: NDArray[np.bool_], query: NDArray[np.bool_]
    ) -> Episodes:
        fields = {name: column[owners] for name, column in self.grouped.fields.items()}

        def part(mask: NDArray[np.bool_]) -> Histories:
            counts = np.bincount(rows[mask], minlength=len(owners))
            indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
            return replace(self.grouped.take(at[mask]), indptr=indptr, fields=fields)

        known, asked = at[support], at[query]
        return Episodes(
            owners, part(support), part(query), self.places[known], self.places[asked],
            self.people[known], self.people[asked],
        )  # fmt: skip


def _shots(shots: Int | tuple[int, int], lengths: Int, rng: np.random.Generator) -> Int:
    if isinstance(shots, tuple):
        shots = rng.integers(shots[0], shots[1], size=len(lengths), endpoint=True)
    return np.maximum(0, np.minimum(shots, lengths - 1))


def _spread(starts: Int, lengths: Int) -> tuple[Int, Int]:
    """Places start … start + length of each, and the row each belongs to."""
    rows = np.repeat(np.arange(len(lengths)), lengths)
    offsets = np.cumsum(lengths) - lengths
    return np.arange(len(rows)) + (starts - offsets)[rows], rows


def _regrouped(histories: Histories, groups: Int, n_groups: int, order: Int) -> Histories:
    counts = np.bincount(groups[order], minlength=n_groups)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return replace(histories.take(order), indptr=indptr, fields={})


@dataclass(frozen=True)
class Padded:
    """Rows of different length as rectangles (n, longest): `items` (0 where there is none), `values`, `mask`."""

    items: Int
    values: Float
    mask: NDArray[np.bool_]
    at: Int
    """Where each cell lies in the compressed rows (0 where there is none)."""


def padded(histories: Histories, most: int | None = None) -> Padded:
    """`histories` as rectangles of at least one column; of longer rows the last `most` (newest) interactions."""
    lengths = histories.lengths if most is None else np.minimum(histories.lengths, most)
    width = max(1, int(lengths.max(initial=0)))
    column = np.arange(width)
    mask = column < lengths[:, None]
    at = np.where(mask, (histories.indptr[1:] - lengths)[:, None] + column, 0)
    if not len(histories.items):
        blank = np.zeros(at.shape, dtype=np.int64)
        return Padded(blank, blank.astype(np.float32), mask, blank)
    items, values = np.where(mask, histories.items[at], 0), np.where(mask, histories.values[at], 0)
    return Padded(items, values.astype(np.float32), mask, at)


def first(histories: Histories, shots: int) -> Histories:
    """Everyone's first `shots` interactions."""
    place = np.arange(len(histories.items)) - np.repeat(histories.indptr[:-1], histories.lengths)
    return histories.keep(place < shots)


def latest(histories: Histories, most: int) -> Histories:
    """Everyone's last `most` interactions."""
    place = np.repeat(histories.indptr[1:], histories.lengths) - np.arange(len(histories.items))
    return histories.keep(place <= most)
