"""Groups of people that a training may weigh its losses by: by an attribute that was loaded for it, or by activity.

Numbers fall into the bands of an audit, so that what a training looked at is what its audit shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Dataset, Int
from recommender.data.features import number_of
from recommender.exceptions import NotTrainable

ACTIVITY = "activity"
"""Groups by the length of what people did, where no attribute is named."""
BANDS = 4
MOST_GROUPS = 50
LEAST_PEOPLE = 20
"""People below whom a group is none: its loss would be that of a few, and an audit would not show it."""


@dataclass(frozen=True)
class Groups:
    """`codes` (n_users,) position in `names`, −1 where someone is in no group; at least two groups. `least` (n_groups,)
    the least number in each where they are bands of numbers, else empty."""

    name: str
    codes: Int
    names: tuple[str, ...]
    least: NDArray[np.float64]


def groups_of(train: Dataset, name: str) -> Groups:
    """The groups by `name` of whoever has a history in `train`. Raises NotTrainable where there are no two.

    Groups of fewer than LEAST_PEOPLE people are none: those in them count as people of whom it is not known.
    """
    there = train.histories.lengths > 0
    if name == ACTIVITY:
        values = np.array([float(n) if n else None for n in train.histories.lengths], dtype=object)
    elif name in train.user_groups:
        values = train.user_groups[name].copy()
        values[~there] = None
    else:
        raise NotTrainable(f"This training was given no groups of people by “{name}”.")
    codes, names = coded(values)
    if not names:
        raise NotTrainable(f"Nobody here has the attribute “{name}”, so a training cannot weigh groups by it.")
    if len(names) > MOST_GROUPS:
        raise NotTrainable(f"“{name}” has {len(names):,} values; a training weighs at most {MOST_GROUPS} groups.")
    large = np.flatnonzero(np.bincount(codes[codes >= 0], minlength=len(names)) >= LEAST_PEOPLE)
    if len(large) < 2:
        raise NotTrainable(f"“{name}” makes fewer than two groups of {LEAST_PEOPLE} people or more; name another.")
    place = np.full(len(names) + 1, -1, dtype=np.int64)
    place[large] = np.arange(len(large))
    return Groups(name, place[codes], tuple(names[at] for at in large), _least(values, place[codes]))


def _least(values: NDArray[Any], codes: Int) -> NDArray[np.float64]:
    """(n_groups,) where bands of numbers begin; empty of anything else."""
    if not _are_numbers(values):
        return np.empty(0)
    return np.array([min(values[codes == at]) for at in range(int(codes.max()) + 1)], dtype=np.float64)


def coded(values: NDArray[Any]) -> tuple[Int, tuple[str, ...]]:
    """Codes (n,) and names of the groups of `values` (n,): a group per value, of floats BANDS bands with about as many
    people each, ties never divided. None, nan and "" are not known: −1."""
    known = np.array([is_known(value) for value in values], dtype=np.bool_)
    codes = np.full(len(values), -1, dtype=np.int64)
    if not known.any():
        return codes, ()
    if _are_numbers(values[known]):
        numbers = values[known].astype(np.float64)
        at, names = banded(numbers)
    else:
        words = [word(value) for value in values[known]]
        names = tuple(sorted(set(words)))
        place = {name: code for code, name in enumerate(names)}
        at = np.array([place[each] for each in words], dtype=np.int64)
    codes[known] = at
    return codes, names


def _are_numbers(values: NDArray[Any]) -> bool:
    return all(isinstance(value, float) for value in values if is_known(value))


def banded(numbers: NDArray[np.float64]) -> tuple[Int, tuple[str, ...]]:
    """The band of each of `numbers` (n,), and their names by their least and greatest member."""
    edges = band_edges(numbers, BANDS, LEAST_PEOPLE)
    at = np.searchsorted(edges, numbers, side="right") - 1
    inside = [numbers[at == band] for band in range(len(edges))]
    names = tuple(
        f"{each.min():g}" if each.min() == each.max() else f"{each.min():g}–{each.max():g}" for each in inside
    )
    return at.astype(np.int64), names


def band_edges(numbers: NDArray[np.float64], parts: int, least: int = 1) -> NDArray[np.float64]:
    """Where at most `parts` bands of `numbers` (n,) begin, ascending: about as many in each, ties never divided, and at
    least `least`, unless there are fewer in all; a band's name by its members then tells of no fewer."""
    ordered = np.sort(numbers)
    parts = max(1, min(parts, len(ordered) // least))
    edges = np.unique([ordered[len(ordered) * part // parts] for part in range(parts)])
    while len(edges) > 1:
        counts = np.diff(np.append(np.searchsorted(ordered, edges), len(ordered)))
        few = int(counts.argmin())
        if counts[few] >= least:
            break
        edges = np.delete(edges, max(few, 1))
    return edges


def column_of(values: Sequence[Any], *, number: bool) -> NDArray[np.object_]:
    """`values` as they are kept in `Dataset.user_groups`: floats of an attribute that is a `number`, else words."""
    made = [number_of(value) if number else value for value in values]
    found: NDArray[np.object_] = np.empty(len(made), dtype=object)
    found[:] = [None if not is_known(value) else value if number else word(value) for value in made]
    return found


def is_known(value: Any) -> bool:
    return value is not None and value == value and word(value) != ""


def word(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).strip()
