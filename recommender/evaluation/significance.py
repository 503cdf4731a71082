"""How far a figure can be trusted: intervals over people and paired tests between runs. People are resampled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = NDArray[np.float64]
RESAMPLES = 2000
PERMUTATIONS = 10_000
CELLS = 4_000_000
"""Cells of a block of weights (people × resamples); bounds memory."""


@dataclass(frozen=True)
class Interval:
    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Comparison:
    """`difference` = mean of a − mean of b over the `people` that both runs know, its interval, and the p value."""

    people: int
    difference: float
    low: float
    high: float
    p: float


def bootstrap_sums(values: Values, *, resamples: int = RESAMPLES, seed: int = 0) -> Values:
    """(resamples, n_metrics) sums of `values` (n_people, n_metrics) under multinomial weights over people."""
    rng = np.random.default_rng(seed)
    people = len(values)
    sums = np.empty((resamples, values.shape[1]))
    block = max(1, CELLS // max(1, people))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = rng.integers(people, size=(size, people)) + np.arange(size)[:, None] * people
        weights = np.bincount(drawn.reshape(-1), minlength=size * people).reshape(size, people)
        sums[start : start + size] = weights.astype(np.float64) @ values
    return sums


def bootstrap_means(values: Values, *, resamples: int = RESAMPLES, seed: int = 0) -> Values:
    """(resamples, n_metrics) means under multinomial weights over people.

    A person of whom a metric is not known (nan) takes no part in that metric's means.
    """
    known = ~np.isnan(values)
    if known.all():
        return bootstrap_sums(values, resamples=resamples, seed=seed) / max(1, len(values))
    both = np.concatenate([np.where(known, values, 0.0), known], axis=1)
    sums = bootstrap_sums(both, resamples=resamples, seed=seed)
    above, below = sums[:, : values.shape[1]], sums[:, values.shape[1] :]
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def ratio_intervals(above: Values, below: Values, *, level: float = 0.95) -> tuple[Values, Values, Values] | None:
    """Σ above / Σ below per column of `above` (n_people, n), with its interval, people resampled; None if Σ below = 0.

    With fewer than two people low and high are nan.
    """
    total = below.sum()
    if not total:
        return None
    value = above.sum(axis=0) / total
    if len(below) < 2:
        return value, np.full_like(value, np.nan), np.full_like(value, np.nan)
    sums = bootstrap_sums(np.concatenate([above, below[:, None]], axis=1))
    drawn = sums[:, :-1][sums[:, -1] > 0] / sums[sums[:, -1] > 0, -1:]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return value, low, high


def intervals(per_user: pd.DataFrame, *, level: float = 0.95, resamples: int = RESAMPLES) -> dict[str, Interval]:
    """Mean and bootstrap interval of each metric column of a table with a row a person (see metric_columns).

    Every metric is resampled with the same people; a person of whom it is not known (nan) takes no part in it. With
    fewer than two people low and high are nan.
    """
    names = metric_columns(per_user)
    values = per_user[names].to_numpy(dtype=np.float64)
    counts = (~np.isnan(values)).sum(axis=0)
    centre = np.divide(np.nansum(values, axis=0), counts, out=np.full(len(names), np.nan), where=counts > 0)
    low, high = np.full((2, len(names)), np.nan)
    several = counts >= 2
    if several.any():
        means = bootstrap_means(values[:, several], resamples=resamples)
        low[several], high[several] = np.nanquantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return {name: Interval(float(centre[at]), float(low[at]), float(high[at])) for at, name in enumerate(names)}


def metric_columns(per_user: pd.DataFrame) -> list[str]:
    """Names of metrics in a table of people: all but the key and what is only known beside them (`of_…`)."""
    return [str(name) for name in per_user.columns if name != "user" and not str(name).startswith("of_")]


def compare(a: pd.DataFrame, b: pd.DataFrame, metric: str, *, seed: int = 0) -> Comparison:
    """Paired comparison of two runs on the people they share (column `user`).

    The interval is a bootstrap over people of the mean difference; p is two-sided from random sign flips of each
    person's difference, (1 + as extreme) / (1 + flips), so never 0. With no shared people all but `people` are nan.
    """
    both = a[["user", metric]].merge(b[["user", metric]], on="user", suffixes=("_a", "_b"))
    differences = (both[f"{metric}_a"] - both[f"{metric}_b"]).dropna().to_numpy(dtype=np.float64)
    if not len(differences):
        return Comparison(0, np.nan, np.nan, np.nan, np.nan)
    low, high = np.quantile(bootstrap_means(differences[:, None], seed=seed)[:, 0], [0.025, 0.975])
    p = sign_flip_p(differences, seed=seed)
    return Comparison(len(differences), float(differences.mean()), float(low), float(high), p)


def sign_flip_p(differences: Values, *, permutations: int = PERMUTATIONS, seed: int = 0) -> float:
    """Two-sided p that the mean of paired `differences` is 0, if the two sides were exchangeable."""
    moved = differences[differences != 0]  # people on whom both agree say nothing and would only cost time
    if not len(moved):
        return 1.0
    rng = np.random.default_rng(seed)
    observed = abs(moved.sum())
    extreme = 0
    block = max(1, CELLS // len(moved))
    for start in range(0, permutations, block):
        size = min(block, permutations - start)
        signs = rng.integers(2, size=(size, len(moved)), dtype=np.int8) * 2 - 1
        extreme += int(np.count_nonzero(np.abs(signs @ moved) >= observed - 1e-12))
    return (1 + extreme) / (1 + permutations)


def compare_all(runs: Mapping[str, pd.DataFrame], metric: str) -> pd.DataFrame:
    """Every pair of `runs`: columns a, b, people, difference, low, high, p and p_holm (adjusted over the pairs)."""
    names = list(runs)
    rows = [
        {"a": first, "b": second, **vars(compare(runs[first], runs[second], metric))}
        for at, first in enumerate(names)
        for second in names[at + 1 :]
    ]
    table = pd.DataFrame(rows, columns=["a", "b", "people", "difference", "low", "high", "p"])
    table["p_holm"] = holm(table["p"].to_numpy(dtype=np.float64))
    return table


def holm(p: Values) -> Values:
    """Holm's step-down adjustment: with p sorted ascending, p̃₍ᵢ₎ = max_{j≤i} min(1, (m − j + 1) p₍ⱼ₎)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(np.minimum(1.0, p[order] * np.arange(len(p), 0, -1)))
    adjusted = np.empty(len(p))
    adjusted[order] = stepped
    return adjusted
