"""A metric by groups of people, with intervals; groups too small to say anything about are not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.data.groups import LEAST_PEOPLE, band_edges
from recommender.evaluation.significance import intervals

LEAST = LEAST_PEOPLE
"""People below which a group is not shown."""
MOST_DIGITS = 12
"""Decimals in the name of a band at most."""


@dataclass(frozen=True)
class Segment:
    """Mean of a metric over the people of a group with its 95% interval; None where the group is suppressed."""

    name: str
    people: int
    value: float | None
    low: float | None
    high: float | None


def segments(
    names: Sequence[str], values: NDArray[np.float64], order: Sequence[str] = (), *, least: int = LEAST
) -> list[Segment]:
    """A row per group: in `order` where that is given, else the largest first. `names` and `values` per person; people
    whose value is not known (nan) belong to no group."""
    table = pd.DataFrame({"name": names, "m@": values}).dropna()
    sizes = table["name"].value_counts(sort=False)
    wanted = [name for name in order if name in sizes] or sorted(sizes.index, key=lambda name: (-sizes[name], name))
    rows = []
    for name in wanted:
        people = int(sizes[name])
        if people < least:
            rows.append(Segment(str(name), people, None, None, None))
            continue
        found = intervals(table.loc[table["name"] == name, ["m@"]])["m@"]
        rows.append(Segment(str(name), people, found.value, found.low, found.high))
    return rows


def bands(numbers: NDArray[np.float64], parts: int = 4, least: int = 1) -> tuple[list[str], list[str]]:
    """The band of each number, and the bands in order: `parts` with about as many numbers each and at least `least`.

    Named by their least and greatest member (`3–17`), with as many decimals as tell them apart; "not known" for nan.
    """
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return ["not known"] * len(numbers), ["not known"]
    edges = band_edges(known, parts, least)
    at = np.searchsorted(edges, numbers, side="right") - 1
    inside = [numbers[(at == band) & ~np.isnan(numbers)] for band in range(len(edges))]
    order = _named([(float(each.min()), float(each.max())) for each in inside])
    labels = [order[band] if not np.isnan(number) else "not known" for band, number in zip(at, numbers, strict=True)]
    return labels, [*order, *(["not known"] if np.isnan(numbers).any() else [])]


def _named(ends: Sequence[tuple[float, float]]) -> list[str]:
    """A name for each band, no two alike."""
    names: list[str] = []
    for digits in range(1, MOST_DIGITS + 1):
        pairs = [(_short(low, digits), _short(high, digits)) for low, high in ends]
        names = [low if low == high else f"{low}–{high}" for low, high in pairs]
        if len(set(names)) == len(names) and all(
            a != b or low == high for (a, b), (low, high) in zip(pairs, ends, strict=True)
        ):
            break
    return names


def _short(number: float, digits: int) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:,.{digits}f}"
