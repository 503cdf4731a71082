"""Two audits of the same people, compared person by person: who gained, by group."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from explain.fairness.base import ATTRIBUTE, BAND, Asked, Grouping
from explain.fairness.groups import sizes
from explain.models import DisparityAudit
from explain.selectors import disparity as select
from recommender.data.features import number_of
from recommender.evaluation.significance import metric_columns
from recommender.selectors import pages

Values = NDArray[np.float64]
RESAMPLES = 1000
FIGURES = ("before", "after", "change", "low", "high", "gap_change", "gap_low", "gap_high", "gap_p")
TINY = 1e-12
BEGIN = re.compile(r"-?[\d,]+(\.\d+)?")
"""The number with which the name of a band begins."""
DECIMALS = re.compile(r"\.(\d+)")
NO_ROWS = (
    "One of them has no rows per person (they go when somebody in them is erased), so only its figures are compared."
)
NOBODY = "The two audits have no people in common, so only their figures are compared."


@dataclass(frozen=True)
class Changes:
    """Of the `people` in both, without those `aside`: how many have more and how many less of the metric in the second,
    as many of which as `least` may be told; `mean` {"change", "low", "high"} of everyone; a row per group {"grouping",
    "title", "value", "people", *FIGURES}, None where it is hidden."""

    metric: str
    people: int
    aside: int
    least: int
    more: int
    less: int
    mean: dict[str, float | None]
    groups: list[dict[str, Any]]


def metrics_of_both(a: pd.DataFrame, b: pd.DataFrame) -> list[str]:
    return [name for name in metric_columns(a) if name in metric_columns(b) and pd.api.types.is_numeric_dtype(a[name])]


def changes(
    a: DisparityAudit, b: DisparityAudit, metric: str, groupings: Sequence[dict[str, Any]]
) -> tuple[Changes | None, str]:
    """From the first to the second, by those of `groupings` (of the first's results, as far as a login may see them)
    that go by an attribute. Without rows of both: None and why."""
    first, second = select.people(a), select.people(b)
    if first is None or second is None:
        return None, NO_ROWS
    if metric not in metrics_of_both(first, second):
        return None, "They share no metric that is known per person, so only their figures are compared."
    both = first[["user", metric]].merge(second[["user", metric]], on="user").dropna()
    least = max(a.results["about"]["least"], b.results["about"]["least"])
    alone = [int(table[metric].notna().sum()) - len(both) for table in (first, second)]
    kept = both if not any(0 < each < least for each in alone) else _without(both, least, seed=[a.pk, b.pk])
    if len(kept) < least:
        return None, NOBODY if both.empty else f"Fewer than {least} people are in both, too few to compare them."
    every = pd.Index(first["user"]).union(second["user"])
    known = [each for row in groupings if (each := _grouping(a, row, every)) is not None]
    groups = [replace(each, codes=each.codes[every.get_indexer(kept["user"])]) for each in known]
    parts = [_Part(row, table[metric].notna().to_numpy(), every.get_indexer(table["user"])) for row, table in
             ((a, first), (b, second))]  # fmt: skip
    hidden = _hidden(a, b).union(*(_given_away(*each, parts, least) for each in zip(known, groups, strict=True)))
    figures = (kept[[f"{metric}{end}"]].to_numpy(dtype=np.float64) for end in ("_x", "_y"))
    found = _compared(metric, *figures, groups, Asked(resamples=RESAMPLES, least=least), hidden)
    return replace(found, aside=len(both) - len(kept)), ""


def _without(both: pd.DataFrame, many: int, *, seed: Sequence[int]) -> pd.DataFrame:
    """Without so many people drawn by chance: where few are in one audit only, their figures could be worked out from
    those of all in it and of all in both."""
    left = np.random.default_rng(sorted(seed)).permutation(len(both))[many:]
    return both.iloc[np.sort(left)]


@dataclass(frozen=True)
class _Part:
    """One of the audits: its people's `places` among everyone in either, and of whom the metric is `known`."""

    row: DisparityAudit
    known: NDArray[np.bool_]
    places: NDArray[np.int64]

    def alone(self, everyone: Grouping, inside: Grouping) -> NDArray[np.int64]:
        """(n_groups,) how many its figures are of who are not among those compared, who are `inside` the same groups of
        `everyone` in either audit; and how many have come to a group or left it since."""
        codes, names = everyone.codes[self.places], everyone.names
        now, both = sizes(codes, len(names)), sizes(inside.codes, len(names))
        told = {str(group["value"]): group["people"] for each in self.row.results["groupings"]
                if each["name"] == everyone.name for group in each["groups"]}  # fmt: skip
        then = np.array([told.get(name) or size for name, size in zip(names, now.tolist(), strict=True)])
        return np.asarray(np.abs(sizes(codes[self.known], len(names)) - both) + np.abs(then - now))


def _given_away(everyone: Grouping, inside: Grouping, parts: Sequence[_Part], least: int) -> set[tuple[str, str]]:
    """Groups of which few people are in one audit only, and others until those hidden have enough of them together:
    else their figures could be worked out likewise."""
    alone = np.stack([part.alone(everyone, inside) for part in parts], axis=1)
    few = ((alone > 0) & (alone < least)).any(axis=1)
    while few.any() and not few.all() and _is_few(alone[few].sum(axis=0), least):
        few[np.where(few, -1, alone.sum(axis=1)).argmax()] = True
    return {(everyone.name, everyone.names[at]) for at in np.flatnonzero(few)}


def _is_few(counts: NDArray[np.int64], least: int) -> bool:
    return bool(((counts > 0) & (counts < least)).any())


def _grouping(row: DisparityAudit, found: dict[str, Any], users: pd.Index) -> Grouping | None:
    """People by an attribute as the data say now; only groups, or bands of a number, that the audit had."""
    if found["kind"] not in (ATTRIBUTE, BAND) or len(found["groups"]) < 2:
        return None
    names = tuple(str(group["value"]) for group in found["groups"])
    at = {name: place for place, name in enumerate(names)}
    known = pages.attribute_of_people(row.catalog, found["name"])
    values = [known.get(user) for user in users.tolist()]
    codes = [at.get(str(value), -1) for value in values] if found["kind"] == ATTRIBUTE else in_bands(values, names)
    return Grouping(found["name"], found["title"], found["kind"], np.array(codes, dtype=np.int64), names,
                    found["sensitive"])  # fmt: skip


def in_bands(values: Sequence[Any], names: Sequence[str]) -> list[int]:
    """The place in `names` (`7–24`, `25`, ascending; rounded to as many decimals as they have where they are not whole)
    of each number's band, −1 where it is none or under all of them, and where the names tell no numbers."""
    begun = [BEGIN.match(name) for name in names]
    if not all(begun):
        return [-1] * len(values)
    digits = max(len(part) for name in names for part in DECIMALS.findall(name) or [""])
    lows = [float(found[0].replace(",", "")) for found in begun if found]
    numbers, half = [number_of(value) for value in values], 0.5 * 0.1 ** max(1, digits)
    return [-1 if one is None else int(np.searchsorted(lows, one + half, side="right")) - 1 for one in numbers]


def _hidden(*rows: DisparityAudit) -> set[tuple[str, str]]:
    """Groups that one of the audits does not show: their changes are not shown either."""
    return {
        (each["name"], str(group["value"]))
        for row in rows for each in row.results["groupings"] for group in each["groups"] if group["suppressed"]
    }  # fmt: skip


def _compared(
    metric: str, before: Values, after: Values, groups: list[Grouping], asked: Asked, hidden: set[tuple[str, str]]
) -> Changes:
    paired = import_module("explain.fairness.paired")  # brings scipy, which other pages need not pay for
    found = paired.changes(before, after, [metric], groups, asked)
    rows = [
        {"grouping": grouping["name"], "title": grouping["title"], "value": group["value"], **_figures(group, metric,
         group["suppressed"] or (grouping["name"], str(group["value"])) in hidden)}
        for grouping in found["groupings"] for group in grouping["groups"]
    ]  # fmt: skip
    change = (after - before)[:, 0]
    mean = {name: found["people"][metric][name] for name in ("change", "low", "high")}
    more, less = int((change > TINY).sum()), int((change < -TINY).sum())
    return Changes(metric, len(change), 0, asked.least, more, less, mean, rows)


def _figures(group: dict[str, Any], metric: str, hidden: bool) -> dict[str, Any]:
    told = {} if hidden else group["metrics"][metric]
    return {"people": None if hidden else group["people"], **{name: told.get(name) for name in FIGURES}}
