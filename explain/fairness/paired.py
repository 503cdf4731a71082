"""The same people before and after: what changed for each group, and by how much its distance to the rest did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.fairness.base import Asked, Grouping, number
from explain.fairness.comparing import compare_groups
from explain.fairness.consumer import group_means
from explain.fairness.groups import sizes
from explain.fairness.intervals import PSEUDO_PAIRED

Values = NDArray[np.float64]
OF_CHANGE = {"change": "mean", "low": "low", "high": "high", "p": "p_change"}
OF_GAP = {"gap_change": "versus_rest", "gap_low": "rest_low", "gap_high": "rest_high", "gap_p": "p"}
"""What a figure of the differences (after − before) is called here."""


def changes(
    before: Values, after: Values, metrics: Sequence[str], groupings: Sequence[Grouping], asked: Asked
) -> dict[str, Any]:
    """`before` and `after` (n_people, n_metrics) of the same people in the same order; who is not known in both takes
    no part. People are resampled with both figures, so what is common to them falls out.

    {"people": {metric: {"before", "after", "change", "low", "high", "p"}}, "groupings": [{"name", "title", "groups":
    [{"value", "people", "suppressed", "metrics": {metric: the same and "gap_change", "gap_low", "gap_high",
    "gap_p"}}]}]}. A gap is the group's mean − that of the rest.
    """
    unknown = np.isnan(after - before)
    before, after = np.where(unknown, np.nan, before), np.where(unknown, np.nan, after)
    compared = compare_groups(after - before, groupings, asked, pseudo=PSEUDO_PAIRED)
    told = []
    for grouping, shown, figures in zip(groupings, compared.shown, compared.figures, strict=True):
        means = {"before": _means(before, grouping), "after": _means(after, grouping)}
        hidden = np.isnan(figures["mean"])
        both = {name: np.where(hidden, np.nan, each) for name, each in means.items()} | figures
        told.append(_told(grouping, shown, both, metrics))
    everyone = Grouping("", "", "", np.zeros(len(before), dtype=np.int64), ("",))
    overall = {"before": _means(before, everyone)[0], "after": _means(after, everyone)[0]} | compared.everyone
    people = {name: _figures(overall, at, OF_CHANGE) for at, name in enumerate(metrics)}
    return {"people": people, "groupings": told}


def _means(values: Values, grouping: Grouping) -> Values:
    """(n_groups, n_metrics)"""
    count = len(grouping.names)
    return np.array([group_means(column, grouping.codes, count)[0] for column in values.T]).reshape(-1, count).T


def _told(
    grouping: Grouping, shown: NDArray[np.bool_], figures: dict[str, Values], metrics: Sequence[str]
) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for at, people in enumerate(sizes(grouping.codes, len(grouping.names)).tolist()):
        row: dict[str, Any] = {"value": grouping.names[at], "people": None, "suppressed": True, "metrics": {}}
        if shown[at]:
            here = {name: column[at] for name, column in figures.items()}
            told = {name: _figures(here, column, OF_CHANGE | OF_GAP) for column, name in enumerate(metrics)}
            row |= {"people": people, "suppressed": False, "metrics": told}
        if people:
            rows.append(row)
    return {"name": grouping.name, "title": grouping.title, "groups": rows}


def _figures(figures: dict[str, Values], at: int, parts: dict[str, str]) -> dict[str, float | None]:
    names = {"before": "before", "after": "after"} | parts
    return {part: number(figures[name][at], 8) for part, name in names.items()}
