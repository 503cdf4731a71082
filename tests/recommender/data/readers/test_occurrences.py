"""Occurrences are counted over batches as over one list."""

from __future__ import annotations

from collections import Counter

import numpy as np

from recommender.data.readers.occurrences import Occurrences


def test_counts_over_batches_are_those_of_one_list() -> None:
    hashes = np.random.default_rng(0).integers(0, 300, 5_000).astype(np.uint64)
    counter, met = Occurrences(), Counter[int]()
    found = np.concatenate([counter.add(part) for part in np.split(hashes, [1, 1, 700, 720, 4_000])])
    expected = []
    for one in hashes.tolist():
        expected.append(met[one])
        met[one] += 1
    assert found.tolist() == expected
