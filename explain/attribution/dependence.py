"""How a recommendation stands as one thing about the person changes (partial dependence: Friedman, Annals of Statistics
2001; individual conditional expectation: Goldstein et al., JCGS 2015).

Scores of different people, and of one person at different lengths of history, have no common scale. So what is followed
is the standing of the item that a person is shown first: (score − mean) / standard deviation of the scores of all items
the person has not met. Intervals are 95%, by bootstrap over people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.attribution.importance import LEAST, Rows, Sample, bounds
from recommender.algorithms.base import Recommender
from recommender.data.dataset import Histories, Int
from recommender.data.features import number_of, word_of

Standings = NDArray[np.float64]
KNOWN = (0, 1, 2, 3, 5, 10, 20, 50, 100)
"""How many of the newest interactions are left of a history."""
VALUES = 8
"""Values of a field that are tried, the most frequent words or as many quantiles of a number."""
BATCH = 256
BANDS = 10
"""Bands of popularity with as many items each."""


def standings(model: Recommender, histories: Histories, items: Int, met: Histories) -> Standings:
    """(n_people,) of each person's item `items` (n_people,); `met`: what has been met really, which is not shown."""
    found = np.empty(len(items))
    for start in range(0, len(items), BATCH):
        at = np.arange(start, min(start + BATCH, len(items)))
        scores = model.score(histories.select(at)).astype(np.float64)
        seen = met.select(at)
        scores[seen.rows, seen.items] = np.nan
        spread = np.nanstd(scores, axis=1)
        above = scores[np.arange(len(at)), items[at]] - np.nanmean(scores, axis=1)
        found[at] = np.divide(above, spread, out=np.zeros(len(at)), where=spread > 1e-12)
    return found


def of_length(model: Recommender, sample: Sample) -> tuple[list[Any], Standings]:
    """Lengths, and (n_people, n_lengths) by how much the item stands higher when so many of the newest interactions are
    known than when none is; nan where a person has fewer. Of standings themselves the mean would change with who has
    so many."""
    lengths = sample.histories.lengths
    tried = [n for n in KNOWN if (lengths >= n).sum() >= LEAST] or [0]
    from_end = np.repeat(sample.histories.indptr[1:], lengths) - np.arange(len(sample.histories.items)) - 1
    columns = []
    for n in tried:
        found = standings(model, sample.histories.keep(from_end < n), sample.items[:, 0], sample.histories)
        columns.append(np.where(lengths >= n, found, np.nan))
    return list(tried), np.stack(columns, axis=1) - columns[0][:, None]


def of_field(model: Recommender, sample: Sample, name: str, values: Sequence[Any]) -> Standings:
    """(n_people, n_values) standings when everyone's field `name` is each of `values`."""
    columns = []
    for value in values:
        column = np.full(len(sample.people), None, dtype=object)
        column[:] = [value] * len(column)
        asked = replace(sample.histories, fields={**sample.histories.fields, name: column})
        columns.append(standings(model, asked, sample.items[:, 0], sample.histories))
    return np.stack(columns, axis=1)


def values_of(column: NDArray[Any]) -> list[Any]:
    """Values of a field to try: quantiles of a number, else the most frequent words."""
    known = [value for value in column.tolist() if value is not None and not isinstance(value, list)]
    numbers = [number for number in map(number_of, known) if number is not None]
    if known and len(numbers) == len(known) and len(set(numbers)) > VALUES:
        places = np.quantile(numbers, np.linspace(0.05, 0.95, VALUES), method="nearest")
        return [float(each) for each in np.unique(places)]
    counted: dict[str, list[Any]] = {}
    for value in known:
        counted.setdefault(word_of(value), []).append(value)
    often = sorted(counted.values(), key=len, reverse=True)[:VALUES]
    return sorted((each[0] for each in often), key=_order)


def _order(value: Any) -> tuple[int, float, str]:
    number = number_of(value)
    return (1, 0.0, str(value)) if number is None else (0, number, "")


def curve(values: Sequence[Any], found: Standings, *, least: int = LEAST) -> Rows:
    """A row per value: mean standing over people, interval, the standings that one person in ten is below and above
    (how far people differ), and how many people. Values of fewer than `least` people are left out."""
    rows: Rows = []
    for value, column in zip(values, found.T, strict=True):
        known = column[~np.isnan(column)]
        if len(known) < least:
            continue
        low, high = bounds(known[:, None])
        rows.append(
            {"x": value, "value": float(known.mean()), "low": float(low[0]), "high": float(high[0]),
             "tenth": float(np.quantile(known, 0.1)), "ninth": float(np.quantile(known, 0.9)), "people": len(known)}
        )  # fmt: skip
    return rows


def by_group(values: Sequence[Any], found: Standings, groups: Sequence[Any], *, least: int = LEAST) -> Rows:
    """`curve` within groups of people, `groups` (n_people,), None where unknown; small groups are left out."""
    names = sorted({each for each in groups if each is not None}, key=str)
    of = np.array([each is not None and str(each) for each in groups], dtype=object)
    return [{"group": str(name), **row} for name in names for row in curve(values, found[of == str(name)], least=least)]


def of_popularity(model: Recommender, sample: Sample, counts: Int, hidden: Int) -> Rows:
    """Mean standing of items by how many interactions they have, in bands of as many items each: what goes together,
    not what one causes. Each person's items not yet met."""
    shown = np.setdiff1d(np.arange(len(counts)), hidden)
    bands = np.array_split(shown[np.argsort(counts[shown], kind="stable")], min(BANDS, max(1, len(shown))))
    means = np.full((len(sample.people), len(bands)), np.nan)
    for start in range(0, len(sample.people), BATCH):
        at = np.arange(start, min(start + BATCH, len(sample.people)))
        means[at] = _in_bands(model, sample.histories.select(at), bands)
    middles = [float(np.median(counts[band])) for band in bands]
    return curve(middles, means)


def _in_bands(model: Recommender, histories: Histories, bands: Sequence[Int]) -> Standings:
    scores = model.score(histories).astype(np.float64)
    scores[histories.rows, histories.items] = np.nan
    spread = np.nanstd(scores, axis=1, keepdims=True)
    scores = np.divide(scores - np.nanmean(scores, axis=1, keepdims=True), spread,
                       out=np.zeros_like(scores), where=spread > 1e-12)  # fmt: skip
    scores[histories.rows, histories.items] = np.nan
    there = np.stack([(~np.isnan(scores[:, band])).sum(axis=1) for band in bands], axis=1)
    sums = np.stack([np.nansum(scores[:, band], axis=1) for band in bands], axis=1)
    found: Standings = np.divide(sums, there, out=np.full(sums.shape, np.nan), where=there > 0)
    return found


def fields_read(model: Recommender, histories: Histories) -> list[str]:
    """Names of the fields that a recommender reads and somebody has, attributes before context."""
    if not getattr(model, "reads_fields", False):
        return []
    read: Mapping[str, Any] | Sequence[str] | None = getattr(model, "field_names", None)
    there = [name for name, column in histories.fields.items() if any(each is not None for each in column)]
    return sorted(name for name in there if read is None or name in read)
