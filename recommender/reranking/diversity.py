"""Putting a ranked list into another order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Float, Int


def mmr(scores: Float, alike: Float, diversity: float) -> Int:
    """Maximal marginal relevance (Carbonell, Goldstein, SIGIR 1998): an order (n,) of n candidates.

    Each next one maximises (1 − diversity) · relevance − diversity · max over those before of `alike` (n, n), 0..1.
    `scores` (n,), the best first, become relevance by their span: (s − min) / (max − min). With diversity 0 the order
    stays; equal values keep it too. The order of the first k does not depend on how many are asked for.
    """
    n = len(scores)
    span = float(scores.max() - scores.min()) if n else 0.0
    relevance = (scores - scores.min()) / span if span > 0 else np.zeros(n, dtype=np.float32)
    gain = (1 - diversity) * relevance
    nearest = np.zeros(n, dtype=np.float32)
    left: NDArray[np.bool_] = np.ones(n, dtype=bool)
    order = np.empty(n, dtype=np.int64)
    for place in range(n):
        best = int(np.argmax(np.where(left, gain - diversity * nearest, -np.inf)))
        order[place], left[best] = best, False
        nearest = np.maximum(nearest, alike[best])
    return order


def jaccard(sets: NDArray[np.bool_]) -> Float:
    """(n, n) |A ∩ B| / |A ∪ B| of the rows of `sets` (n, m); 0 where both are empty."""
    given = sets.astype(np.float32)
    both = given @ given.T
    sizes = given.sum(axis=1)
    either = sizes[:, None] + sizes[None] - both
    found: Float = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
    return found


def cosines(vectors: Float) -> Float:
    """(n, n) cosines of the rows of `vectors` (n, d), those below 0 as 0; rows of zeros are like nothing."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    found: Float = np.clip(unit @ unit.T, 0.0, 1.0)
    return found
