"""What was shown: pushed to a list in Redis with each answer, written to the database in batches by a task."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import DataError, connection, transaction

from recommender.services import memory

logger = logging.getLogger(__name__)
LIST = "recsite:impressions"
BATCH = 1000
LOCK = 0x1E57_0001  # an advisory lock of PostgreSQL: one drain at a time, released when its connection ends

INSERT = """
    INSERT INTO recommender_impression
        (id, catalog_id, user_id, run_id, items, scores, propensities, "offset", context, time)
    SELECT given.id, given.catalog, given.person, run.id,
        ARRAY(SELECT jsonb_array_elements_text(given.items)::bigint),
        ARRAY(SELECT jsonb_array_elements_text(given.scores)::float8),
        array_fill(1.0::float8, ARRAY[jsonb_array_length(given.items)]),
        given.start, given.context, to_timestamp(given.time)
    FROM jsonb_to_recordset(%s::jsonb) AS given
        (id uuid, catalog bigint, person bigint, run bigint, items jsonb, scores jsonb, start int, context jsonb,
         time float8)
    JOIN recommender_catalog catalog ON catalog.id = given.catalog
    LEFT JOIN recommender_enduser person ON person.id = given.person AND person.catalog_id = given.catalog
    LEFT JOIN recommender_run run ON run.id = given.run
    WHERE given.person IS NULL OR person.id IS NOT NULL
    ON CONFLICT (id) DO NOTHING
"""
"""A list is chosen without chance, so every propensity is 1. Someone erased meanwhile leaves no impression."""


def note(recommendation_id: UUID, about: Mapping[str, Any]) -> None:
    """Keep what is shown (see `described`), in one round trip. While Redis is away the answer goes out and this is
    lost."""
    row = {"id": str(recommendation_id), "time": time.time(), **about}
    memory.asking(lambda redis: redis.rpush(LIST, json.dumps(row)), None)


def described(
    *,
    catalog_id: int,
    user_id: int | None,
    run_id: int | None,
    items: list[int],
    scores: list[float],
    offset: int,
    context: dict[str, str],
) -> dict[str, Any]:
    """An impression without its id and time: what does not change when the same list is shown again."""
    return {
        "catalog": catalog_id,
        "person": user_id,
        "run": run_id,
        "items": items,
        "scores": scores,
        "start": offset,
        "context": context,
    }


def drain(*, most: int = 1_000_000) -> int:
    """Write what waits to the database; returns how many were taken from the list.

    Rows leave the list only after they are committed, and their ids are unique: killed in between, the next drain
    writes nothing twice and nothing is lost.
    """
    taken = 0
    with _alone() as alone:
        while alone and taken < most:
            rows: list[Any] = memory.client().lrange(LIST, 0, BATCH - 1)  # type: ignore[assignment]
            if not rows:
                break
            _write_all(rows)
            memory.client().ltrim(LIST, len(rows), -1)
            taken += len(rows)
    return taken


def waiting() -> int | None:
    """How many wait to be written; None while Redis is away."""
    return memory.asking(lambda client: int(client.llen(LIST)), None)  # type: ignore[arg-type]


def _write_all(rows: list[bytes]) -> None:
    """Together; where the database refuses a value, one by one without the row at fault: it must not stop the rest."""
    try:
        _write(rows)
    except DataError:
        for row in rows:
            try:
                _write([row])
            except DataError as error:
                logger.error("An impression cannot be written and is dropped: %s", error)


def _write(rows: list[bytes]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(INSERT, [f"[{','.join(row.decode(errors='replace') for row in rows)}]"])


@contextmanager
def _alone() -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        (got,) = cursor.fetchone()
        try:
            yield got
        finally:
            if got:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
