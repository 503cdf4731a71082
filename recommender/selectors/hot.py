"""The two reads behind a recommendation, each one statement that the server has prepared.

They go by psycopg itself: Django would bind the values into the text, so that PostgreSQL plans it anew each time, and
ask whether the connection still lives before every request. Here a connection that is gone shows itself, and the
statement, which only reads, is sent once more over a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import psycopg
from django.db import connection

from recommender.data.dataset import Int


class History(NamedTuple):
    """What one person did, oldest first. `items` are database keys."""

    items: Int
    values: np.ndarray[Any, Any]
    times: np.ndarray[Any, Any]
    kinds: list[str]


class Person(NamedTuple):
    """`id`: database key, None where nobody has this id; `run_id`: the deployed run, None where there is none;
    `version`: of the catalog's items; `mark`: tells any two states of the person and their history apart; `newest`:
    key of the event that came last."""

    id: int | None
    run_id: int | None
    past: History
    version: int
    mark: str
    newest: int | None = None


class Standing(NamedTuple):
    """What an answer to a key depends on, without the history itself: see Person. `last_used` in seconds since 1970."""

    key_id: int
    digest: str
    catalog_id: int
    last_used: float | None
    run_id: int | None
    version: int
    person_id: int | None
    mark: str


CATALOG = """
    (SELECT run_id FROM recommender_deployment WHERE catalog_id = {catalog} ORDER BY id DESC LIMIT 1),
    (SELECT coalesce(sum(version), 0)::bigint FROM recommender_catalogueversion WHERE catalog_id = {catalog})
"""
STANDING = f"""
    SELECT key.id, key.digest, key.catalog_id, extract(epoch FROM key.last_used)::float8,
        {CATALOG.format(catalog="key.catalog_id")}, person.id, person.xmin::text, met.count, met.sum
    FROM recommender_apikey key
    LEFT JOIN recommender_enduser person
        ON person.catalog_id = key.catalog_id AND person.client_id = %(client_id)s::text
    LEFT JOIN LATERAL (
        SELECT count(*), coalesce(sum(id), 0)::text AS sum FROM recommender_interaction WHERE user_id = person.id
    ) met ON true
    WHERE key.prefix = %(prefix)s::text AND key.revoked IS NULL
"""
"""Keys of interactions are never used twice, so count and sum of a person's tell two histories apart."""
PERSON = f"""
    SELECT person.id, person.xmin::text, {CATALOG.format(catalog="%(catalog)s::bigint")}, met.*
    FROM (VALUES (1)) always
    LEFT JOIN recommender_enduser person
        ON person.catalog_id = %(catalog)s::bigint AND person.client_id = %(client_id)s::text
    LEFT JOIN LATERAL (
        SELECT string_agg(int8send(id), ''), string_agg(int8send(item_id), ''),
            string_agg(float8send(coalesce(value, 1)), ''),
            string_agg(float8send(extract(epoch FROM time)::float8), ''), array_agg(kind::text)
        FROM (SELECT id, item_id, value, time, kind FROM recommender_interaction WHERE user_id = person.id
              ORDER BY time, id) ordered
    ) met ON true
"""
"""By the index (user, time, id); equal times keep their order of arrival. One row, with a column as bytes each."""


def standing(prefix: str, client_id: str) -> Standing | None:
    """What the key that begins with `prefix` would be answered about a person; None where there is no living key.

    Whoever calls must still compare the digest of the whole key.
    """
    row = _row(STANDING, {"prefix": prefix, "client_id": client_id})
    if row is None:
        return None
    *known, xmin, count, total = row
    return Standing(*known, _mark(xmin, count, total))


def person(catalog_id: int, client_id: str) -> Person:
    """Who asks, what they did and which run serves."""
    row = _row(PERSON, {"catalog": catalog_id, "client_id": client_id})
    assert row is not None  # there is always one
    key, xmin, run_id, version, ids, items, values, times, kinds = row
    keys = np.frombuffer(ids or b"", dtype=">i8")
    past = History(
        items=np.frombuffer(items or b"", dtype=">i8").astype(np.int64),
        values=as_values(np.frombuffer(values or b"", dtype=">f8")),
        times=np.frombuffer(times or b"", dtype=">f8").astype(np.float64),
        kinds=kinds or [],
    )
    newest = int(keys.max()) if len(keys) else None
    return Person(key, run_id, past, version, _mark(xmin, len(keys), int(keys.sum())), newest)


def as_values(given: Any) -> np.ndarray[Any, Any]:
    """(n,) float32; what only fits a float64 becomes the largest there is."""
    most = np.finfo(np.float32).max
    return np.clip(np.asarray(given, dtype=np.float64), -most, most).astype(np.float32)


def nobody(catalog_id: int) -> Person:
    """Someone of whom nothing is known."""
    return person(catalog_id, "")


def _mark(xmin: str | None, count: int, total: str | int) -> str:
    """`xmin` changes with every change of the person's own row."""
    return f"{xmin}.{count}.{total}"


def _row(query: str, given: Mapping[str, Any]) -> tuple[Any, ...] | None:
    if connection.queries_logged:
        with connection.cursor() as cursor:
            cursor.execute(query, given)
            return cursor.fetchone()
    with connection.wrap_database_errors:
        try:
            return _prepared(query, given)
        except psycopg.OperationalError:
            if connection.in_atomic_block or not (connection.connection is None or connection.connection.closed):
                raise
            connection.close()
            return _prepared(query, given)


def _prepared(query: str, given: Mapping[str, Any]) -> tuple[Any, ...] | None:
    if connection.connection is None:
        connection.ensure_connection()
    raw = connection.connection
    raw.prepare_threshold = 1  # for this statement only: Django's own are texts that seldom come twice
    try:
        with psycopg.Cursor(raw) as cursor:
            cursor.execute(query, given, prepare=True, binary=True)
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row
    finally:
        raw.prepare_threshold = None
