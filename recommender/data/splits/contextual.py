"""Held out with the context they came in: who will meet what, asked in that situation; and situations that are new."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import CONTEXT, Dataset, Histories, Holdout
from recommender.data.preparation import sort_by_time
from recommender.data.preparation.histories import pairs
from recommender.data.splits.base import Mask, Split
from recommender.exceptions import NotTrainable

TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1
"""Shares of a person's items that are asked about; at least one each, never all."""


def in_context(dataset: Dataset, *, seed: int = 0) -> Split:
    """Of everyone who met at least two items a fifth of them, drawn at random, is the test, each asked once, in one of
    the contexts in which the person met it (drawn); all that the person did with such an item leaves the history.

    Validation is drawn in the same way from what is left. A row of a holdout is one question, so a person has several;
    figures are means over a person's. Repeated interactions stay: each may have its own context. People who met one
    item stay in training only.
    """
    histories = sort_by_time(dataset.histories)
    rng = np.random.default_rng(seed)
    is_test = drawn(histories, TEST_SHARE, rng)
    before_test = histories.keep(~is_test)
    is_validation = drawn(before_test, VALIDATION_SHARE, rng)
    train = before_test.keep(~is_validation)
    return Split(
        train=dataset.with_histories(train),
        validation=asked(train, before_test.keep(is_validation), rng),
        test=asked(before_test, histories.keep(is_test), rng),
        before_test=dataset.with_histories(before_test),
        full=dataset.with_histories(histories),
    )


@dataclass(frozen=True)
class NewContexts:
    """`split`: training knows nothing of some values of a piece of context; the test asks there, of half the people.

    `others`: what the other half did there; `values`: the values.
    """

    split: Split
    others: Histories
    values: tuple[str, ...]


def new_contexts(dataset: Dataset, name: str, *, share: float = 0.3, seed: int = 0) -> NewContexts:
    """A `share` of the values of the context `name` that at least two people have (drawn) is new: everyone who ever
    did anything there is absent from training.

    Half of these people (of each value, drawn) are asked as in `in_context`, with what they did as their history; what
    the others did there is kept apart, as the support of the context. Raises NotTrainable where no value can be drawn.
    """
    histories, rng = sort_by_time(dataset.histories), np.random.default_rng(seed)
    if name not in histories.contexts:
        raise NotTrainable(f"No interaction has the context {name}.")
    words, codes = np.unique(histories.contexts[name].astype(str), return_inverse=True)
    met = np.unique(np.column_stack([codes, histories.rows]), axis=0)
    can = np.flatnonzero(np.bincount(met[:, 0], minlength=len(words)) >= 2)
    new = rng.permutation(can)[: max(1, round(share * len(can)))]
    if not len(can):
        raise NotTrainable(f"Every value of {name} is one person's.")
    chosen = np.zeros(len(histories), dtype=np.bool_)
    for value in new:
        people = rng.permutation(met[met[:, 0] == value, 1])
        chosen[people[: len(people) // 2]] = True
    there = np.isin(codes, new)
    absent = np.zeros(len(histories), dtype=np.bool_)
    absent[histories.rows[there]] = True
    known = dataset.with_histories(histories.keep(~absent[histories.rows]))
    inner = in_context(known, seed=seed)
    others = histories.keep(there & ~chosen[histories.rows])
    return NewContexts(
        replace(inner, test=_asked_there(histories, chosen, there, rng), before_test=known, full=dataset),
        others,
        tuple(words[new].tolist()),
    )


def _asked_there(histories: Histories, chosen: Mask, there: Mask, rng: np.random.Generator) -> Holdout:
    own = histories.keep(chosen[histories.rows])
    at = np.flatnonzero(chosen[histories.rows])
    is_test = drawn(own, TEST_SHARE, rng)
    return asked(own.keep(~is_test), own.keep(is_test & there[at]), rng)


def drawn(histories: Histories, share: float, rng: np.random.Generator) -> Mask:
    """(nnz,) all interactions with a `share` of each person's items, drawn at random: at least one of two or more,
    never all."""
    keys, codes = np.unique(pairs(histories), return_inverse=True)
    whose = np.zeros(len(keys), dtype=np.int64)
    whose[codes] = histories.rows
    counts = np.bincount(whose, minlength=len(histories))
    wanted = np.where(counts > 1, np.clip(np.round(share * counts), 1, counts - 1), 0)
    order = np.lexsort((rng.random(len(keys)), whose))
    turn = np.empty(len(keys), dtype=np.int64)
    turn[order] = np.arange(len(keys)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray((turn < wanted[whose])[codes], dtype=np.bool_)


def asked(known: Histories, held_out: Histories, rng: np.random.Generator) -> Holdout:
    """A question for each person and item of `held_out`: one of its interactions, drawn, with its context."""
    order = rng.permutation(len(held_out.items))
    _, first = np.unique(pairs(held_out)[order], return_index=True)
    at = np.sort(order[first])
    people = held_out.rows[at]
    moment: dict[str, NDArray[np.generic]] = {CONTEXT + name: each[at] for name, each in held_out.contexts.items()}
    targets = replace(held_out.take(at), indptr=np.arange(len(at) + 1, dtype=np.int64), fields={})
    histories = known.select(people)
    return Holdout(people, replace(histories, fields={**histories.fields, **moment}), targets)


def shots_of(support: Histories, name: str, shots: int, rng: np.random.Generator) -> Histories:
    """Of each value of the context `name` one interaction of each of up to `shots` pairs of person and item."""
    words = np.unique(support.contexts[name].astype(str), return_inverse=True)[1]
    order = rng.permutation(len(words))
    once = np.unique(np.column_stack([words, pairs(support)])[order], axis=0, return_index=True)[1]
    at = order[np.sort(once)]
    place = np.lexsort((np.arange(len(at)), words[at]))
    counts = np.bincount(words[at])
    turn = np.empty(len(at), dtype=np.int64)
    turn[place] = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
    keep = np.zeros(len(words), dtype=np.bool_)
    keep[at[turn < shots]] = True
    return support.keep(keep)
