"""Which items meet in the same histories: sparse, a block of items at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recommender.data.dataset import Histories

CELLS = 8_000_000
"""Cells of a block's dense worst case; bounds memory for large catalogs (32 MB of float32)."""


def cosine_neighbours(histories: Histories, n_items: int, *, k: int, shrink: float = 0.0) -> sparse.csr_matrix:
    """(n_items, n_items) sparse float32; row i holds the k items most similar to i, never i itself.

    s(i, j) = |people of i and j| / (√(|people of i| · |people of j|) + shrink). Ties go to the lower item.
    """
    met = histories.matrix(n_items)
    by_item = met.T.tocsr()
    norms = np.sqrt(np.diff(by_item.indptr)).astype(np.float32)
    block = max(1, CELLS // max(1, n_items))
    blocks = []
    for start in range(0, n_items, block):
        together = (by_item[start : start + block] @ met).tocsr()
        _to_cosine(together, start, norms, shrink)
        blocks.append(_best_of_rows(together, k))
    if not blocks:
        return sparse.csr_matrix((0, 0), dtype=np.float32)
    return sparse.vstack(blocks, format="csr", dtype=np.float32)


def _to_cosine(together: sparse.csr_matrix, start: int, norms: NDArray[np.float32], shrink: float) -> None:
    rows = start + np.repeat(np.arange(together.shape[0]), np.diff(together.indptr))
    together.data /= norms[rows] * norms[together.indices] + np.float32(shrink)
    together.data[rows == together.indices] = 0.0


def _best_of_rows(matrix: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """Only the k largest positive entries of each row, columns ascending."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, rows))  # by row, then best first, then lower item
    place = np.arange(len(order)) - np.repeat(matrix.indptr[:-1], np.diff(matrix.indptr))
    kept = order[(place < k) & (matrix.data[order] > 0)]
    found = sparse.csr_matrix((matrix.data[kept], (rows[kept], matrix.indices[kept])), shape=matrix.shape)
    found.sort_indices()
    return found
