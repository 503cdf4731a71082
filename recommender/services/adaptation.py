"""Adapting recommenders to people: within a request to one, in bulk to all who are new or have changed.

What was adapted is stored under a mark of what it saw (the person's own row, their events, the weights, the items that
came later), so nothing has to be told when an event arrives: a state with another mark is simply not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from django.db import connection, transaction

from recommender.algorithms.adapted import pack, unpack
from recommender.algorithms.base import Adaptable, Adapted
from recommender.data.dataset import Float, Histories
from recommender.exceptions import BadCheckpoint
from recommender.models import AdaptedState, Catalog
from recommender.selectors import adapted as select
from recommender.services.deploying import Served

KEEP = """
    INSERT INTO recommender_adaptedstate (run_id, user_id, last_event, mark, payload, made)
    SELECT %(run)s, person.id, given.newest, given.mark, given.payload, now()
    FROM unnest(%(users)s::bigint[], %(newest)s::bigint[], %(marks)s::text[], %(payloads)s::bytea[])
        AS given(key, newest, mark, payload)
    JOIN recommender_enduser person ON person.id = given.key
    JOIN recommender_run run ON run.id = %(run)s
    ORDER BY person.id
    FOR KEY SHARE OF person, run
    ON CONFLICT (run_id, user_id) DO UPDATE
        SET last_event = EXCLUDED.last_event, mark = EXCLUDED.mark, payload = EXCLUDED.payload, made = EXCLUDED.made
"""
"""Who is being erased, and a run that is being deleted, are waited for; once they are gone nothing is kept of them."""


class Fresh(NamedTuple):
    """One person's new state: database key, key of the newest event it saw, mark, bytes."""

    user_id: int
    newest: int | None
    mark: str
    payload: bytes


def adapts(served: Served, events: int) -> bool:
    """Whether a recommender adapts to someone who did so many things; a blend leaves those it knows well to the
    recommender that reads histories (`adapts_up_to`)."""
    most = getattr(served.model, "adapts_up_to", None)
    return isinstance(served.model, Adaptable) and (most is None or events <= most)


def label_of(served: Served) -> str:
    """Begins the marks of states made by these weights with these items."""
    given = f"{served.path}\n{served.later}\n{served.trained}"
    return blake2b(given.encode(), digest_size=8).hexdigest() + ":"


def scored(
    served: Served, histories: Histories, *, user_id: int | None, mark: str, newest: int | None, lasting: bool
) -> Float:
    """(n_items,) scores for one person, adapted to synchronously where the recommender adapts.

    `mark`: see selectors.hot; `lasting`: whether the state may be stored and reused (not where it depends on the
    moment of asking, or where nobody is stored).
    """
    if not adapts(served, len(histories.items)):
        return _writable(served.model.score(histories))
    adapted = adapted_to(served, histories, user_id=user_id, mark=mark, newest=newest, lasting=lasting)
    return _writable(served.model.score(histories, adapted=adapted))


def adapted_to(
    served: Served, histories: Histories, *, user_id: int | None, mark: str, newest: int | None, lasting: bool
) -> Adapted:
    """What is stored of the person where it saw just this; else adapted now, and stored."""
    assert isinstance(served.model, Adaptable)
    if user_id is None or not lasting:
        return served.model.adapt(histories)
    full = label_of(served) + mark
    if (found := _stored(served.run_id, user_id, full)) is not None:
        return found
    adapted = served.model.adapt(histories)
    keep(run_id=served.run_id, states=[Fresh(user_id, newest, full, pack(adapted))], at_once=False)
    return adapted


def keep(*, run_id: int, states: Sequence[Fresh], at_once: bool = True) -> None:
    """Store states; of people and runs that are gone nothing is kept. `at_once` False lets the answer go before the
    disk has it: what a crash loses is adapted anew."""
    if not states:
        return
    given = {
        "run": run_id,
        "users": [each.user_id for each in states],
        "newest": [each.newest for each in states],
        "marks": [each.mark for each in states],
        "payloads": [each.payload for each in states],
    }
    own = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if own and not at_once:
            cursor.execute("SET LOCAL synchronous_commit TO off")
        cursor.execute(KEEP, given)


def forget(*, catalog: Catalog) -> None:
    """Drop all states of a catalog: what they saw was taken back, perhaps."""
    AdaptedState.objects.filter(run__catalog=catalog).delete()


def _stored(run_id: int, user_id: int, mark: str) -> Adapted | None:
    payload = select.payload(run_id, user_id, mark)
    if payload is None:
        return None
    try:
        return unpack(payload)
    except BadCheckpoint:  # of an earlier version, or damaged: adapted anew
        return None


def _writable(scores: Float) -> Float:
    found: Any = scores[0].astype(np.float32, copy=True)
    return found
