"""What to ask a new person first: items that many can answer for, about which people differ, and of which the
recommender itself is unsure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Int

Numbers = NDArray[np.float64]


def entropy(counts: Numbers) -> Numbers:
    """(n_items,) H = −Σ_v p(v) log₂ p(v), in bits, of ratings by value `counts` (n_items, n_values); 0 of an item that
    nobody rated."""
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    logs = np.log2(np.where(shares > 0, shares, 1.0))
    return np.asarray(-(shares * logs).sum(axis=1) + 0.0)


def entropy_of_taking(people: Numbers, everyone: int) -> Numbers:
    """(n_items,) the entropy, in bits, of whether someone took an item, which `people` (n_items,) of `everyone` did:
    what stands for the entropy of ratings where there are none."""
    taken = np.clip(people, 0, everyone)
    return entropy(np.stack([taken, everyone - taken], axis=1))


def informative(people: Numbers, spread: Numbers, uncertainty: Numbers | None = None) -> Numbers:
    """(n_items,) log(1 + people) · H · σ: popularity times entropy on a logarithmic scale (Rashid et al., IUI 2002,
    "log pop * ent"), times the recommender's own standard deviation for this person relative to its mean, where it
    has one."""
    found = np.log1p(np.maximum(people, 0)) * spread
    if uncertainty is None:
        return np.asarray(found)
    deviation = np.sqrt(np.maximum(uncertainty, 0))
    mean = float(deviation.mean()) if len(deviation) else 0.0
    return np.asarray(found * deviation / mean if mean > 0 else found)


def questions(value: Numbers, barred: NDArray[np.bool_], count: int) -> Int:
    """Positions of the `count` items of highest `value` that are not `barred`, best first; ties go to the lower one,
    and nobody is asked about what is worth nothing while something else is left."""
    able = np.flatnonzero(~barred)
    order = able[np.argsort(-value[able], kind="stable")]
    return np.asarray(order[:count], dtype=np.int64)


def levels(values: Numbers, most: int = 10) -> Numbers:
    """Ratings to choose from, ascending: all that were given, or five evenly between the ends where there are more
    than `most`."""
    given = np.unique(values)
    if len(given) <= most:
        return given
    return np.unique(np.round(np.linspace(given[0], given[-1], 5), 2))
