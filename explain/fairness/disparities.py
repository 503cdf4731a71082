"""Every disparity that a remedy is drawn against, of the lists of one strength: its value, who moves it, which way is
worse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from explain.fairness import influence
from explain.fairness.base import Classes, Grouping
from explain.fairness.consumer import group_means
from explain.fairness.influence import Moving, Shown
from recommender.data.dataset import Float, Histories, Int
from recommender.evaluation import beyond_accuracy as measure

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
GINI, COVERAGE, LIFT, CALIBRATION, CLASSES = "gini", "coverage", "lift", "calibration", "classes"
SHARE = "share"
GAP, RANGE = "gap", "range"
AIMED = {GINI: "exposure", COVERAGE: "exposure", CLASSES: "exposure", LIFT: "popularity", CALIBRATION: "calibration",
         GAP: "people", RANGE: "people"}  # fmt: skip
"""By figure, what a remedy that is meant to lower it says it aims at."""
EVEN = {LIFT: 0.0, CLASSES: 1.0, GAP: 0.0}
"""By figure that can be uneven either way, its value where it is even."""


@dataclass(frozen=True)
class Scale:
    """How a figure is read: `worse` of a value is how bad it is (less is better) and the slope of that; `onto` and
    `back` a scale on which its interval is symmetric, `slope` the derivative of `onto`."""

    worse: Callable[[float], tuple[float, float]]
    onto: Callable[[float], float]
    back: Callable[[float], float]
    slope: Callable[[float], float]


def _itself(value: float) -> float:
    return value


def _one(value: float) -> float:
    return 1.0


def _odds(value: float) -> float:
    return float(np.log(value / (1 - value)))


PLAIN = (_itself, _itself, _one)
ODDS = (_odds, lambda odds: float(1 / (1 + np.exp(-odds))), lambda value: 1 / (value * (1 - value)))
LOG = (lambda value: float(np.log(value)), lambda log: float(np.exp(log)), lambda value: 1 / value)

SCALES: dict[str, Scale] = {
    GINI: Scale(lambda value: (value, 1.0), *ODDS),
    SHARE: Scale(lambda value: (value, 1.0), *ODDS),
    COVERAGE: Scale(lambda value: (-value, -1.0), *ODDS),
    LIFT: Scale(lambda value: (abs(value), float(np.sign(value))), *PLAIN),
    CALIBRATION: Scale(lambda value: (value, 1.0), *LOG),
    CLASSES: Scale(lambda value: (abs(float(np.log(value))), float(np.sign(value - 1)) / value), *LOG),
    GAP: Scale(lambda value: (abs(value), float(np.sign(value))), *PLAIN),
}


@dataclass(frozen=True)
class People:
    """Whom lists are for: `histories` and `targets` a row per person; `shares`, `offered` (n_items,) as in Material;
    `classes` what items are classed by, `tastes` whether the lists' distance to tastes is looked at by them."""

    histories: Histories
    targets: Histories
    shares: Values
    offered: Mask
    classes: Classes
    groupings: tuple[Grouping, ...] = ()

    @property
    def n_items(self) -> int:
        return len(self.shares)


class Measured:
    """Figures of lists for the same people, by strength after strength; what does not change is worked out once."""

    def __init__(self, people: People, least: int) -> None:
        self.people, self.least = people, least
        met = people.histories
        summed = np.bincount(met.rows, weights=people.shares[met.items], minlength=len(met))
        self.profiles = np.divide(summed, met.lengths, out=np.full(len(met), np.nan), where=met.lengths > 0)
        self.tastes = measure.tastes(met.rows, met.items, len(met), people.classes.members)
        self.wanted = _wanted(people)
        self.worst: int | None = None

    def of(self, lists: Int) -> dict[str, Moving]:
        """By name of the figure. The class that the first lists gave the least exposure for its relevance is the one
        that is followed."""
        people, shown = self.people, Shown.of(lists, self.people.n_items)
        found = {
            GINI: influence.exposure_gini(lists, people.offered),
            COVERAGE: influence.coverage(shown, people.offered),
            LIFT: influence.popularity_lift(lists, self.profiles, people.shares),
            CALIBRATION: influence.distance_to_tastes(lists, self.tastes, people.classes.members),
        }
        if (worst := self._worst(shown)) is not None:
            found[CLASSES] = self._of_class(shown, worst)
        return found

    def _worst(self, shown: Shown) -> int | None:
        if self.worst is None:
            able = np.flatnonzero((self.wanted[0] > 0).sum(axis=0) >= self.least)
            ratios = {int(at): self._of_class(shown, int(at)).value for at in able}
            known = {at: value for at, value in ratios.items() if np.isfinite(value)}
            self.worst = min(known, key=lambda at: known[at]) if len(known) > 1 else None
        return self.worst

    def _of_class(self, shown: Shown, at: int) -> Moving:
        wanted, every = self.wanted
        both = np.stack([wanted[:, at], every - wanted[:, at]], axis=1)
        return influence.disparate_exposure(shown, both, self.people.classes.members[:, at].astype(np.float64))

    def shares_of_classes(self, lists: Int) -> Values:
        """(n_classes,) share of all exposure that items of each class get; classes overlap, so they may sum to more."""
        exposure = Shown.of(lists, self.people.n_items).exposure()
        return np.asarray(exposure @ self.people.classes.members / max(exposure.sum(), 1e-300))


def _wanted(people: People) -> tuple[Values, Values]:
    """(n_people, n_classes) held-out items of each class, and (n_people,) of all."""
    members: Float = people.classes.members
    targets = people.targets
    found = np.zeros((len(targets), members.shape[1]))
    np.add.at(found, targets.rows, members[targets.items])
    return found, targets.lengths.astype(np.float64)


def worst_group(quality: Values, grouping: Grouping, shown: Mask, among: Mask) -> int | None:
    """The group that is shown whose mean lies furthest below everyone else's; None where there are no two."""
    if shown.sum() < 2:
        return None
    means, counts = group_means(quality, grouping.codes, len(grouping.names))
    inside = quality[among]
    rests = (inside.sum() - means * counts) / np.maximum(len(inside) - counts, 1)
    return int(np.argmin(np.where(shown, means - rests, np.inf)))


def chosen_of(grouping: Grouping, shown: Mask, among: Mask) -> int:
    """Of how many groups the worst is chosen. It was unlucky as well, so that lists that differ by chance alone bring
    it nearer to everyone else: with 20 groups, 13 intervals of 100 of the change then leave 0 out on that side.
    Intervals of all groups' changes that hold together hold of the one that was chosen, however that was. Of two groups
    that are each other's rest the gap is one."""
    mirrored = shown.sum() == 2 and bool(np.append(shown, False)[grouping.codes[among]].all())
    return 1 if mirrored else max(1, int(shown.sum()))


def interval(name: str, figure: Moving, reach: float) -> tuple[float, float]:
    """Value ∓ `reach` standard errors on the scale on which the figure is symmetric; nan at the ends of that scale."""
    scale = SCALES[name.partition(":")[0]]
    with np.errstate(all="ignore"):
        try:
            centre, error = scale.onto(figure.value), figure.error * abs(scale.slope(figure.value))
        except ZeroDivisionError:
            return float("nan"), float("nan")
    if not np.isfinite(centre):
        return float("nan"), float("nan")
    return scale.back(centre - reach * error), scale.back(centre + reach * error)


def badness(name: str, figure: Moving) -> Moving:
    """How bad the figure is, of which less is better."""
    if not np.isfinite(figure.value):
        return figure
    return figure.scaled(*SCALES[name.partition(":")[0]].worse(figure.value))


def range_interval(means: Values, errors: Values, *, seed: int = 0, draws: int = 4000) -> tuple[float, float, float]:
    """max − min of the means (n_groups,) of disjoint groups and an interval of 95% at least: from intervals of all
    pairs that hold together (Tukey 1953), not from percentiles of the range, which leave 0 out where there is no
    difference."""
    first, second = np.triu_indices(len(means), k=1)
    if not len(first):
        return (float("nan"),) * 3
    apart, of_pairs = np.abs(means[first] - means[second]), np.hypot(errors[first], errors[second])
    drawn = np.random.default_rng(seed).normal(size=(draws, len(means))) * errors
    moved = np.abs(drawn[:, first] - drawn[:, second]) / np.maximum(of_pairs, 1e-300)
    reach = float(np.quantile(moved.max(axis=1), 0.95))
    low, high = apart - reach * of_pairs, apart + reach * of_pairs
    return float(apart.max()), float(max(0.0, low.max())), float(high.max())


def finite(figures: Mapping[str, Moving]) -> list[str]:
    return [name for name, figure in figures.items() if np.isfinite(figure.value)]
