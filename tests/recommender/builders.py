"""Small datasets for tests of the numeric core, and MovieLens-100K as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from recommender.data.dataset import Dataset, Float, Histories, IdMap


def histories(people: Sequence[Sequence[int]], times: Sequence[Sequence[float]] | None = None) -> Histories:
    """One list of item positions per person; times default to 0, 1, 2 … within a person."""
    items = np.array([item for person in people for item in person], dtype=np.int64)
    given = times if times is not None else [range(len(person)) for person in people]
    return Histories(
        indptr=np.cumsum([0, *map(len, people)]).astype(np.int64),
        items=items,
        values=np.ones(len(items), dtype=np.float32),
        times=np.array([time for person in given for time in person], dtype=np.float64),
        kinds=np.zeros(len(items), dtype=np.int16),
    )


def dataset(people: Sequence[Sequence[int]], n_items: int, times: Sequence[Sequence[float]] | None = None) -> Dataset:
    """People have the keys 10, 11, …, items the keys 100, 101, …"""
    users, items = 10 + np.arange(len(people), dtype=np.int64), 100 + np.arange(n_items, dtype=np.int64)
    return Dataset(IdMap(users), IdMap(items), histories(people, times))


def blocks(n_people: int = 60, n_items: int = 24, length: int = 8, seed: int = 0) -> Dataset:
    """People of two tastes who walk through their half of the items in order: something can be learned."""
    rng = np.random.default_rng(seed)
    half = n_items // 2
    starts = rng.integers(half, size=n_people)
    people = [[(person % 2) * half + (starts[person] + step) % half for step in range(length)]
              for person in range(n_people)]  # fmt: skip
    made = dataset(people, n_items)
    values = rng.integers(1, 6, size=len(made.histories.items)).astype(np.float32)
    return replace(made, histories=replace(made.histories, values=values), item_vectors=two_tastes(n_items))


def two_tastes(n_items: int) -> Float:
    """(n_items, 384) text vectors: those of a half of the catalog are alike."""
    vectors = np.random.default_rng(1).normal(0, 0.02, (n_items, 384))
    vectors[: n_items // 2, 0] += 1
    vectors[n_items // 2 :, 1] += 1
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def movielens_100k(folder: Path) -> Dataset:
    """`u.data` (user, item, rating, time), in the file's order of arrival, sorted stably by time within a person."""
    rows = np.loadtxt(folder / "u.data", dtype=np.int64)
    rows = rows[np.lexsort((rows[:, 3], rows[:, 0]))]
    users, items = np.unique(rows[:, 0]), np.unique(rows[:, 1])
    found = Histories(
        indptr=np.concatenate([[0], np.cumsum(np.bincount(np.searchsorted(users, rows[:, 0])))]).astype(np.int64),
        items=np.searchsorted(items, rows[:, 1]).astype(np.int64),
        values=rows[:, 2].astype(np.float32),
        times=rows[:, 3].astype(np.float64),
        kinds=np.zeros(len(rows), dtype=np.int16),
    )
    return Dataset(IdMap(users), IdMap(items), found)
