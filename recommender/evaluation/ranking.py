"""Metrics of ranked lists, from the ranks of the held-out items. Relevance is binary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Int

METRICS = ("hit", "ndcg", "recall", "precision", "f1", "map", "mrr")
Values = NDArray[np.float64]


def metrics_at(ranks: Values, rows: Int, n_people: int, k: int) -> dict[str, Values]:
    """The metrics at `k` of each person; a person without a hit gets 0.

    `ranks` (nnz,) place of each held-out item in the full ranking, 1 = first, inf = never; `rows` (nnz,) its person.
    With h hits among n held-out items: recall = h/n, precision = h/k, f1 their harmonic mean, hit = h > 0,
    ndcg = Σ 1/log₂(rank+1) / Σ_{j≤min(n,k)} 1/log₂(j+1), map = Σ (hits up to rank)/rank / min(n, k),
    mrr = 1 / rank of the first hit.
    """
    found = ranks <= k
    at, hit_rows = ranks[found], rows[found]
    relevant = np.bincount(rows, minlength=n_people).astype(np.float64)
    hits = np.bincount(hit_rows, minlength=n_people).astype(np.float64)
    best_hits = np.minimum(relevant, k)
    gains = _summed(1 / np.log2(at + 1), hit_rows, n_people)
    ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(1, k + 1) + 1))])[best_hits.astype(np.int64)]
    precisions = _summed(_hits_so_far(at, hit_rows) / at, hit_rows, n_people)
    reciprocal = np.zeros(n_people)
    np.maximum.at(reciprocal, hit_rows, 1 / at)
    return {
        "hit": (hits > 0).astype(np.float64),
        "ndcg": _divided(gains, ideal),
        "recall": _divided(hits, relevant),
        "precision": hits / k,
        "f1": _divided(2 * hits, relevant + k),  # 2PR/(P+R) with P = h/k and R = h/n
        "map": _divided(precisions, best_hits),
        "mrr": reciprocal,
    }


def ranking_metrics(ranks: Values, rows: Int, n_people: int, ks: Sequence[int]) -> dict[str, Values]:
    """`metrics_at` for several k, under keys such as `ndcg@10`."""
    return {
        f"{name}@{k}": values for k in sorted(set(ks)) for name, values in metrics_at(ranks, rows, n_people, k).items()
    }


def coverage(lists: Int, k: int, n_items: int) -> float:
    """Share of the catalog that appears in at least one list. `lists` (n_people, ≥k) item positions, −1 = no item."""
    shown = np.unique(lists[:, :k])
    return float(np.count_nonzero(shown >= 0)) / n_items if n_items else 0.0


def _summed(values: Values, rows: Int, n_people: int) -> Values:
    return np.bincount(rows, weights=values, minlength=n_people).astype(np.float64)


def _hits_so_far(ranks: Values, rows: Int) -> Values:
    """(nnz,) how many of the person's hits have this rank or a better one."""
    order = np.lexsort((ranks, rows))
    counts = np.bincount(rows)
    starts = np.cumsum(counts) - counts
    so_far = np.empty(len(ranks))
    so_far[order] = np.arange(len(ranks)) - starts[rows[order]] + 1
    return so_far


def _divided(above: Values, below: Values) -> Values:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
