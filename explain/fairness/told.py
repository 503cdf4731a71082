"""What was found of people and their groups, as parts of the report: numbers or null, no figure of a hidden group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from explain.fairness import consumer, suppression
from explain.fairness.base import Asked, Grouping, Material, number
from explain.fairness.comparing import FIGURES, Compared, compare_groups
from explain.fairness.groups import sizes
from explain.fairness.permuting import Omnibus
from recommender.evaluation.significance import metric_columns

Values = NDArray[np.float64]
DESCRIBED = ("popularity", "calibration", "explanations", "parity", "opportunity")
"""Parts of a grouping that explain.fairness.described fills."""


@dataclass(frozen=True)
class Looked:
    """What an audit has looked at: people `values` (n_people, n_metrics) by `metrics` and in `groupings`; `beside`: the
    silent ones."""

    material: Material
    asked: Asked
    metrics: list[str]
    values: Values
    groupings: list[Grouping]
    compared: Compared
    omnibus: Omnibus
    beside: Sequence[Grouping] = ()


def of_groupings(looked: Looked) -> list[dict[str, Any]]:
    """A part per grouping, and one with a sentence per attribute that was asked for and makes no groups."""
    told = [_grouping(looked, place) for place in range(len(looked.groupings))]
    return told + [_unformed(name, why) for name, why in looked.material.problems.items()]


def _grouping(looked: Looked, place: int) -> dict[str, Any]:
    grouping, metrics = looked.groupings[place], looked.metrics
    shown, figures = looked.compared.shown[place], looked.compared.figures[place]
    people = sizes(grouping.codes, len(grouping.names))
    tested = looked.omnibus
    return _heading(grouping) | {
        "missing": suppression.missing(grouping, looked.compared.aside[place]),
        "problem": _problem(grouping, people, shown),
        "groups": [
            _shown(name, int(people[at]), at, figures, metrics) if shown[at] else _hidden(name)
            for at, name in enumerate(grouping.names)
            if people[at]
        ],
        "spread": {name: _spread(figures["mean"][:, at], people) for at, name in enumerate(metrics)},
        "omnibus": {
            name: {"statistic": number(tested.statistic[place, at]), "p": number(tested.p[place, at]), "p_holm": None}
            for at, name in enumerate(metrics)
        },
        **_not_described(),
    }


def _not_described() -> dict[str, Any]:
    return {part: [] for part in DESCRIBED}


def _heading(grouping: Grouping) -> dict[str, Any]:
    return {
        "name": grouping.name,
        "title": grouping.title,
        "kind": grouping.kind,
        "sensitive": grouping.sensitive,
        "parts": list(grouping.parts),
    }


def _unformed(name: str, why: str) -> dict[str, Any]:
    """What stands for an attribute that was asked for and that makes no groups."""
    empty: dict[str, Any] = {"missing": None, "problem": why, "groups": [], "spread": {}, "omnibus": {}}
    return (
        {"name": name, "title": name, "kind": "attribute", "sensitive": False, "parts": []} | empty | _not_described()
    )


def _hidden(value: str) -> dict[str, Any]:
    return {"value": value, "people": None, "suppressed": True, "metrics": {}}


def _shown(value: str, people: int, at: int, figures: dict[str, Values], metrics: list[str]) -> dict[str, Any]:
    told = {
        metric: {name: number(figures[name][at, column], 8) for name in (*FIGURES, "shrunk")} | {"p_holm": None}
        for column, metric in enumerate(metrics)
    }
    return {"value": value, "people": people, "suppressed": False, "metrics": told}


def _spread(means: Values, people: NDArray[np.int64]) -> dict[str, float | None]:
    there = ~np.isnan(means)
    return consumer.spread(means[there], people[there].astype(np.float64))


def _problem(grouping: Grouping, people: NDArray[np.int64], shown: NDArray[np.bool_]) -> str:
    if not people.any():
        return f"Of nobody it is known to which group of {grouping.title} they belong."
    if (people > 0).sum() == 1:
        return f"Everyone of whom {grouping.title} is known is in one group, so there is nothing to compare it with."
    if not shown.any():
        return f"All groups of {grouping.title} are suppressed: they are too small, or would give small ones away."
    return ""


def of_people(looked: Looked) -> dict[str, Any]:
    """Figures of each metric over all people."""
    told, everyone = {}, looked.compared.everyone
    for at, name in enumerate(looked.metrics):
        figures = consumer.of_people(looked.values[:, at], looked.asked.least)
        error = float(looked.compared.extra[at])
        low, high = gini_interval(figures["gini"], error, looked.values[:, at], looked.asked.level)
        interval = {"low": number(everyone["low"][at]), "high": number(everyone["high"][at])}
        told[name] = figures | interval | {"gini_low": low, "gini_high": high}
    return told


def gini_interval(gini: float | None, error: float, values: Values, level: float) -> tuple[float | None, float | None]:
    """Interval of a Gini coefficient on the scale of its logarithmic odds, so that it stays between 0 and 1; `error` is
    that of the mean influence where unknown people count as 0."""
    if gini is None or not 0 < gini < 1:
        return None, None
    known = float((~np.isnan(values)).mean())
    reach = stats.norm.ppf((1 + level) / 2) * error / known / (gini * (1 - gini))
    odds = np.log(gini / (1 - gini))
    return number(1 / (1 + np.exp(reach - odds))), number(1 / (1 + np.exp(-reach - odds)))


def of_explanations(looked: Looked, table: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """Per grouping, figures of trust in explanations by group; a group needs as many people as for any figure."""
    names = metric_columns(table)
    values = table[names].to_numpy(dtype=np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    there = np.flatnonzero((~np.isnan(values)).sum(axis=0) >= looked.asked.least)
    compared = compare_groups(values[:, there], looked.groupings, looked.asked, beside=looked.beside)
    return [
        [
            {"value": grouping.names[at], "figure": names[there[figure]]}
            | {part: number(figures[part][at, figure]) for part in ("mean", "low", "high")}
            for at in np.flatnonzero(shown)
            for figure in np.flatnonzero(np.isfinite(figures["mean"][at]))
        ]
        for grouping, shown, figures in zip(looked.groupings, compared.shown, compared.figures, strict=True)
    ]
