"""One division of a catalog for every number of shots: each person is given the first so many of one random order and
always asked the same rest, so that figures of 0 and of 20 shots differ by what is given alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from recommender.algorithms.base import Recommender, mask_seen, top_k
from recommender.data.dataset import Dataset, Histories, Int
from recommender.data.splits.base import chosen
from recommender.evaluation.cold_start.protocols import SCENARIOS, Case, Partition, Values, joined, shuffled, within

SHARE, LEAST_ASKED, K = 0.2, 10, 10
"""Of items that are new; fewest interactions asked of a person; length of the lists."""


@dataclass(frozen=True)
class Asked:
    """One scenario: `cases` by shots, whose people and queries are the same; `apart` (n rows) what training knows and
    what may be given, none of which is ever ranked; `candidates` the items that are."""

    cases: Mapping[int, Case]
    apart: Histories
    candidates: Int


def divided(dataset: Dataset, people: Int, seed: int) -> Partition:
    """`people` and a share of the items that anyone met, drawn by the seed, are new; see `protocols.within`."""
    met = np.unique(dataset.histories.items)
    items = met[chosen(len(met), SHARE, np.random.default_rng([seed, 1]))]
    return within(Partition(dataset, {}), people=people, items=items)


def drawn(given: Partition, shots: Sequence[int], most: int, seed: int) -> dict[str, Asked]:
    """Up to `most` people of each scenario with at least the largest number of shots and LEAST_ASKED interactions.
    Ranked are the items that the scenario is about: known ones, or new ones."""
    people, items, both = (given.asked[name].items for name in SCENARIOS)
    known, unknown = np.union1d(given.train.histories.items, people), np.union1d(items, both)
    ranked = dict(zip(SCENARIOS, (known, unknown, unknown), strict=True))
    return {name: _scenario(given, name, ranked[name], shots, most, [seed, at]) for at, name in enumerate(SCENARIOS)}


def _scenario(
    given: Partition, scenario: str, candidates: Int, shots: Sequence[int], most: int, seed: list[int]
) -> Asked:
    rng, whole, largest = np.random.default_rng(seed), given.asked[scenario], max(shots)
    people = np.sort(rng.permutation(np.flatnonzero(whole.lengths >= largest + LEAST_ASKED))[:most])
    own, known = whole.select(people), given.train.histories.select(people)
    turn = shuffled(own, rng)
    query = own.keep(turn >= largest)
    cases = {each: Case(people, own.keep(turn < each), query, known) for each in shots}
    return Asked(cases, joined(known, own.keep(turn < largest)), candidates)


def gains(model: Recommender, asked: Asked, shots: int) -> Values:
    """(n_people,) NDCG@10 of what each person is asked; every interaction counts as taken. Equal scores stand in an
    order drawn by chance for each person, since an item's place in a catalog tells its age."""
    case, items = asked.cases[shots], asked.candidates
    column = np.full(int(items.max()) + 1, -1, dtype=np.int64)
    column[items] = np.arange(len(items))
    scores = np.array(model.score(case.support, items=items), dtype=np.float32)
    apart, query = asked.apart.keep(np.isin(asked.apart.items, items)), case.query
    scores = mask_seen(scores, replace(apart, items=column[apart.items]))
    took = np.zeros(scores.shape, dtype=np.bool_)
    took[query.rows, column[query.items]] = True
    order = np.random.default_rng(0).permuted(np.tile(np.arange(len(items)), (len(scores), 1)), axis=1)
    lists, _ = top_k(np.take_along_axis(scores, order, axis=1), K)
    hits = np.take_along_axis(np.take_along_axis(took, order, axis=1), np.maximum(lists, 0), axis=1) & (lists >= 0)
    discount = 1 / np.log2(np.arange(2, K + 2))
    best = np.cumsum(discount)[np.minimum(query.lengths, K) - 1]
    return cast(Values, (hits * discount[: lists.shape[1]]).sum(axis=1) / best)
