"""A run against floors, person by person: figures, paired differences, and the one sentence that they allow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from recommender.evaluation.significance import compare, holm, intervals

FALLING = frozenset({"mae_person"})
"""Errors: less is better."""
FIRST = {"lists": "ndcg@10", "ratings": "mae_person"}
"""The figure that the sentence is about."""
NAMES = {"ndcg@10": "NDCG@10", "mae_person": "MAE per person"}
ALPHA = 0.05
ONE_DRAWING = (
    "All this is of one drawing of who and what is new (one seed); the intervals are over its people and do not tell "
    "how much another drawing or training would differ. manage.py benchmark learners has five, on MovieLens-1M."
)


@dataclass(frozen=True)
class Figures:
    """`table`: column `user` and one per metric, a row per person; `setting`: what validation chose."""

    table: pd.DataFrame
    setting: Mapping[str, Any] | None = None


def against(kinds: Mapping[str, Mapping[str, Figures]]) -> list[dict[str, Any]]:
    """A row per floor: {"floor", "of", "setting", "metrics": {name: {"value", "low", "high", "run", "difference",
    "difference_low", "difference_high", "p", "p_holm", "people"}}}.

    `kinds`: of lists and of ratings the figures of the run, under "", and of each floor. A difference is the run's
    less the floor's over the people who have both; p by sign flips, p_holm Holm's over all floors of the metric.
    """
    rows: list[dict[str, Any]] = [
        {"floor": name, "of": kind, "setting": each.setting, "metrics": _compared(figures[""].table, each.table)}
        for kind, figures in kinds.items()
        for name, each in figures.items()
        if name
    ]
    for metric in dict.fromkeys(name for row in rows for name in row["metrics"]):
        _correct([row["metrics"][metric] for row in rows if metric in row["metrics"]])
    return rows


def _correct(cells: Sequence[dict[str, Any]]) -> None:
    there = [cell for cell in cells if cell["p"] is not None]
    for cell, p in zip(there, holm(np.array([cell["p"] for cell in there], dtype=np.float64)).tolist(), strict=True):
        cell["p_holm"] = p


def _compared(run: pd.DataFrame, floor: pd.DataFrame) -> dict[str, dict[str, Any]]:
    found = {}
    both = run[run["user"].isin(floor["user"])]
    own, other = intervals(both), intervals(floor)
    for metric in own:
        if metric not in other:
            continue
        apart = compare(run, floor, metric)
        if not apart.people:
            continue
        several = apart.people > 1
        found[metric] = {name: _finite(value) for name, value in other[metric].as_dict().items()} | {
            "run": _finite(own[metric].value), "difference": apart.difference,
            "difference_low": apart.low if several else None, "difference_high": apart.high if several else None,
            "p": apart.p if several else None, "p_holm": None, "people": apart.people,
        }  # fmt: skip
    return found


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def best(rows: Sequence[Mapping[str, Any]], of: str, metric: str) -> Mapping[str, Any] | None:
    """The floor with the best figure; of equal ones the first."""
    there = [row for row in rows if row["of"] == of and metric in row["metrics"]]
    sign = 1 if metric in FALLING else -1
    return min(there, key=lambda row: sign * row["metrics"][metric]["value"], default=None)


def sentences(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of lists and of ratings, whether the run beats the best floor: never more than the corrected p allows."""
    found = [(metric, best(rows, of, metric)) for of, metric in FIRST.items()]
    count = {metric: sum(metric in row["metrics"] for row in rows) for metric in FIRST.values()}
    return [_sentence(metric, row, count[metric]) for metric, row in found if row is not None]


def power(comparisons: int) -> float:
    """How many half intervals wide a gap is that is seen four times in five, by one of so many comparisons."""
    normal = NormalDist()
    return (normal.inv_cdf(1 - ALPHA / (2 * comparisons)) + normal.inv_cdf(0.8)) / normal.inv_cdf(0.975)


def _sentence(metric: str, row: Mapping[str, Any], floors: int) -> str:
    cell, name = row["metrics"][metric], NAMES[metric]
    people = f"{cell['people']:,} {'person' if cell['people'] == 1 else 'people'}"
    values = f"{plain(cell['run'])} against {plain(cell['value'])}"
    if cell["p_holm"] is None:
        return f"{name}: {values} of {row['floor']}, the best floor; {people} can show no difference."
    low, high = cell["difference_low"], cell["difference_high"]
    values += f", a difference of {plain(cell['difference'])} ({plain(low)} to {plain(high)})"
    said = f"{values}; {chance(cell['p_holm'])}, {people}"
    if cell["p_holm"] >= ALPHA:
        gap = plain(power(floors) * (high - low) / 2)
        unseen = f"; a gap under {gap} would likely not have been seen" if high > low else ""
        return f"{name}: no difference found to the best floor, {row['floor']}: {said}{unseen}."
    wins = (cell["difference"] < 0) == (metric in FALLING)
    return f"{name}: {'better' if wins else 'worse'} than the best floor, {row['floor']}: {said}."


def chance(p: float) -> str:
    """Its parts stay on one line."""
    return ("p < .001" if p < 0.001 else f"p = {plain(p)}").replace(" ", "\N{NO-BREAK SPACE}")


def plain(value: float, digits: int = 3) -> str:
    """0.1072 → .107; 1.5 → 1.500; −0.02 → −.020; on pages too."""
    text = f"{abs(value):.{digits}f}"
    text = text.removeprefix("0") if abs(value) < 1 else text
    return ("\N{MINUS SIGN}" if value < 0 and float(text) else "") + text
