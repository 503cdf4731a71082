"""What a remedy brings and what it costs: accuracy against each disparity at several strengths, measured on the same
people, so that every difference is a paired one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from explain.fairness import disparities, paired, suppression
from explain.fairness.base import Asked, number
from explain.fairness.comparing import Compared, compare_groups
from explain.fairness.disparities import GAP, RANGE, Measured, People
from explain.fairness.influence import Moving, gap, mean
from explain.fairness.intervals import PSEUDO_PAIRED
from explain.fairness.monotone import Steps
from recommender.data.dataset import Int
from recommender.evaluation.significance import holm

Values = NDArray[np.float64]
TINY = 1e-12


@dataclass(frozen=True)
class Point:
    """What was measured at one strength: `quality` (n_people,) of the metric and `lists` (n_people, k) of positions, −1
    none; the same people in the same order at every strength."""

    strength: float
    quality: Values
    lists: Int


@dataclass(frozen=True)
class Curve:
    """The points of a sweep with all their figures: `figures` per point by name; `accuracy` per point; `worst` by
    grouping its group that is followed; `levels` and `changes` groups against the rest, a column per point; `chosen_of`
    per grouping among how many groups that was chosen, which the intervals of changes of gaps allow for."""

    points: Sequence[Point]
    people: People
    asked: Asked
    figures: list[dict[str, Moving]]
    accuracy: list[Moving]
    worst: dict[str, int]
    levels: Compared
    changes: Compared
    chosen_of: list[int]
    classes: list[Values]
    followed: int | None


def curve(points: Sequence[Point], people: People, asked: Asked) -> Curve:
    """Of `points` by ascending strength, the first of which is 0: what everything is compared with."""
    measured = Measured(people, asked.least)
    figures = [measured.of(point.lists) for point in points]
    quality = np.stack([point.quality for point in points], axis=1)
    levels = compare_groups(quality, people.groupings, asked)
    rests = [suppression.rest(each, aside) for each, aside in zip(people.groupings, levels.aside, strict=True)]
    chosen_of = [disparities.chosen_of(*each) for each in zip(people.groupings, levels.shown, rests, strict=True)]
    changes = compare_groups(quality - quality[:, :1], people.groupings, asked, pseudo=PSEUDO_PAIRED,
                             of_gaps=[1 - (1 - asked.level) / many for many in chosen_of])  # fmt: skip
    worst = {}
    for at, (grouping, among) in enumerate(zip(people.groupings, rests, strict=True)):
        if grouping.parts:
            continue
        found = disparities.worst_group(quality[:, 0], grouping, levels.shown[at], among)
        if found is not None:
            worst[grouping.name] = found
            for figure, column in zip(figures, quality.T, strict=True):
                figure[f"{GAP}:{grouping.name}"] = gap(column, grouping.codes == found, among)
    accuracy = [mean(column) for column in quality.T]
    return Curve(points, people, asked, figures, accuracy, worst, levels, changes, chosen_of,
                 [measured.shares_of_classes(point.lists) for point in points], measured.worst)  # fmt: skip


def told(
    found: Curve, aimed: Sequence[str], *, trained: bool, metric: str, groups: str = ""
) -> dict[str, Any]:  # fmt: skip
    """The curve as it is kept: {"figures", "points", "groupings", "classes"}, numbers or null. `aimed`: what the remedy
    is meant to lower, of people the gaps between `groups`; `trained`: each point is a training of its own."""
    names = [*disparities.finite(found.figures[0]), *(f"{RANGE}:{name}" for name in found.worst)]
    points = _points(found, names)
    steps = Steps(found.accuracy, [point.strength for point in found.points], metric, trained)
    figures = [_named(found, name, aimed, groups) for name in names]
    for row in figures:
        kind, _, _ = (name := row["key"]).partition(":")
        if kind == RANGE:
            continue
        bad = [disparities.badness(name, of[name]) for of in found.figures]
        values, even = [of[name].value for of in found.figures], disparities.EVEN.get(kind)
        row["monotone"] = steps.told(bad, values, aimed=row["aimed"], even=even)
        many = _chosen_of(found, name)
        for point, better in zip(points, dominated(found.accuracy, bad, chosen_of=many), strict=True):
            point["disparities"][name]["dominated_by"] = None if better is None else found.points[better].strength
    return {"figures": figures, "points": points, "groupings": _groups(found), "classes": _classes(found)}


def _named(found: Curve, name: str, aimed: Sequence[str], groups: str) -> dict[str, Any]:
    """What a figure is of, and whether it is for everyone's eyes."""
    _, _, grouping = name.partition(":")
    sensitive = any(each.sensitive for each in found.people.groupings if each.name == grouping)
    meant = disparities.AIMED[name.partition(":")[0]] in aimed and grouping in ("", groups)
    return {"key": name, "aimed": meant, "grouping": grouping, "sensitive": sensitive,
            "followed": _followed(found, name)}  # fmt: skip


def _chosen_of(found: Curve, name: str) -> int:
    """Among how many groups the one was chosen whose gap this figure is; 1 of all other figures."""
    kind, _, grouping = name.partition(":")
    names = [each.name for each in found.people.groupings]
    return found.chosen_of[names.index(grouping)] if kind == GAP else 1


def dominated(
    accuracy: Sequence[Moving], bad: Sequence[Moving], *, level: float = 0.95, chosen_of: int = 1
) -> list[int | None]:
    """Per point the one that dominates it, the most accurate of several; None for the points of the front.

    One dominates another if it is at least as accurate and at most as bad, and in one of them better beyond chance: the
    interval of the paired difference leaves 0 out, at a level adjusted for the number of other points and of the groups
    that `bad` was chosen of (Bonferroni).
    """
    reach = float(stats.norm.ppf(1 - (1 - level) / 2 / max(1, len(bad) - 1) / chosen_of))
    found: list[int | None] = []
    for at in range(len(bad)):
        better = [
            other for other in range(len(bad))
            if other != at and _dominates((accuracy[other], bad[other]), (accuracy[at], bad[at]), reach)
        ]  # fmt: skip
        found.append(max(better, key=lambda other: accuracy[other].value) if better else None)
    return found


def _dominates(one: tuple[Moving, Moving], other: tuple[Moving, Moving], reach: float) -> bool:
    gained, lowered = one[0].less(other[0]), other[1].less(one[1])
    if not (gained.value >= -TINY and lowered.value >= -TINY):
        return False
    return any(each.value > max(TINY, reach * each.error) for each in (gained, lowered))


def _points(found: Curve, names: Sequence[str]) -> list[dict[str, Any]]:
    people, changed = found.levels.everyone, found.changes.everyone
    p = np.where(np.isnan(changed["p_change"]), 1.0, changed["p_change"])
    adjusted = np.r_[1.0, holm(p[1:])] if len(p) > 1 else p
    rows = []
    for at, point in enumerate(found.points):
        parts = {"value": people["mean"], "low": people["low"], "high": people["high"], "difference": changed["mean"],
                 "diff_low": changed["low"], "diff_high": changed["high"], "p": p, "p_holm": adjusted}  # fmt: skip
        accuracy = {name: number(column[at]) for name, column in parts.items()}
        if at == 0:
            accuracy |= {"difference": 0.0, "diff_low": 0.0, "diff_high": 0.0, "p": None, "p_holm": None}
        figures = {name: _figure(found, at, name) for name in names}
        rows.append({"strength": point.strength, "accuracy": accuracy, "disparities": figures})
    return rows


def _figure(found: Curve, at: int, name: str) -> dict[str, Any]:
    """value, low, high, and the paired difference from strength 0, null where there is no interval of it."""
    kind, _, grouping = name.partition(":")
    if kind == RANGE:
        return _range(found, at, grouping)
    reach = float(stats.norm.ppf((1 + found.asked.level) / 2))
    here, first = found.figures[at][name], found.figures[0][name]
    low, high = disparities.interval(name, here, reach)
    changed = here.less(first)
    diff = (changed.value, changed.value - reach * changed.error, changed.value + reach * changed.error)
    if kind == GAP:
        low, high, diff = _gap(found, at, grouping)
    told = {
        "value": here.value,
        "low": low,
        "high": high,
        "difference": diff[0],
        "diff_low": diff[1],
        "diff_high": diff[2],
    }
    return {part: number(value) for part, value in told.items()} | {"dominated_by": None}


def _gap(found: Curve, at: int, grouping: str) -> tuple[float, float, tuple[float, float, float]]:
    """The intervals that hold for small groups too; that of the change at a level for all groups the worst may be."""
    place = [each.name for each in found.people.groupings].index(grouping)
    group = found.worst[grouping]
    level, change = ([of.figures[place][part][group, at] for part in ("versus_rest", "rest_low", "rest_high")]
                     for of in (found.levels, found.changes))  # fmt: skip
    if at == 0:
        change = [0.0, 0.0, 0.0]
    return level[1], level[2], (change[0], change[1], change[2])


def _range(found: Curve, at: int, grouping: str) -> dict[str, Any]:
    place = [each.name for each in found.people.groupings].index(grouping)
    figures, shown = found.levels.figures[place], found.levels.shown[place]
    means, errors = figures["mean"][shown, at], figures["error"][shown, at]
    value, low, high = disparities.range_interval(means, errors, seed=found.asked.seed)
    here = {"value": number(value), "low": number(low), "high": number(high)}
    first = figures["mean"][shown, 0]
    apart = number(value - (first.max() - first.min()))
    return here | {"difference": apart, "diff_low": None, "diff_high": None, "dominated_by": None}


def _followed(found: Curve, name: str) -> str:
    """The group or the class whose figure it is, as it was worst off at strength 0."""
    kind, _, grouping = name.partition(":")
    if kind == GAP:
        of = next(each for each in found.people.groupings if each.name == grouping)
        return of.names[found.worst[grouping]]
    classes = found.people.classes.names
    return classes[found.followed] if kind == disparities.CLASSES and found.followed is not None else ""


def _groups(found: Curve) -> list[dict[str, Any]]:
    """What changed against strength 0 by group, the metrics named by strength. Crossed groupings take part, so that
    the same groups are hidden as in an audit, and are not told: of them there are too many to choose a remedy by."""
    names = [f"{point.strength:g}" for point in found.points[1:]]
    if not names:
        return []
    after = np.stack([point.quality for point in found.points[1:]], axis=1)
    before = np.repeat(found.points[0].quality[:, None], len(names), axis=1)
    told = paired.changes(before, after, names, found.people.groupings, found.asked)["groupings"]
    pairs = zip(told, found.people.groupings, strict=True)
    return [row | {"sensitive": of.sensitive, "kind": of.kind} for row, of in pairs if not of.parts]


def _classes(found: Curve) -> dict[str, Any]:
    of = found.people.classes
    shares = {f"{point.strength:g}": [number(each) for each in row]
              for point, row in zip(found.points, found.classes, strict=True)}  # fmt: skip
    return {"title": of.title, "names": list(of.names), "exposure": shares}
