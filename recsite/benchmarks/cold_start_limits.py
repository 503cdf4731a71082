"""What the bars of ten percent would need: the hybrid floor given more than the protocol gives.

No contender: of new people more of their own ratings are given, and of new items their true mean rating, which only the
ratings that are asked about tell, is let through by a share. What is asked stays the same in every row of a scenario.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Histories
from recommender.evaluation.cold_start.floors import LinearFloor
from recommender.evaluation.cold_start.protocols import Case, Partition, joined, shuffled, ten_percent, top_five
from recommender.metalearning.bias import shrunk

GIVEN = (1, 3, 10, 30, 100)
ASKED = 29
"""Ratings that ten percent asks of whoever has 32 or more."""
SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)
SHRINKAGE = 1.0

Values = NDArray[np.float64]


def rows(whole: Partition, floor: LinearFloor) -> list[dict[str, Any]]:
    """`floor`: the hybrid, learned from the training part."""
    found = [*by_ratings(whole, floor)]
    for scenario in ("new items", "both"):
        found += by_item_knowledge(whole, floor, scenario)
    return found


def by_ratings(whole: Partition, floor: LinearFloor) -> Iterator[dict[str, Any]]:
    """P@5 and NDCG@5 of new people with ASKED + max(GIVEN) ratings at least, by how many of their own are given."""
    own = whole.asked["new people"]
    people = np.flatnonzero(own.lengths >= ASKED + max(GIVEN))
    own = own.select(people)
    turn = shuffled(own, np.random.default_rng(0))
    query, known = own.keep(turn < ASKED), whole.train.histories.select(people)
    for count in GIVEN:
        case = Case(people, own.keep((turn >= ASKED) & (turn < ASKED + count)), query, known)
        yield {"limit": "ratings given", "scenario": "new people", "given": count} | figures(floor, case)


def by_item_knowledge(whole: Partition, floor: LinearFloor, scenario: str) -> Iterator[dict[str, Any]]:
    """The same by the share of what is expected of new items that is replaced by their true mean, and the correlation
    of the expectation with that mean, each item weighing by its ratings."""
    everyone = joined(whole.asked["new items"], whole.asked["both"])
    means, counts = true_means(floor, everyone, whole.train.n_items)
    new, case = counts > 0, ten_percent(whole, scenario, np.random.default_rng([0, 1]))
    for share in SHARES:
        told = copy(floor)
        told.items = np.where(new, floor.items + share * (means - floor.items), floor.items)
        related = correlation(told.items[new], means[new], counts[new])
        row = {"limit": "known of new items", "scenario": scenario, "share": share, "correlation": round(related, 3)}
        yield row | figures(told, case)


def true_means(floor: LinearFloor, asked: Histories, n_items: int) -> tuple[Values, Values]:
    """(n_items,) Σ (rating − μ − b(u)) / (SHRINKAGE + count) of all ratings of new items, nearly all of them not
    given to anybody, and the counts."""
    left = asked.values - floor.bias.mean - floor.bias.adapt(asked)[asked.rows]
    counts = np.bincount(asked.items, minlength=n_items).astype(np.float64)
    return shrunk(left.astype(np.float64), asked.items, n_items, SHRINKAGE), counts


def correlation(first: Values, second: Values, weight: Values) -> float:
    a, b = (each - np.average(each, weights=weight) for each in (first, second))
    return float((weight * a * b).sum() / np.sqrt((weight * a * a).sum() * (weight * b * b).sum()))


def figures(floor: LinearFloor, case: Case) -> dict[str, Any]:
    precision, gain = top_five(floor(case), case.query)
    means = {name: round(float(np.nanmean(each)), 4) for name, each in (("p@5", precision), ("ndcg@5", gain))}
    return {"people": len(case.people)} | means
