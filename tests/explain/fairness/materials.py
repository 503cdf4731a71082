"""Small things to audit, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from explain.fairness.base import Grouping, Material
from recommender.data.dataset import Histories, Int


def histories(rows: Sequence[Sequence[int]]) -> Histories:
    """A history per person, from the positions of items."""
    lengths = [len(row) for row in rows]
    items = np.array([item for row in rows for item in row], dtype=np.int64)
    return Histories(
        indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        items=items,
        values=np.ones(len(items), dtype=np.float32),
        times=np.arange(len(items), dtype=np.float64),
        kinds=np.zeros(len(items), dtype=np.int16),
    )


def material(
    quality: Mapping[str, NDArray[np.float64]],
    groupings: Sequence[Grouping] = (),
    *,
    n_items: int = 30,
    k: int = 10,
    seed: int = 0,
    **changed: Any,
) -> Material:
    """People with these figures, and lists of items drawn by chance."""
    rng = np.random.default_rng(seed)
    people = len(next(iter(quality.values()))) if quality else int(changed.pop("people"))
    drawn = rng.permuted(np.tile(np.arange(n_items), (people, 1)), axis=1)
    met, held = drawn[:, k : k + 5], drawn[:, k - 1 : k]
    return Material(
        **{
            "users": np.arange(people, dtype=np.int64),
            "lists": drawn[:, :k].astype(np.int64),
            "owners": np.arange(people, dtype=np.int64),
            "quality": pd.DataFrame(dict(quality), index=range(people)),
            "histories": histories(met.tolist()),
            "targets": histories(held.tolist()),
            "shares": np.bincount(met.ravel(), minlength=n_items) / max(1, people),
            "offered": np.ones(n_items, dtype=np.bool_),
            "new": np.arange(n_items) >= n_items - 3,
            "groupings": tuple(groupings),
        }
        | changed
    )


def coded(name: str, sizes: Sequence[int], *, missing: int = 0, seed: int | None = None) -> Grouping:
    """Groups a, b, … of these sizes and people of whom it is not known, in order or (`seed`) mixed."""
    codes: Int = np.r_[np.repeat(np.arange(len(sizes)), sizes), np.full(missing, -1)].astype(np.int64)
    if seed is not None:
        codes = np.random.default_rng(seed).permutation(codes)
    return Grouping(name, name.capitalize(), "attribute", codes, tuple("abcdefghijklmnopqrstuvwxyz"[: len(sizes)]))
