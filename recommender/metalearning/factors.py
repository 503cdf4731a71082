"""Collaborative factors of items: what the behaviour of people says of items that enough of them met."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds

from recommender.data.dataset import Float, Histories
from recommender.metalearning.bias import BiasModel

SHRINKAGE = 10.0
"""People who met an item at which its factors count half."""


def decomposed(matrix: sparse.csr_matrix, factors: int, seed: int) -> Float:
    """(n_items, factors) V √Σ of the largest singular values of `matrix` (n_people, n_items), with fixed signs; zero
    columns where the matrix has fewer. Each is scaled so that the items' mean square is 1."""
    n, found = matrix.shape[1], np.zeros((matrix.shape[1], factors))
    rank = min(factors, min(matrix.shape) - 1)
    if rank > 0 and matrix.nnz:
        start = np.random.default_rng(seed).normal(size=min(matrix.shape))
        _, sizes, right = svds(matrix.astype(np.float64), k=rank, v0=start)
        order = np.argsort(-sizes)
        found[:, :rank] = (right[order] * np.sqrt(sizes[order])[:, None]).T
        found *= np.sign(found[np.abs(found).argmax(axis=0), np.arange(factors)])
    size = np.sqrt((found**2).sum() / max(1, n * min(rank, factors)))
    return cast(Float, (found / (size or 1.0)).astype(np.float32))


def of_taking(histories: Histories, n_items: int, factors: int, seed: int) -> Float:
    """(n_items, factors) by who took what: the matrix of ones, each divided by the root of its person's and item's
    counts."""
    taken = histories.matrix(n_items)
    people, items = np.maximum(np.diff(taken.indptr), 1), np.maximum(histories_counts(histories, n_items), 1)
    scaled = sparse.diags_array(people**-0.5) @ taken @ sparse.diags_array(items**-0.5)
    return decomposed(sparse.csr_matrix(scaled), factors, seed)


def of_ratings(ratings: Histories, bias: BiasModel, n_items: int, factors: int, seed: int) -> Float:
    """(n_items, factors) by how it was rated: what the bias model leaves, shrunk where few rated an item."""
    left = bias.residuals(ratings) - bias.adapt(ratings)[ratings.rows]
    matrix = sparse.csr_matrix((left, ratings.items, ratings.indptr), shape=(len(ratings), n_items))
    counts = histories_counts(ratings, n_items)
    return decomposed(matrix @ sparse.diags_array((counts + SHRINKAGE) ** -0.5), factors, seed)


def alternating(
    left: NDArray[np.float64], ratings: Histories, n_items: int, factors: int, *, penalty: float = 15.0, sweeps: int = 6
) -> NDArray[np.float64]:
    """(n_items, factors) q of least squares of `left` (nnz,) ≈ p(u)·q(i), by turns, scaled to a mean square of 1."""
    q = np.random.default_rng(0).normal(0, 0.1, (n_items, factors))
    order = np.argsort(ratings.items, kind="stable")
    ends = np.concatenate([[0], np.cumsum(histories_counts(ratings, n_items))])
    for _ in range(sweeps):
        p = _side(q, ratings.items, left, ratings.indptr, penalty)
        q = _side(p, ratings.rows[order], left[order], ends, penalty)
    return q / (np.sqrt((q[np.diff(ends) > 0] ** 2).mean()) or 1.0) if len(left) else q * 0.0


def _side(
    other: NDArray[np.float64], at: NDArray[np.int64], left: NDArray[np.float64], indptr: NDArray[np.int64],
    penalty: float,
) -> NDArray[np.float64]:  # fmt: skip
    found, pull = np.zeros((len(indptr) - 1, other.shape[1])), penalty * np.eye(other.shape[1])
    for row in np.flatnonzero(np.diff(indptr)):
        part = slice(indptr[row], indptr[row + 1])
        x = other[at[part]]
        found[row] = np.linalg.solve(x.T @ x + pull, x.T @ left[part])
    return found


def histories_counts(histories: Histories, n_items: int) -> NDArray[np.int64]:
    """(n_items,) interactions with each."""
    return np.bincount(histories.items, minlength=n_items)
