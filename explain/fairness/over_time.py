"""What was served, week by week: how exposure spreads, how lists are answered, how groups differ; and whether any of it
moves. Weeks of fewer than `least` people are left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from explain.fairness import influence
from explain.fairness.base import CROSSED, Material, number
from explain.fairness.consumer import group_means
from explain.fairness.influence import Moving, Shown
from explain.fairness.seen import of_owners
from explain.fairness.told import Looked
from recommender.data.dataset import Int

Values = NDArray[np.float64]
GINI, COVERAGE, NEW = "gini", "coverage", "new_share"


def over_time(looked: Looked) -> dict[str, Any] | None:
    """{"weeks", "trends"}; None for held-out data, which has no weeks."""
    material, asked = looked.material, looked.asked
    if material.weeks is None or material.listed is None:
        return None
    every = [Week(looked, material, np.flatnonzero(material.weeks == each)) for each in np.unique(material.weeks)]
    weeks = [every[at] for at in _telling([week.who for week in every], asked.least)]
    answers = [str(name) for name in material.listed]
    for name in answers:
        told = _telling([week.who[~np.isnan(week.answers[name])] for week in weeks], asked.least)
        for at in set(range(len(weeks))) - set(told):
            weeks[at].forget(name)
    names = [GINI, COVERAGE, NEW, *answers]
    return {"weeks": [week.told() for week in weeks], "trends": [trend(weeks, name, asked.level) for name in names]}


def _telling(people: list[Int], least: int) -> list[int]:
    """Places of those of `people` (a week's each) that are not few; nor is the smallest of these told of where the
    others together are so few that what is left of all weeks would be theirs."""
    told = [at for at, who in enumerate(people) if len(who) >= least]
    aside = set(range(len(people))) - set(told)
    apart = len(np.unique(np.concatenate([people[at] for at in aside]))) if aside else 0
    if told and 0 < apart < least:
        told.remove(min(told, key=lambda at: len(people[at])))
    return told


class Week:
    """The lists `at` of one week: figures of theirs, each with how every person of the week moves it."""

    def __init__(self, looked: Looked, material: Material, at: Int) -> None:
        self.looked = looked
        self.day = int(material.weeks[at[0]]) if material.weeks is not None else 0
        self.who, owners = np.unique(material.owners[at], return_inverse=True)
        self.lists, self.people = material.lists[at, : looked.asked.k], len(self.who)
        self.answers = self._answers(material, at, owners)
        self.figures = self._figures(material, owners)

    def _answers(self, material: Material, at: Int, owners: Int) -> dict[str, Values]:
        """(n_people of the week,) by what is known of lists, the mean over each person's."""
        listed = pd.DataFrame() if material.listed is None else material.listed
        columns = {str(name): listed[name].to_numpy(dtype=np.float64)[at] for name in listed}
        return {name: of_owners(values, owners, self.people) for name, values in columns.items()}

    def _figures(self, material: Material, owners: Int) -> dict[str, Moving]:
        of_lists = Shown.of(self.lists, material.n_items)
        shown = replace(of_lists, rows=owners[of_lists.rows], n_people=self.people)
        gini = influence.exposure_gini(self.lists, material.offered)
        found = {
            GINI: influence.pooled(gini, owners, self.people),
            COVERAGE: influence.coverage(once(shown), material.offered),
            NEW: influence.ratio(
                shown.by_person(material.new.astype(np.float64)), shown.by_person(np.ones(material.n_items))
            ),
        }
        return found | {name: influence.mean(values) for name, values in self.answers.items()}

    def forget(self, name: str) -> None:
        """Say nothing of one of the answers: it is known of too few."""
        self.answers[name] = np.full(self.people, np.nan)
        self.figures[name] = influence.mean(self.answers[name])

    def told(self) -> dict[str, Any]:
        day = date(1970, 1, 1) + timedelta(days=self.day)
        bare = {name: number(self.figures[name].value) for name in (GINI, COVERAGE, NEW)}
        quality = {name: _interval(self.figures[name], self.looked.asked.level) for name in self.answers}
        counts = {"week": day.isoformat(), "lists": len(self.lists), "people": self.people}
        return counts | bare | {"quality": quality, "gaps": self._gaps()}

    def _gaps(self) -> dict[str, dict[str, float | None]]:
        """By grouping and group, the mean of the first answer of the group less that of everyone else in the week."""
        values = next(iter(self.answers.values()), None)
        if values is None:
            return {}
        places = [at for at, grouping in enumerate(self.looked.groupings) if grouping.kind != CROSSED]
        known = ~np.isnan(values)
        found = {self.looked.groupings[at].name: self._gaps_of(at, values[known], self.who[known]) for at in places}
        return {name: gaps for name, gaps in found.items() if gaps}

    def _gaps_of(self, place: int, values: Values, who: Int) -> dict[str, float | None]:
        """Nothing where a group that is shown, or all that are not together, are too few in this week: the others'
        figures would give theirs away."""
        grouping, shown = self.looked.groupings[place], self.looked.compared.shown[place]
        codes = np.where(grouping.codes >= 0, np.r_[np.where(shown, np.arange(len(shown)), -1), -1][grouping.codes], -1)
        means, counts = group_means(values, codes[who], len(grouping.names))
        aside, least = len(values) - counts.sum(), self.looked.asked.least
        if (counts[shown] < least).any() or 0 < aside < least or not shown.any():
            return {}
        total, others = np.nansum(values), len(values) - counts
        rests = np.divide(total - means * counts, others, out=np.full(len(counts), np.nan), where=others >= least)
        return {grouping.names[at]: number(means[at] - rests[at]) for at in np.flatnonzero(shown)}


def once(shown: Shown) -> Shown:
    """Each item of a person once, however often it was shown."""
    _, first = np.unique(shown.rows * shown.n_items + shown.items, return_index=True)
    return replace(shown, rows=shown.rows[first], items=shown.items[first], weights=shown.weights[first])


def _interval(figure: Moving, level: float) -> dict[str, float | None]:
    far = stats.norm.ppf((1 + level) / 2) * figure.error
    return {"mean": number(figure.value), "low": number(figure.value - far), "high": number(figure.value + far)}


def trend(weeks: list[Week], name: str, level: float) -> dict[str, Any]:
    """Least-squares slope of a figure over the weeks it is known of, Σ (t − t̄) y / Σ (t − t̄)², and its interval, the
    wider of two: of people drawn again with all their weeks, so that whoever comes back is not taken for somebody new,
    and of how far the weeks lie from the line."""
    known = [week for week in weeks if np.isfinite(week.figures[name].value)]
    if len(known) < 3:
        return {"figure": name, "per_week": None, "low": None, "high": None}
    times = np.array([week.day / 7 for week in known])
    slopes = (times - times.mean()) / ((times - times.mean()) ** 2).sum()
    value = sum(slope * week.figures[name].value for slope, week in zip(slopes, known, strict=True))
    moved = np.zeros(known[0].looked.material.n_people)
    for slope, week in zip(slopes, known, strict=True):
        moved[week.who] += slope * week.figures[name].influence / week.people
    errors = float(np.sqrt((moved**2).sum())), _scatter(times, [week.figures[name].value for week in known])
    far = stats.t.ppf((1 + level) / 2, len(known) - 2) * errors[1], stats.norm.ppf((1 + level) / 2) * errors[0]
    return {
        "figure": name,
        "per_week": number(value),
        "low": number(value - max(far)),
        "high": number(value + max(far)),
    }


def _scatter(times: Values, values: list[float]) -> float:
    """The slope's standard error by how far weeks lie from the line: they may move together for other reasons than who
    came, a release say, which drawing people again does not see."""
    return float(stats.linregress(times, values).stderr)
