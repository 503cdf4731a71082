"""Events: what people did, as their client tells it. Taken once each, however often they are sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from recommender.data import event_keys
from recommender.models import Catalog, Interaction
from recommender.services import popular

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

CREATE = """
    INSERT INTO {table} (catalog_id, client_id, attributes)
    SELECT %(catalog)s, given, '{{}}' FROM unnest(%(ids)s::text[]) given
    WHERE NOT EXISTS (SELECT FROM {table} known WHERE known.catalog_id = %(catalog)s AND known.client_id = given)
    ORDER BY given ON CONFLICT (catalog_id, client_id) DO NOTHING
"""
"""In one order for all, so that two calls cannot deadlock; known ids use up no database key. Asked for only where one
is missing."""
FIND = """
    SELECT client_id, id FROM {table} WHERE catalog_id = %(catalog)s AND client_id = ANY(%(ids)s)
    ORDER BY id FOR KEY SHARE
"""
INSERT = """
    INSERT INTO recommender_interaction
        (catalog_id, user_id, item_id, kind, value, context, time, event_key, recommendation_id)
    SELECT %s, given.* FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::float8[], %s::jsonb[], %s::timestamptz[],
        %s::uuid[], %s::uuid[]) AS given
    ON CONFLICT (catalog_id, event_key) DO NOTHING
"""
PEOPLE, ITEMS = "recommender_enduser", "recommender_item"


@dataclass(frozen=True)
class Event:
    """`user` and `item` are the client's ids. `event_id` is the client's own name for the event."""

    user: str
    item: str
    kind: str
    value: float | None
    time: datetime
    context: dict[str, Any] | None = None
    event_id: str | None = None
    recommendation_id: UUID | None = None


class Rejected(NamedTuple):
    index: int
    field: str
    message: str


class Taken(NamedTuple):
    accepted: int
    duplicate: int
    rejected: list[Rejected]


def record(*, catalog: Catalog, events: Sequence[tuple[int, Event]], creates_unknown: bool = True) -> Taken:
    """Write events, each with its index in the call; unknown people and items are made bare unless forbidden.

    One transaction. `duplicate` counts those that were there already, or twice in the call.
    """
    wanted = {event.user for _, event in events}, {event.item for _, event in events}
    with transaction.atomic():
        people, items = _found(catalog, *wanted, create=creates_unknown)
        known = [event for _, event in events if event.user in people and event.item in items]
        accepted = _insert(catalog, known, people, items)
    if accepted:
        popular.changed(catalog_id=catalog.pk)
    rejected = [
        _unknown(at, event, people) for at, event in events if not (event.user in people and event.item in items)
    ]
    return Taken(accepted, len(known) - accepted, rejected)


def withdraw(*, catalog: Catalog, user: str, item: str, kind: str | None = None) -> int:
    """Take out what a person did with an item (of one kind, or all); returns how many interactions went."""
    found = Interaction.objects.filter(catalog=catalog, user__client_id=user, item__client_id=item)
    gone, _ = (found if kind is None else found.filter(kind=kind)).delete()
    if gone:
        popular.changed(catalog_id=catalog.pk)
    return gone


def _unknown(index: int, event: Event, people: dict[str, int]) -> Rejected:
    field = "item" if event.user in people else "user"
    given = getattr(event, field)
    return Rejected(
        index, field, f"“{given}” is not known, and this key may not create it. Send it to {field}s/ first."
    )


def _found(
    catalog: Catalog, users: set[str], items: set[str], *, create: bool
) -> tuple[dict[str, int], dict[str, int]]:
    """Database keys of people and items, made where they may be; tried again where one was erased meanwhile."""
    found: list[dict[str, int]] = []
    for table, ids in ((ITEMS, items), (PEOPLE, users)):
        keys = _find(table, catalog, ids)
        for _ in range(3 if create else 0):
            if len(keys) == len(ids):
                break
            _create(table, catalog, ids)
            keys = _find(table, catalog, ids)
        found.append(keys)
    return found[1], found[0]


def _create(table: str, catalog: Catalog, ids: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(CREATE.format(table=table), {"catalog": catalog.pk, "ids": sorted(ids)})


def _find(table: str, catalog: Catalog, ids: Iterable[str]) -> dict[str, int]:
    """Client ids → database keys, held against deletion until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(FIND.format(table=table), {"catalog": catalog.pk, "ids": list(ids)})
        return dict(cursor.fetchall())


def _insert(catalog: Catalog, events: Sequence[Event], people: dict[str, int], items: dict[str, int]) -> int:
    if not events:
        return 0
    columns = [
        [people[event.user] for event in events],
        [items[event.item] for event in events],
        [event.kind for event in events],
        [event.value for event in events],
        [None if event.context is None else json.dumps(event.context) for event in events],
        [event.time for event in events],
        _keys(events),
        [event.recommendation_id for event in events],
    ]
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [catalog.pk, *columns])
        return cursor.rowcount


def _keys(events: Sequence[Event]) -> list[UUID]:
    rows = [
        (event.user, event.item, event.kind, event.value, (event.time - EPOCH) // MICROSECOND)
        for event in events
        if event.event_id is None
    ]
    of_rows = iter(event_keys.of_rows(rows))
    return [next(of_rows) if event.event_id is None else event_keys.of_event(event.event_id) for event in events]
