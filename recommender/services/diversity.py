"""How alike the best candidates of a list are: by text, else by categories, else by the people who met both."""

from __future__ import annotations

import numpy as np

from recommender.data.dataset import Float
from recommender.reranking.diversity import cosines, jaccard, mmr
from recommender.selectors import alike as select

POOL = 200
"""Candidates that change places; those behind them follow by score. It is the same on every page of a list."""


def order(catalog_id: int, keys: list[int], scores: Float, diversity: float) -> list[int]:
    """Places in `keys` (candidates with `scores`, best first), in the order of maximal marginal relevance."""
    if not diversity or len(keys) < 2:
        return list(range(len(keys)))
    first = mmr(np.asarray(scores[:POOL]), likeness(catalog_id, keys[:POOL]), diversity)
    return [*first.tolist(), *range(len(first), len(keys))]


def likeness(catalog_id: int, keys: list[int]) -> Float:
    """(n, n) 0..1: the mean of cosine of text vectors and overlap of categories where a pair has both, the one it has
    otherwise; where no item has either, the cosine of the sets of people who met them."""
    known = select.described(catalog_id, keys)
    vectors = np.zeros((len(keys), select.TEXT_VECTOR_SIZE), dtype=np.float32)
    names = sorted({name for _, categories in known.values() for name in categories})
    sets = np.zeros((len(keys), len(names)), dtype=bool)
    for at, key in enumerate(keys):
        vector, categories = known.get(key, (None, []))
        if vector is not None:
            vectors[at] = vector
        sets[at, [names.index(name) for name in categories]] = True
    has_text, has_categories = vectors.any(axis=1), sets.any(axis=1)
    if not has_text.any() and not has_categories.any():
        return cosines(select.met_by_people(keys))
    parts = [(cosines(vectors), has_text), (jaccard(sets), has_categories)]
    total = sum(value * np.outer(has, has) for value, has in parts)
    count = sum(np.outer(has, has).astype(np.float32) for _, has in parts)
    return np.divide(total, count, out=np.zeros_like(count), where=count > 0)  # type: ignore[call-overload,no-any-return]
