"""Groups against the rest, for all groupings and metrics at once: means, intervals, p values, what could be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from explain.fairness import suppression
from explain.fairness.base import NONE, Asked, Grouping
from explain.fairness.consumer import group_means
from explain.fairness.intervals import (
    GAP,
    PSEUDO,
    Means,
    Shape,
    detectable,
    difference_interval,
    mean_interval,
    null_error,
    p_of_difference,
    p_of_mean,
    power_both_ways,
    shape,
)
from explain.fairness.resampling import Moved, moved
from explain.fairness.shrinkage import shrunk
from explain.fairness.suppression import Shown

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
FIGURES = ("mean", "low", "high", "bias", "versus_rest", "rest_low", "rest_high", "p", "detectable", "power_03")
BESIDE = ("error", "p_change")
"""Also found: the standard error of a group's mean, and the p of a mean of 0."""


@dataclass(frozen=True)
class Compared:
    """`shown` per grouping (n_groups,) whether a group may be shown; `known` the same (n_groups, n_metrics) for its
    figures; `figures` per grouping, by name, (n_groups, n_metrics), nan where nothing may be shown; `everyone` by name
    (n_metrics,): mean, low, high and the error; `extra` (n_extra,) standard errors; `aside` as in Shown; `whole` what
    may be shown of these groupings and of those beside them."""

    shown: list[Mask]
    known: list[Mask]
    figures: list[dict[str, Values]]
    everyone: dict[str, Values]
    extra: Values
    aside: list[bool]
    whole: Shown


def compare_groups(
    values: Values,
    groupings: Sequence[Grouping],
    asked: Asked,
    extra: Values | None = None,
    *,
    pseudo: float = PSEUDO,
    of_gaps: Sequence[float] | None = None,
    beside: Sequence[Grouping] = (),
) -> Compared:
    """Of `values` (n_people, n_metrics), nan where a figure is not known. For two runs on the same people, give what
    changed from one to the other: a group's mean is then its change, its distance to the rest the change of the gap.
    `extra` columns of which the error of everyone's mean is asked; `pseudo` as explain.fairness.intervals has it;
    `of_gaps` per grouping the level of the intervals of distances to the rest, asked.level without; `beside` groupings
    that others may tell of, so that nothing is shown which would give few people away together with these."""
    people = len(values)
    of_gaps = [asked.level] * len(groupings) if of_gaps is None else of_gaps
    extra = np.empty((people, 0)) if extra is None else extra
    whole, known = _may_be_shown(values, [*groupings, *beside], asked.least)
    shown, aside = whole.groups[: len(groupings)], whole.aside[: len(groupings)]
    known = known[: len(groupings)]
    among = [suppression.rest(*each) for each in zip(groupings, aside, strict=True)]
    reduced = [_only(grouping, mask) for grouping, mask in zip(groupings, shown, strict=True)]
    drawn = moved(values, reduced, among, extra, resamples=asked.resamples, seed=asked.seed)
    shapes = [shape(column) for column in values.T]
    everyone = of_everyone(values, drawn.everyone, shapes, asked.level, pseudo)
    tables = [_tables(values, grouping, each) for grouping, each in zip(reduced, among, strict=True)]
    gaps = np.repeat(np.array(of_gaps, dtype=np.float64), [len(table.means) for table in tables])
    by_metric = [_of_metric(at, tables, drawn, of, (asked.level, gaps), pseudo) for at, of in enumerate(shapes)]
    figures = [_placed([each[at] for each in by_metric], shown[at], known[at]) for at in range(len(groupings))]
    for of in figures:
        of["bias"] = of["mean"] - everyone["mean"]
    _shrink(figures, groupings, everyone["mean"])
    return Compared(shown, known, figures, everyone, np.sqrt(drawn.extra), aside, whole)


def _may_be_shown(values: Values, groupings: Sequence[Grouping], least: int) -> tuple[Shown, list[Mask]]:
    return figures_shown(values, groupings, suppression.shown(groupings, len(values), least=least), least)


def figures_shown(values: Values, groupings: Sequence[Grouping], shown: Shown, least: int) -> tuple[Shown, list[Mask]]:
    """Per grouping (n_groups, n_metrics) whether the figures of a group may be shown: of the people of whom a metric is
    known there must be as many as of a group, and no fewer may be worked out."""
    found = [np.repeat(mask[:, None], values.shape[1], axis=1) for mask in shown.groups]
    aside = list(shown.aside)
    seen: dict[bytes, Shown] = {}
    for metric, there in enumerate((~np.isnan(values)).T):
        if there.all():
            continue
        if there.tobytes() not in seen:
            pairs = zip(groupings, shown.groups, strict=True)
            part = [_only(replace(each, codes=each.codes[there]), mask, keep=True) for each, mask in pairs]
            seen[there.tobytes()] = suppression.shown(part, int(there.sum()), least=least)
        for place, mask in enumerate(seen[there.tobytes()].groups):
            found[place][:, metric] &= mask
            aside[place] &= seen[there.tobytes()].aside[place]
    return Shown(shown.groups, aside), found


def of_everyone(
    values: Values, variances: Values, shapes: Sequence[Shape], level: float, pseudo: float
) -> dict[str, Values]:
    """mean, low, high and p_change (n_metrics,) over all people."""
    counts = (~np.isnan(values)).sum(axis=0).astype(np.float64)
    means = np.divide(np.nansum(values, axis=0), counts, out=np.full(len(counts), np.nan), where=counts > 0)
    low, high, p = np.full((3, len(counts)), np.nan)
    for at, of in enumerate(shapes):
        if counts[at] > 1:
            one = Means(means[at : at + 1], variances[at : at + 1], counts[at : at + 1], pseudo)
            low[at : at + 1], high[at : at + 1] = mean_interval(one, of, level)
            p[at : at + 1] = p_of_mean(one, of)
    return {"mean": means, "low": low, "high": high, "p_change": p}


def _only(grouping: Grouping, mask: Mask, *, keep: bool = False) -> Grouping:
    """Only the groups of `mask`, the others' people in none; `keep`: the others' names stay, as groups of nobody."""
    places = np.where(mask, np.arange(len(mask)) if keep else np.cumsum(mask) - 1, NONE)
    codes = np.where(grouping.codes >= 0, np.r_[places, NONE][grouping.codes], NONE).astype(np.int64)
    names = grouping.names if keep else tuple(np.array(grouping.names, dtype=object)[mask])
    return replace(grouping, codes=codes, names=names)


@dataclass(frozen=True)
class _Table:
    """Means and numbers of people of groups and of their rests, each (n_groups, n_metrics)."""

    means: Values
    people: Values
    rests: Values
    others: Values


def _tables(values: Values, grouping: Grouping, among: Mask) -> _Table:
    count = len(grouping.names)
    means, people = np.full((2, count, values.shape[1]), np.nan)
    for at, column in enumerate(values.T):
        means[:, at], people[:, at] = group_means(column, grouping.codes, count)
    inside = values[among]
    total, number = np.nansum(inside, axis=0), (~np.isnan(inside)).sum(axis=0)
    others = number - people
    sums = total - np.where(people > 0, means, 0) * people
    rests = np.divide(sums, others, out=np.full_like(sums, np.nan), where=others > 0)
    return _Table(means, people, rests, others)


def _of_metric(
    at: int, tables: Sequence[_Table], found: Moved, of: Shape, levels: tuple[float, Values], pseudo: float
) -> list[dict[str, Values]]:
    """The figures of one metric, of the groups of all groupings together, divided among the groupings again; `levels`
    of all intervals but those of distances to the rest, and of these per group."""

    def joined(columns: Sequence[Values]) -> Values:
        return np.concatenate([column[:, at] for column in columns]) if columns else np.empty(0)

    groups = Means(joined([t.means for t in tables]), joined(found.groups), joined([t.people for t in tables]), pseudo)
    rests = Means(joined([t.rests for t in tables]), joined(found.rests), joined([t.others for t in tables]), pseudo)
    together = _figures(groups, rests, of, *levels)
    ends = np.cumsum([0, *(len(table.means) for table in tables)])
    return [{name: column[start:end] for name, column in together.items()} for start, end in pairwise(ends)]


def _figures(groups: Means, rests: Means, of: Shape, level: float, of_gaps: Values) -> dict[str, Values]:
    """FIGURES and BESIDE; nan where there are no people, or none in the rest."""
    found = {name: np.full(len(groups.mean), np.nan) for name in (*FIGURES, *BESIDE)}
    there, both = groups.people > 0, (groups.people > 0) & (rests.people > 0)
    some = _at(groups, there)
    found["mean"][there], found["error"][there] = some.mean, some.standard_error(of)
    found["low"][there], found["high"][there] = mean_interval(some, of, level)
    found["p_change"][there] = p_of_mean(some, of)
    some, others = _at(groups, both), _at(rests, both)
    apart, low, high = difference_interval(some, others, of, of_gaps[both])
    found["versus_rest"][both], found["rest_low"][both], found["rest_high"][both] = apart, low, high
    found["p"][both] = p_of_difference(some, others, of)
    error = null_error(some, others, of)
    found["detectable"][both] = detectable(error, some.freedom, level=level)
    found["power_03"][both] = power_both_ways(GAP, some, others, of, level=level)
    return found


def _at(means: Means, mask: Mask) -> Means:
    return Means(means.mean[mask], means.variance[mask], means.people[mask], means.pseudo)


def _placed(by_metric: Sequence[dict[str, Values]], shown: Mask, known: Mask) -> dict[str, Values]:
    """By name (n_groups, n_metrics) with the figures of the groups that are shown in their places, nan elsewhere."""
    placed = {name: np.full(known.shape, np.nan) for name in (*FIGURES, *BESIDE)}
    for name, column in placed.items():
        if by_metric:
            column[shown] = np.stack([each[name] for each in by_metric], axis=1)
        column[~known] = np.nan
    return placed


def _shrink(figures: list[dict[str, Values]], groupings: Sequence[Grouping], overall: Values) -> None:
    """Add `shrunk`: towards the mean of everyone, or of crossed groups towards the sum of what sets its two apart."""
    at = {grouping.name: place for place, grouping in enumerate(groupings)}
    for place, grouping in enumerate(groupings):
        of = figures[place]
        expected = np.broadcast_to(overall, of["mean"].shape).copy()
        parts = suppression.parts_of(grouping, groupings, at) or []
        for part in parts:
            codes = part.codes[np.maximum(suppression.first_people(grouping), 0)]
            expected += np.nan_to_num(figures[at[part.name]]["mean"][codes] - overall)
        of["shrunk"] = np.full_like(expected, np.nan)
        for metric in range(expected.shape[1]):
            there = ~np.isnan(of["mean"][:, metric])
            if there.sum() > 2:
                of["shrunk"][there, metric] = shrunk(
                    of["mean"][there, metric], of["error"][there, metric], expected[there, metric]
                )
