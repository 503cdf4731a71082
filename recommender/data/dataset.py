"""The arrays that pass between rooms: ids, histories, datasets and what is held out of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

Int = NDArray[np.int64]
Float = NDArray[np.float32]
CONTEXT = "context."
"""Begins the name of what is known of the moment of asking among `Histories.fields`; the rest are attributes."""


@dataclass(frozen=True)
class IdMap:
    """Database keys of the rows of an axis, ascending: position ↔ key.

    `keys`: (n,) int64, strictly increasing.
    """

    keys: Int

    def __len__(self) -> int:
        return len(self.keys)

    def positions(self, keys: Int) -> Int:
        """Positions of `keys`; −1 where a key is not in the map."""
        keys = np.asarray(keys, dtype=np.int64)
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, -1)


@dataclass(frozen=True)
class Histories:
    """What people did, a compressed row per person: oldest first, ties in arrival order.

    `indptr` (n_people + 1,) int64; `items` (nnz,) int64 positions in the items' IdMap; `values` (nnz,) float32
    (a rating, else 1); `times` (nnz,) float64 seconds since 1970; `kinds` (nnz,) int16 index into `kind_names`;
    `fields` an array of n_people rows per attribute or, named `context.…`, per piece of what is known of the moment
    of asking; `contexts` an array (nnz,) of objects per piece of context the interactions came with, None where one
    had none; `now` the moment of asking.
    """

    indptr: Int
    items: Int
    values: Float
    times: NDArray[np.float64]
    kinds: NDArray[np.int16]
    kind_names: tuple[str, ...] = ("rating",)
    fields: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    now: float | None = None
    contexts: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @cached_property
    def lengths(self) -> Int:
        """(n_people,) number of interactions of each person."""
        return np.diff(self.indptr)

    @cached_property
    def rows(self) -> Int:
        """(nnz,) the person of each interaction."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.lengths)

    def items_of(self, row: int) -> Int:
        return self.items[self.indptr[row] : self.indptr[row + 1]]

    def select(self, rows: Int) -> Histories:
        """The histories of `rows` (positions, may repeat), in that order."""
        rows = np.asarray(rows, dtype=np.int64)
        lengths = self.lengths[rows]
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        at = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[:-1], lengths)
        fields = {name: column[rows] for name, column in self.fields.items()}
        return replace(self.take(at), indptr=indptr, fields=fields)

    def keep(self, mask: NDArray[np.bool_]) -> Histories:
        """The same people with only the interactions where `mask` (nnz,) is true."""
        counts = np.bincount(self.rows[mask], minlength=len(self))
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return replace(self.take(np.flatnonzero(mask)), indptr=indptr)

    def take(self, at: Int) -> Histories:
        """The interactions `at` (positions) in that order, all that is known of each; `indptr` stays as it was, for the
        caller to mend."""
        taken = {name: getattr(self, name)[at] for name in ("items", "values", "times", "kinds")}
        return replace(self, contexts={name: column[at] for name, column in self.contexts.items()}, **taken)

    def matrix(self, n_items: int, *, values: bool = False) -> sparse.csr_matrix:
        """(n_people, n_items) sparse float32; 1 where a person met an item, or the sum of values."""
        data = self.values.copy() if values else np.ones(len(self.items), dtype=np.float32)  # summed in place below
        found = sparse.csr_matrix((data, self.items, self.indptr), shape=(len(self), n_items), dtype=np.float32)
        found.sum_duplicates()
        if not values:
            found.data[:] = 1.0
        return found


@dataclass(frozen=True)
class Dataset:
    """One catalog as arrays: people × items, their histories, and what is known of both.

    `user_fields` and `item_fields` hold a row per position (attributes that may be features); the items' frame has
    the columns title, categories, creators, year, released (a date), description and the declared attributes. Where
    text was asked for: `item_vectors` (n_items, 384) float32 of length 1, zeros where an item has no text, and
    `item_texts` (n_items,) str. `user_groups`: by name of an attribute that a training may weigh groups by, (n_users,)
    objects, a float where the attribute is a number, else a word, None where it is not known. They are no features.
    """

    users: IdMap
    items: IdMap
    histories: Histories
    user_fields: pd.DataFrame = field(default_factory=pd.DataFrame)
    item_fields: pd.DataFrame = field(default_factory=pd.DataFrame)
    item_vectors: Float | None = None
    item_texts: NDArray[np.object_] | None = None
    user_groups: Mapping[str, NDArray[np.object_]] = field(default_factory=dict)

    @property
    def n_users(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return len(self.items)

    def with_histories(self, histories: Histories) -> Dataset:
        return replace(self, histories=histories)


@dataclass(frozen=True)
class Holdout:
    """What a recommender is asked about: people, what it may know of them, and what they did next.

    `people` (n,) positions in `Dataset.users`; `histories` n rows; `targets` n rows of held-out interactions;
    `candidates` the positions of the items that are ranked, where those are not all of the catalog's.
    """

    people: Int
    histories: Histories
    targets: Histories
    candidates: Int | None = None
