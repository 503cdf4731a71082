"""How often a row was there before, over a file too long to keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


class Occurrences:
    """Counts of 64-bit hashes as batches come in: eight bytes a row, in sorted runs that are merged as they grow."""

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def add(self, hashes: Hashes) -> NDArray[np.int64]:
        """(n,) how many equal ones came before each, in this batch and all earlier ones."""
        if not len(hashes):
            return np.zeros(0, dtype=np.int64)
        order = np.argsort(hashes, kind="stable")
        run = hashes[order]
        ranks = earlier_in_sorted(run)
        for older in self._runs:
            ranks += counts_in(older, run)
        counts = np.empty(len(hashes), dtype=np.int64)
        counts[order] = ranks
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)
        return counts


def earlier_in_sorted(run: Hashes) -> NDArray[np.int64]:
    """(n,) how many equal ones stand before each."""
    starts = np.flatnonzero(np.concatenate([[True], run[1:] != run[:-1]]))
    lengths = np.diff(np.concatenate([starts, [len(run)]]))
    return np.arange(len(run)) - np.repeat(starts, lengths)


def counts_in(older: Hashes, run: Hashes) -> NDArray[np.int64]:
    """(n,) how often each of `run` is in `older`; both are sorted, and most are not there."""
    left = np.searchsorted(older, run)
    found = np.flatnonzero(older[np.minimum(left, len(older) - 1)] == run)
    counts = np.zeros(len(run), dtype=np.int64)
    counts[found] = np.searchsorted(older, run[found], side="right") - left[found]
    return counts
