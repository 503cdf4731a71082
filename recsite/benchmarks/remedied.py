"""What a remedy costs and brings on lists at hand: figures of one strength, paired with those without the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from explain.fairness.base import Grouping
from explain.fairness.resampling import weights
from recommender.data.dataset import Dataset, Histories, Holdout, Int
from recommender.evaluation import beyond_accuracy
from recommender.reranking import classes
from recommender.reranking.base import NONE, places

Values = NDArray[np.float64]
RESAMPLES, GINIS, LEAST, K = 1000, 300, 20, 10
"""Resamples of people, of these for Gini coefficients, people that a group needs, places of a list."""


@dataclass(frozen=True)
class Ground:
    """What every point is measured on; `drawn` (resamples, n) how often each person is drawn, the same for all."""

    dataset: Dataset
    test: Holdout
    groupings: tuple[Grouping, ...]
    members: NDArray[np.float32]
    tail: NDArray[np.bool_]
    shares: Values
    tastes: Values
    drawn: NDArray[np.float32]

    @property
    def relevance(self) -> Values:
        """(n_items,) how often each was held out."""
        return np.bincount(self.test.targets.items, minlength=self.dataset.n_items).astype(np.float64)


@dataclass(frozen=True)
class Figures:
    """`by_person` name → (n,) values; `exposure` (n, n_items) sparse: how much each person saw of each item."""

    lists: Int
    by_person: dict[str, Values]
    exposure: sparse.csr_matrix


def ground(dataset: Dataset, test: Holdout, groupings: tuple[Grouping, ...]) -> Ground:
    met = test.histories
    shares = beyond_accuracy.shares_of_people(met.items, dataset.n_items, len(met))
    members = beyond_accuracy.memberships(beyond_accuracy.columns_of(dataset.item_fields, "categories"))
    members = np.ones((dataset.n_items, 1), dtype=np.float32) if members is None else members
    tastes = beyond_accuracy.tastes(met.rows, met.items, len(met), members)
    drawn = np.concatenate(list(weights(len(met), resamples=RESAMPLES)))
    return Ground(dataset, test, groupings, members, classes.tail(shares), shares, tastes, drawn)


def figures(on: Ground, lists: Int) -> Figures:
    """Of lists (n, ≥ K): NDCG@10, popularity lift and miscalibration of each person, and exposure."""
    lists = lists[:, :K]
    met, there = on.test.histories, lists != NONE
    seen = np.broadcast_to(places(K)[: lists.shape[1]], lists.shape)
    shape = (len(lists), on.dataset.n_items)
    exposure = sparse.csr_matrix((seen[there], (np.nonzero(there)[0], lists[there])), shape=shape)
    profile = _mean(on.shares[met.items], met)
    shown = beyond_accuracy.mean_of_first(beyond_accuracy.popularity(lists, on.shares), K)
    by_person = {
        "ndcg@10": _ndcg(lists, on.test.targets),
        "lift": np.divide(shown - profile, profile, out=np.full(len(lists), np.nan), where=profile > 0),
        "miscalibration": beyond_accuracy.miscalibration(lists, on.tastes, on.members, K),
    }
    return Figures(lists, by_person, exposure)


def point(on: Ground, found: Figures, before: Figures) -> dict[str, Any]:
    """A row: each figure, and its change against `before` on the same people, with 95% intervals."""
    row: dict[str, Any] = {}
    for name in found.by_person:
        row |= _paired(on, name, found.by_person[name], before.by_person[name])
    loss = 1 - found.by_person["ndcg@10"].mean() / before.by_person["ndcg@10"].mean()
    row["loss of ndcg@10"] = round(float(loss), 5)
    ginis, were = (_ginis(on, each) for each in (found, before))
    row |= {"gini": ginis[0], **_interval("gini", ginis[1:]), "gini change": ginis[0] - were[0]}
    row |= _interval("gini change", ginis[1:] - were[1:])
    row["gini fall"] = 1 - ginis[0] / were[0] if were[0] else 0.0
    total = np.asarray(found.exposure.sum(axis=0)).reshape(-1)
    row["coverage"] = float((total > 0).mean())
    row["tail against head"] = disparate(total, on.relevance, on.tail)
    row["worst groups"] = [worst(on, each, found, before) for each in on.groupings]
    return {name: round(float(value), 5) if isinstance(value, float) else value for name, value in row.items()}


def disparate(exposure: Values, relevance: Values, tail: NDArray[np.bool_]) -> float:
    """(E_tail / R_tail) / (E_head / R_head): disparate exposure, 1 = as much for what it is worth."""
    above, below = exposure[tail].sum() * relevance[~tail].sum(), exposure[~tail].sum() * relevance[tail].sum()
    return float(above / below) if below else float("nan")


def worst(on: Ground, grouping: Grouping, found: Figures, before: Figures) -> dict[str, Any]:
    """The group furthest behind the rest without the remedy, its gap before and after, and the paired change."""
    old, new = before.by_person["ndcg@10"], found.by_person["ndcg@10"]
    sizes = np.bincount(grouping.codes[grouping.codes != NONE], minlength=len(grouping.names))
    able = np.flatnonzero((sizes >= LEAST) & (sizes <= len(old) - LEAST))
    if not len(able):
        return {"grouping": grouping.name}
    inside = np.stack([grouping.codes == code for code in able])
    at = int(np.argmin([_gap(old, mask) for mask in inside]))
    moved = _gaps(on, new, inside[at]) - _gaps(on, old, inside[at])
    before_gap, after_gap = _gap(old, inside[at]), _gap(new, inside[at])
    row = {"grouping": grouping.name, "group": grouping.names[able[at]], "before": round(before_gap, 5),
           "after": round(after_gap, 5), "change": round(after_gap - before_gap, 5)}  # fmt: skip
    return row | _interval("change", moved)


def _gap(values: Values, mask: NDArray[np.bool_]) -> float:
    return float(values[mask].mean() - values[~mask].mean())


def _gaps(on: Ground, values: Values, mask: NDArray[np.bool_]) -> Values:
    inside, outside = (on.drawn @ np.stack([values * part, part], axis=1) for part in (mask, ~mask))
    return cast(Values, inside[:, 0] / inside[:, 1] - outside[:, 0] / outside[:, 1])


def _paired(on: Ground, name: str, values: Values, before: Values) -> dict[str, Any]:
    known = ~(np.isnan(values) | np.isnan(before))
    both = np.stack([np.where(known, each, 0.0) for each in (values, values - before)], axis=1)
    means = (on.drawn @ both) / np.maximum(on.drawn @ known.astype(np.float64), 1)[:, None]
    value, change = (float(both[known, at].mean()) if known.any() else float("nan") for at in (0, 1))
    found = {name: value, **_interval(name, means[:, 0]), f"{name} change": change}
    return found | _interval(f"{name} change", means[:, 1])


def _ginis(on: Ground, found: Figures) -> Values:
    """(1 + GINIS,) of everyone, then of resamples."""
    drawn = np.vstack([np.ones((1, on.drawn.shape[1]), dtype=np.float32), on.drawn[:GINIS]])
    exposure = (found.exposure.T @ drawn.T.astype(np.float64)).T
    return np.array([beyond_accuracy.gini(row) for row in exposure])


def _interval(name: str, drawn: Values) -> dict[str, float]:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {f"{name} low": round(float(low), 5), f"{name} high": round(float(high), 5)}


def _mean(values: Values, met: Histories) -> Values:
    summed = np.bincount(met.rows, weights=values, minlength=len(met))
    return np.divide(summed, met.lengths, out=np.full(len(met), np.nan), where=met.lengths > 0)


def _ndcg(lists: Int, targets: Histories) -> Values:
    """(n,) NDCG@10, of one or more held-out items each."""
    gains = np.zeros(len(lists))
    for place, weight in enumerate(places(lists.shape[1])):
        hit = lists[targets.rows, place] == targets.items
        gains += np.bincount(targets.rows, weights=hit * weight, minlength=len(lists))
    ideal = np.concatenate([[0.0], np.cumsum(places(K))])[np.minimum(targets.lengths, K)]
    return np.divide(gains, ideal, out=np.zeros_like(gains), where=ideal > 0)
