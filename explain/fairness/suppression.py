"""Which groups are not shown, so that no figure of fewer than `least` people can be read or worked out.

What is published is a system of linear equations in the sums of people with the same value of everything: the total,
those whose value is known, and every group that is shown, of single groupings and of crossed ones; a rest and its
distance follow from these. A group is safe where it is not a linear combination of these.

1. Groups of fewer than `least` are hidden, and all crossed groups made of one.
2. In each line of a table (a grouping; a row or a column of a crossed one) what is hidden together has at least `least`
   people or is empty, else the smallest that is shown is hidden too; people whose value is not known are of it.
3. Tables share their margins, so lines alone are not enough: as long as a small group is still a combination of what is
   published, the smallest group that is part of the combination is hidden too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain.fairness.base import Grouping
from explain.fairness.groups import sizes
from recommender.data.dataset import Int

Mask = NDArray[np.bool_]
NEAR = 1e-7
"""A residual below this means: a linear combination."""


@dataclass(frozen=True)
class Shown:
    """Per grouping: `groups` (n_groups,) whether a group may be shown; `aside` whether the people of whom it is not
    known are left out of the rests, and their number told. Where they are too few for that, or others could be worked
    out, they count among everyone else."""

    groups: list[Mask]
    aside: list[bool]


def shown(groupings: Sequence[Grouping], n_people: int, *, least: int) -> Shown:
    """What may be shown, whatever the order of groupings. Groups without people are not."""
    order = sorted(range(len(groupings)), key=lambda at: groupings[at].name)
    found = _shown([groupings[at] for at in order], n_people, least=least)
    places = np.argsort(order, kind="stable").tolist()
    return Shown([found.groups[at] for at in places], [found.aside[at] for at in places])


def _shown(groupings: Sequence[Grouping], n_people: int, *, least: int) -> Shown:
    counts = [sizes(grouping.codes, len(grouping.names)) for grouping in groupings]
    absent = [n_people - int(count.sum()) for count in counts]
    found = Shown([count >= least for count in counts], [each >= least for each in absent])
    at = {grouping.name: place for place, grouping in enumerate(groupings)}
    patterns, of_pattern = _patterns(groupings, n_people)
    while True:
        _hide_with_parts(groupings, found.groups, at)
        if _hide_in_lines(groupings, counts, found, at, least, n_people):
            continue
        if not _hide_combined(counts, found, patterns, of_pattern, least):
            return found


def rest(grouping: Grouping, aside: bool) -> Mask:
    """(n_people,) who the rest of a group of this grouping is made of, without the group itself."""
    return grouping.codes >= 0 if aside else np.ones(len(grouping.codes), dtype=np.bool_)


def missing(grouping: Grouping, aside: bool) -> int | None:
    """How many people are of no group; None where that may not be said."""
    found = int((grouping.codes < 0).sum())
    return found if aside or not found else None


def parts_of(grouping: Grouping, groupings: Sequence[Grouping], at: dict[str, int]) -> list[Grouping] | None:
    """The two groupings a crossed one is made of, where both are there."""
    if len(grouping.parts) != 2 or any(part not in at for part in grouping.parts):
        return None
    return [groupings[at[part]] for part in grouping.parts]


def first_people(grouping: Grouping) -> Int:
    """(n_groups,) somebody of each group; −1 where nobody is."""
    found = np.full(len(grouping.names), -1, dtype=np.int64)
    people = np.flatnonzero(grouping.codes >= 0)[::-1]
    found[grouping.codes[people]] = people
    return found


def _hide_with_parts(groupings: Sequence[Grouping], masks: list[Mask], at: dict[str, int]) -> None:
    for place, grouping in enumerate(groupings):
        parts = parts_of(grouping, groupings, at)
        somebody = first_people(grouping)
        for part in parts or []:
            masks[place] &= np.r_[masks[at[part.name]], False][part.codes[somebody]] & (somebody >= 0)


def _lines(
    groupings: Sequence[Grouping], found: Shown, at: dict[str, int], n_people: int
) -> Iterator[tuple[int, NDArray[np.int64], int]]:
    """(place of a grouping, its groups in a line, people of the line who are in none of its groups and not told of)."""
    for place, grouping in enumerate(groupings):
        here = sizes(grouping.codes, len(grouping.names))
        yield place, np.flatnonzero(here), 0 if found.aside[place] else n_people - int(here.sum())
        somebody = first_people(grouping)
        for part in parts_of(grouping, groupings, at) or []:
            margin = sizes(part.codes, len(part.names))
            of_line = np.where(somebody >= 0, part.codes[somebody], -1)
            for value in range(len(part.names)):
                line = np.flatnonzero(of_line == value)
                yield place, line, int(margin[value] - here[line].sum())


def _hide_in_lines(
    groupings: Sequence[Grouping],
    counts: list[Int],
    found: Shown,
    at: dict[str, int],
    least: int,
    n_people: int,
) -> bool:
    """Whether anything was hidden."""
    changed = False
    for place, line, absent in _lines(groupings, found, at, n_people):
        mask, count = found.groups[place], counts[place]
        while True:
            hidden = line[~mask[line]]
            total = int(count[hidden].sum()) + absent
            candidates = line[mask[line]]
            if total == 0 or total >= least or not len(candidates):
                break
            mask[candidates[np.argmin(count[candidates])]] = False
            changed = True
    return changed


def _patterns(groupings: Sequence[Grouping], n_people: int) -> tuple[Int, Int]:
    """Codes (n_patterns, n_groupings) of people who share everything, and how many they are (n_patterns,)."""
    alike = np.zeros(n_people, dtype=np.int64)
    first = np.zeros(min(1, n_people), dtype=np.int64)
    for grouping in groupings:
        both = alike * (len(grouping.names) + 1) + grouping.codes + 1
        _, first, alike = np.unique(both, return_index=True, return_inverse=True)
    codes = [grouping.codes[first] for grouping in groupings]
    return np.array(codes, dtype=np.int64).reshape(len(groupings), len(first)).T, np.bincount(
        alike, minlength=len(first)
    )


def equations(found: Shown, patterns: Int) -> tuple[NDArray[np.float64], list[tuple[int, int]]]:
    """(equations, n_patterns) what is published as sums over patterns, and the grouping and group of each; −1 for the
    total, and for those whose value is known."""
    rows, names = [np.ones(len(patterns))], [(-1, -1)]
    for place, mask in enumerate(found.groups):
        codes = patterns[:, place]
        if found.aside[place]:
            rows.append((codes >= 0).astype(np.float64))
            names.append((place, -1))
        for group in np.flatnonzero(mask):
            rows.append((codes == group).astype(np.float64))
            names.append((place, int(group)))
    return np.array(rows), names


def _hide_combined(counts: list[Int], found: Shown, patterns: Int, of_pattern: Int, least: int) -> bool:
    """Hide one more where a small group is a combination of what is published; whether one was."""
    small = _small(counts, patterns, of_pattern, least)
    if not len(small):
        return False
    published, names = equations(found, patterns)
    solved = np.linalg.lstsq(published.T, small.T, rcond=None)[0]
    told = np.flatnonzero(np.abs(published.T @ solved - small.T).max(axis=0) < NEAR)
    if not len(told):
        return False
    used = [names[at] for at in np.flatnonzero(np.abs(solved[:, told[0]]) > NEAR) if names[at][0] >= 0]
    groups = [(counts[place][group], place, group) for place, group in used if group >= 0]
    if groups:
        _, place, group = min(groups)
        found.groups[place][group] = False
    elif used:
        found.aside[max(used)[0]] = False
    return bool(used)  # else everyone together is a small group


def _small(counts: list[Int], patterns: Int, of_pattern: Int, least: int) -> NDArray[np.float64]:
    """(groups, n_patterns) of the groups that must not be worked out; people of none are one too."""
    rows = []
    for place, count in enumerate(counts):
        codes = patterns[:, place]
        rows += [codes == group for group in np.flatnonzero((count > 0) & (count < least))]
        if 0 < int(of_pattern[codes < 0].sum()) < least:
            rows.append(codes < 0)
    return np.array(rows, dtype=np.float64)
