"""How often a row was there before, over a file too long to keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def earlier_in_batch(hashes: Hashes) -> NDArray[np.int64]:
    """(n,) how many equal ones stand before each."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    lengths = np.diff(np.concatenate([starts, [len(ordered)]]))
    ranks = np.empty(len(hashes), dtype=np.int64)
    ranks[order] = np.arange(len(hashes)) - np.repeat(starts, lengths)
    return ranks


class Occurrences:
    """Counts of 64-bit hashes as batches come in: eight bytes a row, in sorted runs that are merged as they grow."""

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def add(self, hashes: Hashes) -> NDArray[np.int64]:
        """(n,) how many equal ones came before each, in this batch and all earlier ones."""
        if not len(hashes):
            return np.zeros(0, dtype=np.int64)
        counts = earlier_in_batch(hashes)
        run = np.sort(hashes)
        for older in self._runs:
            counts += np.searchsorted(older, hashes, side="right") - np.searchsorted(older, hashes, side="left")
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)
        return counts
