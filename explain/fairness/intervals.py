"""Intervals of the mean of a small group that hold although most people have a zero and the rest lie far apart.

Percentile intervals, and t intervals as well, are too narrow there and lie too low: of 20 people with an NDCG@10 of
.09, 88 of 100 t intervals hold the mean. The variance of such a metric grows with its mean, so that it must be taken at
each mean that is asked about, as Wilson (1927) does for a share: μ is in the interval where

    (q̄ − μ)² ≤ t² φ V(μ) / n.

V comes from everyone's figures, tilted to the mean μ: p_θ(q) ∝ exp(θ q), μ = E_θ q, V(μ) = E_θ q² − μ². φ is how much
more a group's own figures vary than that, φ = ((n − 1) s² / V(q̄) + PSEUDO) / (n − 1 + PSEUDO), and s² / n is what
resampling people found. Of the distance between two groups: MOVER (Zou and Donner 2008), which for shares and Wilson's
intervals is Newcombe's tenth method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Values = NDArray[np.float64]
PSEUDO, PSEUDO_PAIRED = 2.0, 5.0
"""People as many as whom the spread of everyone's figures counts in a group's own: of figures, and of changes of them,
most of which are 0 so that a small group's own spread says less. By simulation: with these, intervals of groups of 20
people and more hold 93 to 97 of 100."""
POINTS, STEEPEST, ATOMS = 200, 60.0, 256
HALVINGS = 32
GAP = 0.03
"""The gap of which it is told how often it would be found."""


@dataclass(frozen=True)
class Shape:
    """How a metric varies at each mean: `means` (POINTS,) ascending and `variances` (POINTS,)."""

    means: Values
    variances: Values


def shape(values: Values) -> Shape:
    """Of the figures of everyone, nan left out. Where all are the same there is one mean and no variance."""
    known = np.sort(values[~np.isnan(values)])
    if not len(known) or known[0] == known[-1]:
        at = known[0] if len(known) else np.nan
        return Shape(np.array([at, at]), np.zeros(2))
    atoms, counts = _atoms(known)
    standard = (atoms - known.mean()) / known.std()
    tilts = np.sinh(np.linspace(-6, 6, POINTS)) / np.sinh(6) * STEEPEST
    logs = tilts[:, None] * standard + np.log(counts)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    means = weights @ atoms
    variances = np.maximum((weights * (atoms - means[:, None]) ** 2).sum(axis=1), 0)
    return Shape(np.r_[known[0], means, known[-1]], np.r_[0.0, variances, 0.0])


def _atoms(known: Values) -> tuple[Values, Values]:
    """Values and their numbers; of many different ones means of neighbours, but the least and the greatest as such."""
    atoms, counts = np.unique(known, return_counts=True)
    if len(atoms) <= ATOMS:
        return atoms, counts.astype(np.float64)
    parts = [known[:1], *np.array_split(known[1:-1], ATOMS - 2), known[-1:]]
    return np.array([part.mean() for part in parts]), np.array([float(len(part)) for part in parts])


@dataclass(frozen=True)
class Means:
    """Means of c groups with what resampling found: `mean`, `variance` (of the mean), `people`, each (c,); `pseudo` of
    the module."""

    mean: Values
    variance: Values
    people: Values
    pseudo: float = PSEUDO

    @property
    def freedom(self) -> Values:
        return np.maximum(self.people - 1, 0) + self.pseudo

    def excess(self, of: Shape) -> Values:
        """φ of the module: own variance over that of everyone's figures at the same mean."""
        there = np.interp(self.mean, of.means, of.variances)
        own = np.divide(self.variance * self.people, there, out=np.ones_like(there), where=there > 0)
        return (np.maximum(self.people - 1, 0) * own + self.pseudo) / self.freedom

    def standard_error(self, of: Shape, at: Values | None = None) -> Values:
        """Of each mean as it is, or were it `at`."""
        spread = self.excess(of) * np.interp(self.mean if at is None else at, of.means, of.variances)
        return np.asarray(np.sqrt(spread / np.maximum(self.people, 1)))


def mean_interval(groups: Means, of: Shape, level: float | Values = 0.95) -> tuple[Values, Values]:
    """Low and high of each mean; `level` may differ between groups."""
    t = stats.t.ppf((1 + np.asarray(level)) / 2, groups.freedom)
    reach = t * np.sqrt(groups.excess(of) / np.maximum(groups.people, 1))
    half = reach[:, None] * np.sqrt(of.variances)
    low = _crossing(of.means + half - groups.mean[:, None], of.means)
    high = -_crossing((groups.mean[:, None] - of.means + half)[:, ::-1], -of.means[::-1])
    return np.minimum(low, groups.mean), np.maximum(high, groups.mean)


def _crossing(heights: Values, at: Values) -> Values:
    """(c,) where each row of `heights` (c, points) over `at`, negative at first, first comes to 0."""
    right = np.maximum((heights >= 0).argmax(axis=1), 1)
    rows = np.arange(len(heights))
    before, after = heights[rows, right - 1], heights[rows, right]
    step = after - before
    part = np.clip(np.divide(-before, step, out=np.zeros_like(step), where=step > 0), 0, 1)
    return np.asarray(at[right - 1] + part * (at[right] - at[right - 1]))


def difference_interval(
    groups: Means, rests: Means, of: Shape, level: float | Values = 0.95
) -> tuple[Values, Values, Values]:
    """mean of each group − mean of its rest, and low and high of that."""
    low, high = mean_interval(groups, of, level)
    rest_low, rest_high = mean_interval(rests, of, level)
    apart = groups.mean - rests.mean
    return (
        apart,
        apart - np.hypot(groups.mean - low, rest_high - rests.mean),
        apart + np.hypot(high - groups.mean, rests.mean - rest_low),
    )


def p_of_difference(groups: Means, rests: Means, of: Shape) -> Values:
    """Two-sided p of no difference: 1 − the level at which the interval of the difference comes to 0, so that p < .05
    and a 95% interval without 0 are the same. nan where the figures do not vary."""
    return _inverted(lambda level: difference_interval(groups, rests, of, level)[1:], groups, of)


def p_of_mean(groups: Means, of: Shape) -> Values:
    """Two-sided p that the mean is 0, from the interval of the mean likewise."""
    return _inverted(lambda level: mean_interval(groups, of, level), groups, of)


def _inverted(interval: Callable[[Values], tuple[Values, Values]], groups: Means, of: Shape) -> Values:
    least, most = np.zeros_like(groups.mean), np.full_like(groups.mean, 8.0)
    for _ in range(HALVINGS):
        middle = (least + most) / 2
        low, high = interval(1 - 2 * stats.norm.sf(middle))
        outside = (low > 0) | (high < 0)
        least, most = np.where(outside, middle, least), np.where(outside, most, middle)
    varies = bool((of.variances > 0).any())
    return np.asarray(2 * stats.norm.sf((least + most) / 2)) if varies else np.full_like(groups.mean, np.nan)


def null_error(groups: Means, rests: Means, of: Shape) -> Values:
    """Standard error of the difference if there is none. What could be seen is told from this, not from how far apart
    they happen to be."""
    return np.hypot(groups.standard_error(of, rests.mean), rests.standard_error(of))


def detectable(errors: Values, freedom: Values, *, level: float = 0.95, power: float = 0.8) -> Values:
    """The true gap that would be found with `power` at standard `errors` of the difference: (t + z) · error."""
    return np.asarray((stats.t.ppf((1 + level) / 2, freedom) + stats.norm.ppf(power)) * errors)


def power(
    gap: float, errors: Values, freedom: Values, *, level: float = 0.95, with_gap: Values | None = None
) -> Values:
    """How often a true `gap` would be found: Φ((gap − t e₀) / e₁) + Φ((−gap − t e₀) / e₁), e₀ the standard `errors` of
    the difference without a gap and e₁ those `with_gap`, where these are not the same. 1 where there is no error."""
    reach = stats.t.ppf((1 + level) / 2, freedom) * errors
    errors = errors if with_gap is None else with_gap
    ends = np.array([abs(gap) - reach, -abs(gap) - reach])
    sides = np.divide(ends, errors, out=np.where(ends < 0, -np.inf, np.inf), where=errors > 0)
    return np.asarray(np.minimum(1, stats.norm.cdf(sides).sum(axis=0)))


def power_both_ways(gap: float, groups: Means, rests: Means, of: Shape, *, level: float = 0.95) -> Values:
    """The mean of `power` for groups above and below their rest by `gap`; above alone where below there is nothing."""
    errors, rest = null_error(groups, rests, of), rests.standard_error(of)
    above, below = (
        power(gap, errors, groups.freedom, level=level,
              with_gap=np.hypot(groups.standard_error(of, rests.mean + side * gap), rest))
        for side in (1, -1)
    )  # fmt: skip
    return np.where(rests.mean - gap > of.means[0], (above + below) / 2, above)
