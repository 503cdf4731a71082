"""What remedies that put prices on items share: the lists that prices make, the exposure these give, what a place is
usually worth."""

from __future__ import annotations

import numpy as np

from recommender.data.dataset import Float, Int
from recommender.reranking.base import NONE, Candidates, Values, places


def best(values: Values, candidates: Candidates, k: int) -> Int:
    """(n, min(k, m)) items of the highest `values` (n, m), best first, as `base.order_of` but for ties; quicker."""
    values = np.where(candidates.items == NONE, -np.inf, values)
    k = min(k, values.shape[1])
    at = np.argpartition(-values, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(values, at, axis=1), axis=1)
    return np.take_along_axis(candidates.items, np.take_along_axis(at, order, axis=1), axis=1)


def exposures(lists: Int, n_items: int) -> Values:
    """(n_items,) Σ over lists of 1 / log₂(1 + rank)."""
    there = lists != NONE
    weights = np.broadcast_to(places(lists.shape[1]), lists.shape)[there]
    return np.bincount(lists[there], weights=weights, minlength=n_items).astype(np.float64)


def usual(worth: Values, k: int) -> float:
    """The mean worth (n, m), falling along rows, of what stands in the first k places, by how much each is seen."""
    first = worth[:, :k]
    seen = places(first.shape[1])
    return float((first * seen).sum() / (seen.sum() * len(first))) if first.size else 0.0


def by_item(prices: Values, members: Float) -> Values:
    """(n_items,) mean of the `prices` (n_classes,) of each item's classes; 0 for an item of none."""
    sizes = members.sum(axis=1)
    found: Values = (members @ prices) / np.maximum(sizes, 1)
    return found


def reachable(candidates: Candidates, members: Float) -> Int:
    """Positions of the classes of which some item is a candidate of somebody."""
    there = np.unique(candidates.items[candidates.items != NONE])
    return np.flatnonzero(members[there].sum(axis=0) > 0)
