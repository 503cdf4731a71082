"""MeLU-4 and ten percent: new people, new items, and both, each person asked with their own ratings only.

Training holds warm people × warm items. An episode of a new item belongs to a person the training knows, whose history
may be used; of a new person nothing but the given ratings is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Dataset, Histories, Int

SCENARIOS = ("new people", "new items", "both")
FEWEST, MOST, ASKED = 13, 100, 10
"""MeLU-4: people with so many ratings in the scenario, and how many of them are to be predicted."""
LEAST, SAMPLED, SHARE, FEW = 10, 32, 0.1, (1, 3)
"""Ten percent: fewest ratings of a person, most that are sampled, the share given and its bounds."""
TOP = 5

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Partition:
    """`train`: warm people × warm items, a row for each of all people (empty for new ones); `asked`: by scenario, a
    row for each of all people (empty for those who are not in it)."""

    train: Dataset
    asked: Mapping[str, Histories]


@dataclass(frozen=True)
class Case:
    """Episodes of one scenario, a row each: `people` (n,) positions, the ratings `given`, those to predict (`query`),
    and what training `known`s of the person (empty for new people)."""

    people: Int
    given: Histories
    query: Histories
    known: Histories

    @property
    def support(self) -> Histories:
        """All that may be used of each person: history and given ratings."""
        return joined(self.known, self.given)


def melu4(partition: Partition, scenario: str, rng: np.random.Generator) -> Case:
    """People with 13 to 100 ratings in the scenario: 10 of them drawn at random are to be predicted, the rest given."""
    asked = partition.asked[scenario]
    people = np.flatnonzero((asked.lengths >= FEWEST) & (asked.lengths <= MOST))
    own = asked.select(people)
    turn = shuffled(own, rng)
    return _case(partition, people, own, turn < ASKED, turn >= ASKED)


def ten_percent(partition: Partition, scenario: str, rng: np.random.Generator) -> Case:
    """People with at least 10 ratings in the scenario: of at most 32, drawn, a tenth is given (1 to 3)."""
    asked = partition.asked[scenario]
    people = np.flatnonzero(asked.lengths >= LEAST)
    own = asked.select(people)
    turn, sampled = shuffled(own, rng), np.minimum(own.lengths, SAMPLED)
    few = np.clip(np.floor(SHARE * sampled).astype(np.int64), *FEW)[own.rows]
    return _case(partition, people, own, (turn >= few) & (turn < sampled[own.rows]), turn < few)


PROTOCOLS = {"melu-4": melu4, "ten percent": ten_percent}


def _case(
    partition: Partition, people: Int, own: Histories, query: NDArray[np.bool_], given: NDArray[np.bool_]
) -> Case:
    return Case(people, own.keep(given), own.keep(query), partition.train.histories.select(people))


def shuffled(own: Histories, rng: np.random.Generator) -> Int:
    """(nnz,) a random place of each interaction among its person's."""
    order = np.lexsort((rng.random(len(own.items)), own.rows))
    turn = np.empty(len(order), dtype=np.int64)
    turn[order] = np.arange(len(order)) - np.repeat(own.indptr[:-1], own.lengths)
    return turn


def joined(first: Histories, second: Histories) -> Histories:
    """Each person's interactions of both, those of `first` first."""
    rows = np.concatenate([first.rows, second.rows])
    order = np.argsort(rows, kind="stable")
    indptr = first.indptr + second.indptr
    taken = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])[order]
        for name in ("items", "values", "times", "kinds")
    }
    return replace(
        first, indptr=indptr, items=taken["items"], values=taken["values"], times=taken["times"], kinds=taken["kinds"]
    )


def within(partition: Partition, *, people: Int, items: Int) -> Partition:
    """The same division once more inside the training part: `people` and `items` (positions) are new. What settings
    are chosen by."""
    whole = partition.train.histories
    new_person = np.isin(whole.rows, people)
    new_item = np.isin(whole.items, items)
    train = partition.train.with_histories(whole.keep(~new_person & ~new_item))
    masks = (new_person & ~new_item, ~new_person & new_item, new_person & new_item)
    return Partition(train, {name: whole.keep(mask) for name, mask in zip(SCENARIOS, masks, strict=True)})


def absolute_errors(found: Values, query: Histories) -> Values:
    """(n_people,) mean |predicted − given| of each person; nan for whoever is asked nothing."""
    sums = np.bincount(query.rows, weights=np.abs(found - query.values), minlength=len(query))
    return cast(Values, np.divide(sums, query.lengths, out=np.full(len(query), np.nan), where=query.lengths > 0))


def top_five(found: Values, query: Histories) -> tuple[Values, Values]:
    """(n_people,) P@5 and NDCG@5 of each person's query, ranked by `found` (nnz,), ties by chance: in order of time
    they would tell, as what is rated first tends to be rated well.

    P@5 = |multiset of the ratings of the predicted five ∩ multiset of the five best ratings| / 5. NDCG@5 = DCG / the
    greatest possible, DCG = Σ rating / log₂(1 + rank).
    """
    precision, gain = np.full(len(query), np.nan), np.full(len(query), np.nan)
    discount, chance = 1 / np.log2(np.arange(2, TOP + 2)), np.random.default_rng(0).random(len(found))
    for row in np.flatnonzero(query.lengths >= TOP):
        at = slice(query.indptr[row], query.indptr[row + 1])
        values = query.values[at].astype(np.float64)
        chosen = values[np.lexsort((chance[at], -found[at]))[:TOP]]
        best = np.sort(values)[::-1][:TOP]
        both = [min((chosen == level).sum(), (best == level).sum()) for level in np.unique(chosen)]
        precision[row] = sum(both) / TOP
        gain[row] = (chosen * discount).sum() / (best * discount).sum()
    return precision, gain


def exponential_gain(found: Values, query: Histories) -> Values:
    """(n_people,) NDCG@5 with the gain 2^rating − 1, which weighs the best far more; otherwise as `top_five`."""
    raised = replace(query, values=(2.0**query.values - 1).astype(np.float32))
    return top_five(found, raised)[1]
