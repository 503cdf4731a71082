"""A generated catalog of any size, in the proportions of the MovieLens ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recommender.data.dataset import Dataset, Histories, IdMap

PER_PERSON = 100
"""Mean interactions of a person: MovieLens-100K has 106, 1M 166, 10M 143."""
ITEMS_AT_100K, ITEMS_POWER = 1_700, 0.4
"""Items = 1,700 · (interactions / 100,000)^0.4: 1,700 at 100 k, 4,270 at 1 M and 10,726 at 10 M, as MovieLens."""
DRAWN = 4
"""Draws for each interaction that is wanted: popular items are drawn again and again."""
KINDS = 8
"""Groups of items; a person takes most of theirs from one."""


def catalog(interactions: int, seed: int = 0) -> Dataset:
    """About so many interactions: lengths of histories geometric, items by Zipf's law, ratings 1 to 5, no pair twice.

    The items carry a text vector each (random around one of their group), so that content can be measured too.
    """
    rng = np.random.default_rng(seed)
    people = max(2, interactions // PER_PERSON)
    items = round(ITEMS_AT_100K * (interactions / 100_000) ** ITEMS_POWER)
    lengths = np.minimum(5 + rng.geometric(1 / (PER_PERSON - 5), people), items // 4)
    rows = np.repeat(np.arange(people), DRAWN * lengths)
    pairs = np.unique(rows * items + _chosen(rng, rows, items))
    pairs = rng.permutation(pairs)[:interactions]
    pairs = pairs[np.argsort(pairs // items, kind="stable")]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(pairs // items, minlength=people))]).astype(np.int64)
    histories = Histories(
        indptr=indptr,
        items=pairs % items,
        values=rng.integers(1, 6, len(pairs)).astype(np.float32),
        times=np.arange(len(pairs), dtype=np.float64),
        kinds=np.zeros(len(pairs), dtype=np.int16),
    )
    keys = IdMap(np.arange(people, dtype=np.int64)), IdMap(np.arange(items, dtype=np.int64))
    fields = pd.DataFrame({"categories": [[f"kind {item % KINDS}"] for item in range(items)]})
    return Dataset(*keys, histories, pd.DataFrame(index=range(people)), fields, item_vectors=_vectors(rng, items))


def _chosen(rng: np.random.Generator, rows: np.ndarray, items: int) -> np.ndarray:
    """Zipf's law over a person's own group four times of five, over all otherwise."""
    weights = 1 / np.arange(1, items + 1)
    drawn = np.searchsorted(np.cumsum(weights / weights.sum()), rng.random(len(rows)))
    own = drawn // KINDS * KINDS + rows % KINDS
    return np.minimum(np.where(rng.random(len(rows)) < 0.8, own, drawn), items - 1)


def _vectors(rng: np.random.Generator, items: int) -> np.ndarray:
    centres = rng.normal(size=(KINDS, 384))
    found = centres[np.arange(items) % KINDS] + rng.normal(size=(items, 384))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
