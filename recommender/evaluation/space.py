"""What a search over settings may vary, derived from the declarations; how alike two data sets are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recommender.algorithms.base import Config, describe
from recommender.data.dataset import Dataset
from recommender.evaluation.beyond_accuracy import gini
from recommender.exceptions import BadInput

AROUND = 16.0
"""A setting that may span decades is sought from its default / 16 to its default × 16, within its declared range."""
DECADES, OCTAVES = 100.0, 8.0
"""From this ratio of its ends on a range of numbers counts as spanning decades and is searched on a logarithmic scale,
a range of whole numbers by doubling and halving the default."""
FROM_ZERO = 1000.0
"""Where the default is 0, a wide range is searched from 0 to this at most, on the scale of ln(1 + value)."""
ALIKE = 4.0
"""Data further apart are not alike (e⁴, about 55 times as large in one respect, is that far)."""


@dataclass(frozen=True)
class Dimension:
    """One setting to vary. `scale`: linear, log, log1p (searched as ln(1 + value)) or doubling (searched as the number
    of times that `unit` is doubled); `choices` where it has no order. `low` and `high` are in the setting's own units.
    """

    name: str
    type: str
    low: float = 0.0
    high: float = 0.0
    scale: str = "linear"
    choices: tuple[Any, ...] = ()
    unit: float = 1.0

    def value(self, found: Any) -> Any:
        """The setting's value from that of the search."""
        if self.scale == "doubling":
            return round(self.unit * 2.0**found)
        if self.scale == "log1p":
            return min(self.high, max(self.low, round(math.expm1(found), 6)))
        return found

    def sought(self, value: Any) -> Any:
        """The search's value from that of the setting, moved into the range; a choice unknown here is the first."""
        if self.choices:
            return value if value in self.choices else self.choices[0]
        moved = min(self.high, max(self.low, float(value)))
        if self.scale == "doubling":
            return round(math.log2(moved / self.unit))
        if self.scale == "log1p":
            return math.log1p(moved)
        return round(moved) if self.type == "int" else moved

    def spot(self, value: float) -> float:
        """Where a value lies on the scale of the search, for drawing."""
        if self.scale in ("log", "doubling"):
            return math.log(max(float(value), 1e-12))
        return math.log1p(value) if self.scale == "log1p" else float(value)


def space(config: type[Config], only: Sequence[str] = ()) -> list[Dimension]:
    """What may be varied, all of it or `only` what is named. Raises BadInput (field only) for what may not be."""
    found = {row["name"]: dimension for row in describe(config) if (dimension := _dimension(row)) is not None}
    if unknown := [name for name in only if name not in found]:
        known = ", ".join(found) or "none"
        raise BadInput(f"{', '.join(unknown)} cannot be tuned. Settings that can: {known}.", field="only")
    if not found:
        raise BadInput("This algorithm has nothing to tune.", field="algorithm")
    return [found[name] for name in found if not only or name in only]


def _dimension(row: Mapping[str, Any]) -> Dimension | None:
    name, kind, default = row["name"], row["type"], row["default"]
    if not row["tune"] or default is None:
        return None
    if kind == "bool" or row["choices"]:
        return Dimension(name, kind, choices=tuple(row["choices"]) or (False, True))
    if kind not in ("int", "float") or row["low"] is None or row["high"] is None or row["low"] >= row["high"]:
        return None
    low, high = float(row["low"]), float(row["high"])
    if kind == "int":
        return _whole(name, low, high, float(default))
    if high <= 1 if low == 0 else high / low < DECADES:
        return Dimension(name, kind, low, high)
    if default > 0:
        return Dimension(name, kind, max(low, default / AROUND), min(high, default * AROUND), "log")
    return Dimension(name, kind, 0.0, min(high, FROM_ZERO), "log1p")


def _whole(name: str, low: float, high: float, default: float) -> Dimension:
    """By doubling and halving, so that what must divide each other mostly does."""
    if default <= 0 or high / max(low, 1.0) < OCTAVES:
        return Dimension(name, "int", low, min(high, max(default, 1.0) * AROUND))
    octaves = math.log2(AROUND)
    down = min(octaves, math.floor(math.log2(default / max(low, 1.0))))
    up = min(octaves, math.floor(math.log2(high / default)))
    return Dimension(name, "int", round(default * 2.0**-down), round(default * 2.0**up), "doubling", unit=default)


def meta_features(dataset: Dataset) -> dict[str, float]:
    """What a data set is like: natural logarithms of its sizes, density and mean length of histories, and the Gini
    coefficient of how often items were met (0 all alike, 1 all the same item)."""
    counts = np.bincount(dataset.histories.items, minlength=dataset.n_items)
    rows = float(max(1, len(dataset.histories.items)))
    people, items = float(max(1, dataset.n_users)), float(max(1, dataset.n_items))
    return {
        "people": math.log(people),
        "items": math.log(items),
        "interactions": math.log(rows),
        "density": math.log(rows / (people * items)),
        "history": math.log(rows / people),
        "gini": float(gini(counts.astype(np.float64))),
    }


def distance(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """√ of the summed squares of differences; the Gini coefficient, which stays within 0..1, counts fivefold."""
    weights = {"gini": 5.0}
    shared = sorted(set(a) & set(b))
    return math.sqrt(sum((weights.get(name, 1.0) * (a[name] - b[name])) ** 2 for name in shared))
