"""Recommendations for someone of whom nothing is stored, from what they did and what is said of them. Nothing of it is
kept: neither the events nor the list."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from recommender.data.support import Checked, Given, checked
from recommender.exceptions import BadCheckpoint, Conflict
from recommender.selectors import hot
from recommender.selectors import serving as select
from recommender.selectors.attributes import unheard_of
from recommender.services import loaded
from recommender.services.deploying import Served
from recommender.services.serving import Answer, Question, answered, run_of


def recommend_for(question: Question, given: Sequence[Given]) -> tuple[Answer, Checked]:
    """The answer, and what was used of what was given."""
    keys = select.keys_of_items(question.catalog_id, [each.item for each in given])
    nobody = hot.nobody(question.catalog_id)
    served = _served(question, nobody)
    unseen, unread = unheard_of(question.catalog_id, question.attributes.items())
    found = checked(
        given,
        known=keys,
        scale=getattr(served.model, "scale", None) if served else None,
        unseen=tuple(sorted(name for name, _ in unseen)),
        unread=tuple(sorted(unread)),
    )
    if served is not None:
        found = replace(found, too_new=_too_new(served, found, keys))
    past = hot.History(
        items=np.array([keys[each.item] for each in found.taken], dtype=np.int64),
        values=hot.as_values([1.0 if each.value is None else each.value for each in found.taken]),
        times=np.array([each.time for each in found.taken], dtype=np.float64),
        kinds=[each.kind for each in found.taken],
    )
    known = {name: value for name, value in question.attributes.items() if name not in unread}
    return answered(replace(question, attributes=known), nobody._replace(id=None, past=past)), found


def _served(question: Question, nobody: hot.Person) -> Served | None:
    """The recommender that will answer; None where there is none, or it cannot be loaded (which the answer says)."""
    run_id = run_of(question, nobody)
    with suppress(BadCheckpoint, Conflict):
        return None if run_id is None else loaded.get(run_id)
    return None


def _too_new(served: Served, found: Checked, keys: dict[str, int]) -> tuple[str, ...]:
    """Items of the catalog that the recommender cannot place: they came after its training."""
    names = sorted({each.item for each in found.taken})
    at = served.items.positions(np.array([keys[name] for name in names], dtype=np.int64))
    return tuple(name for name, place in zip(names, at.tolist(), strict=True) if place < 0)
