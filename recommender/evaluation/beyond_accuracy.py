"""What lists are like apart from being right: new, mixed, surprising, fitting to tastes, and how exposure spreads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.data.dataset import Float, Int

Values = NDArray[np.float64]
Distances = Callable[[Float], NDArray[np.floating]]
NONE = -1
"""In lists: no item."""
SMOOTHING = 0.01
"""Steck's α: q̃ = (1 − α) q + α p keeps the divergence finite."""
BATCH = 1024
"""People whose pairs of items are compared at once; bounds memory."""


def shares_of_people(items: Int, n_items: int, n_people: int) -> Values:
    """(n_items,) share of people who met each item, from the items (nnz,) of histories without repeats."""
    return np.bincount(items, minlength=n_items) / max(1, n_people)


def popularity(lists: Int, shares: Values) -> Values:
    """(n, k) share of people who met each item shown; nan where a list has no item."""
    return np.where(lists == NONE, np.nan, shares[lists])


def self_information(lists: Int, shares: Values, n_people: int) -> Values:
    """(n, k) −log₂ of the share of people who met each item shown: how many bits of news it is (novelty).

    An item that nobody met counts as if one person had. nan where a list has no item.
    """
    least = 1 / max(1, n_people)
    return np.where(lists == NONE, np.nan, -np.log2(np.maximum(shares, least))[lists])


def mean_of_first(values: Values, k: int) -> Values:
    """(n,) mean of the first k of each row (nan = no item); nan where there is none at all."""
    first = values[:, :k]
    there = ~np.isnan(first)
    counts = there.sum(axis=1)
    summed = np.where(there, first, 0.0).sum(axis=1)
    return cast(Values, np.divide(summed, counts, out=np.full(len(first), np.nan), where=counts > 0))


def memberships(categories: Sequence[object]) -> Float | None:
    """(n_items, n_categories) 1 where an item is of a category; None where no item has any.

    `categories`: a sequence of names per item, or None.
    """
    named = [list(each) if isinstance(each, (list, tuple, set, np.ndarray)) else [] for each in categories]
    names = {name: at for at, name in enumerate(sorted({str(name) for each in named for name in each}))}
    if not names:
        return None
    matrix = np.zeros((len(named), len(names)), dtype=np.float32)
    for row, each in enumerate(named):
        matrix[row, [names[str(name)] for name in each]] = 1.0
    return matrix


def category_diversity(lists: Int, members: Float, ks: Sequence[int]) -> dict[int, Values]:
    """Per k, (n,) mean over pairs of the first k of 1 − |A ∩ B| / |A ∪ B|, A and B the categories of the two.

    Two items without categories differ by 0. nan where a list has fewer than two items.
    """

    def distances(vectors: Float) -> Values:
        common = vectors @ vectors.transpose(0, 2, 1)
        sizes = vectors.sum(axis=2)
        union = sizes[:, :, None] + sizes[:, None, :] - common
        return cast(Values, 1.0 - np.divide(common, union, out=np.ones_like(common), where=union > 0))

    return _pairwise(lists, members, ks, distances)


def vector_diversity(lists: Int, vectors: Float, ks: Sequence[int]) -> dict[int, Values]:
    """Per k, (n,) mean over pairs of the first k of 1 − cosine of their vectors (n_items, d), normalised already."""
    return _pairwise(lists, vectors, ks, lambda shown: 1.0 - shown @ shown.transpose(0, 2, 1))


def _pairwise(lists: Int, vectors: Float, ks: Sequence[int], distances: Distances) -> dict[int, Values]:
    found = {k: np.full(len(lists), np.nan) for k in ks}
    for start in range(0, len(lists), BATCH):
        at = slice(start, start + BATCH)
        shown = lists[at]
        there = shown != NONE
        apart = distances(vectors[shown])
        pairs = there[:, :, None] & there[:, None, :] & np.triu(np.ones(apart.shape[1:], dtype=np.bool_), k=1)
        for k in ks:
            counted = pairs[:, :k, :k]
            n = counted.sum(axis=(1, 2))
            summed = np.where(counted, apart[:, :k, :k], 0.0).sum(axis=(1, 2))
            found[k][at] = np.divide(summed, n, out=np.full(len(shown), np.nan), where=n > 0)
    return found


def serendipity(ranks: Values, popular_ranks: Values, rows: Int, n_people: int, k: int) -> Values:
    """(n_people,) share of the first k that was held out although the most popular list would not have shown it.

    Ge et al. (2010): |useful ∩ unexpected| / k. `ranks` (nnz,) of the held-out items with the recommender,
    `popular_ranks` with the most popular items that the person had not seen; `rows` their people.
    """
    surprising = (ranks <= k) & (popular_ranks > k)
    return np.bincount(rows[surprising], minlength=n_people) / k


def tastes(rows: Int, items: Int, n_people: int, members: Float) -> Values:
    """(n_people, n_categories) share of each category in what people met; an item divides itself among its own.

    Rows of nan for people without an item that has categories.
    """
    weights = members / np.maximum(members.sum(axis=1, keepdims=True), 1)
    order = np.argsort(rows, kind="stable")
    summed = np.zeros((n_people, members.shape[1]))
    for start in range(0, len(order), 200_000):
        at = order[start : start + 200_000]
        people, first = np.unique(rows[at], return_index=True)
        summed[people] += np.add.reduceat(weights[items[at]].astype(np.float64), first, axis=0)
    total = summed.sum(axis=1, keepdims=True)
    return cast(Values, np.divide(summed, total, out=np.full_like(summed, np.nan), where=total > 0))


def miscalibration(lists: Int, preferred: Values, members: Float, k: int) -> Values:
    """(n,) KL(p ‖ q̃) in nats: how far the categories of the first k are from those of the history (0 = alike).

    Steck (2018): p the history's shares, q the list's, q̃ = .99 q + .01 p, Σ_g p(g) ln(p(g) / q̃(g)).
    nan where the history has no categories.
    """
    first = lists[:, :k]
    rows, at = np.nonzero(first != NONE)
    shown = np.nan_to_num(tastes(rows, first[rows, at], len(first), members))
    mixed = (1 - SMOOTHING) * shown + SMOOTHING * preferred
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(preferred > 0, preferred * np.log(preferred / mixed), 0.0)
    return np.where(np.isnan(preferred).any(axis=1), np.nan, terms.sum(axis=1))


def exposure(lists: Int, n_items: int, k: int) -> Values:
    """(n_items,) Σ over lists of 1 / log₂(1 + rank) within the first k."""
    first = lists[:, :k]
    weights = np.broadcast_to(1 / np.log2(np.arange(first.shape[1]) + 2), first.shape)
    there = first != NONE
    return np.bincount(first[there], weights=weights[there], minlength=n_items).astype(np.float64)


def gini(amounts: Values) -> float:
    """0 = everyone has the same, (n − 1) / n = one has all: Σᵢ (2i − n − 1) xᵢ / (n Σ x), x ascending, i from 1."""
    n, total = len(amounts), amounts.sum()
    if not n or not total:
        return 0.0
    return float(((2 * np.arange(1, n + 1) - n - 1) * np.sort(amounts)).sum() / (n * total))


def columns_of(frame: pd.DataFrame, name: str) -> Sequence[object]:
    """A column of the items' frame as a list; [] where there is none."""
    return frame[name].tolist() if name in frame else []
