"""Small candidates and what is known of their items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recommender.reranking.base import Candidates, Known


def candidates(items: Sequence[Sequence[int]], chances: Sequence[Sequence[float]]) -> Candidates:
    """Scores as chances."""
    values = np.array(chances, dtype=np.float32)
    return Candidates(np.array(items, dtype=np.int64), values, values)


def known(members: Sequence[Sequence[float]], shares: Sequence[float] | None = None) -> Known:
    of = np.array(members, dtype=np.float32)
    names = tuple("abcdef"[: of.shape[1]])
    met = np.full(len(of), 0.5) if shares is None else np.array(shares, dtype=np.float64)
    return Known(of, names, met, np.ones(len(of), dtype=np.bool_))
