"""People in groups: by an attribute, by bands of a number, by what they did, or two of these crossed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from explain.fairness.base import ATTRIBUTE as BY_ATTRIBUTE
from explain.fairness.base import BAND, BEHAVIOUR, CROSSED, NONE, Grouping
from recommender.data.dataset import Histories, Int
from recommender.data.groups import BANDS
from recommender.evaluation import segments

MOST_VALUES = 50
"""Values of an attribute beyond which a table of groups can no longer be read, nor its tests find anything."""
ENDS = 0.2
"""Share of people at either end of the taste for the popular (Abdollahpouri et al. 2019: 20, 60 and 20%)."""
NICHE, BOTH, POPULAR = "niche", "both", "popular"
Formed = Grouping | str
"""A grouping, or a sentence on why there is none."""


def by_value(name: str, title: str, values: Sequence[object], *, sensitive: bool = False) -> Formed:
    """A group per value (n_people,), in the order of the alphabet, numbers by size; None, nan and "" are not known."""
    column = pd.Series(list(values), dtype=object)
    known = column.notna() & (column.map(str).str.strip() != "")
    if not known.any():
        return f"Nobody here has the attribute {title}, so there are no groups by it."
    found = sorted(set(column[known]), key=_order)
    names = tuple(dict.fromkeys(str(value) for value in found))
    if len(names) > MOST_VALUES:
        return (
            f"{title} has {len(names):,} values, more than the {MOST_VALUES} that can be told apart; "
            "give it fewer values, or bands if it is a number."
        )
    at = {value: code for code, value in enumerate(names)}
    codes = np.full(len(column), NONE, dtype=np.int64)
    codes[known.to_numpy()] = [at[str(value)] for value in column[known]]
    return Grouping(name, title, BY_ATTRIBUTE, codes, names, sensitive)


def _order(value: object) -> tuple[int, float, str]:
    try:
        return (0, float(str(value)), "")
    except ValueError:
        return (1, 0.0, str(value))


def by_band(
    name: str,
    title: str,
    numbers: NDArray[np.float64],
    *,
    edges: Sequence[float] = (),
    least: int = 1,
    kind: str = BAND,
    sensitive: bool = False,
) -> Formed:
    """Bands of a number (n_people,), nan where it is not known: from each of the ascending `edges` up to the next, or,
    without edges, at most BANDS bands with about as many people each, at least `least`. Named by their least and
    greatest member."""
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    known = ~np.isnan(numbers)
    if not known.any():
        return f"Nobody here has the attribute {title}, so there are no groups by it."
    if known.sum() < least:
        return f"{title} is known of fewer than {least} people here, so there are no groups by it."
    cuts = np.asarray(edges, dtype=np.float64)
    if not len(cuts):
        labels, order = segments.bands(numbers, BANDS, least)
        order = [label for label in order if label != "not known"]
        at = {label: code for code, label in enumerate(order)}
        codes = np.array([at.get(label, NONE) for label in labels], dtype=np.int64)
        return Grouping(name, title, kind, codes, tuple(order), sensitive)
    codes = np.where(known, np.searchsorted(cuts, numbers, side="right"), NONE).astype(np.int64)
    names = (f"under {cuts[0]:g}", *(f"{low:g} to under {high:g}" for low, high in pairwise(cuts)),
             f"{cuts[-1]:g} and more")  # fmt: skip
    return Grouping(name, title, kind, codes, names, sensitive)


def by_activity(histories: Histories, *, least: int = 1) -> Formed:
    """Bands of the number of interactions of each person."""
    return by_band("activity", "Activity", histories.lengths.astype(np.float64), kind=BEHAVIOUR, least=least)


def by_taste(histories: Histories, shares: NDArray[np.float64]) -> Formed:
    """By the mean popularity (share of people) of what each person met: the fifth who like the niche, the fifth who
    like the popular, and those between. People without a history are in no group."""
    summed = np.bincount(histories.rows, weights=shares[histories.items], minlength=len(histories))
    known = histories.lengths > 0
    if not known.any():
        return "Nobody here has a history, so nobody's taste for the popular is known."
    mean = np.divide(summed, histories.lengths, out=np.zeros_like(summed), where=known)
    low, high = np.quantile(mean[known], [ENDS, 1 - ENDS])
    codes = np.where(known, np.where(mean <= low, 0, np.where(mean < high, 1, 2)), NONE)
    return Grouping("taste", "Taste for the popular", BEHAVIOUR, codes.astype(np.int64), (NICHE, BOTH, POPULAR))


def cross(first: Grouping, second: Grouping) -> Grouping:
    """People by both: a group per pair of values that somebody has; who is not known in one is not known in both."""
    known = (first.codes >= 0) & (second.codes >= 0)
    pairs = np.where(known, first.codes * len(second.names) + second.codes, NONE)
    found, codes = np.unique(pairs, return_inverse=True)
    hidden = int(len(found) > 0 and found[0] == NONE)
    names = tuple(
        f"{first.names[pair // len(second.names)]}, {second.names[pair % len(second.names)]}" for pair in found[hidden:]
    )
    return Grouping(
        f"{first.name} × {second.name}",
        f"{first.title} and {second.title}",
        CROSSED,
        codes.astype(np.int64) - hidden,
        names,
        first.sensitive or second.sensitive,
        (first.name, second.name),
    )


def sizes(codes: Int, n_groups: int) -> Int:
    """(n_groups,) people of each group."""
    return np.bincount(codes[codes >= 0], minlength=n_groups).astype(np.int64)
