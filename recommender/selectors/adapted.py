"""Stored adapted states, and who is new or has changed since theirs was made."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import connection

from recommender.models import EndUser

STATE = "SELECT payload FROM recommender_adaptedstate WHERE run_id = %s AND user_id = %s AND mark = %s"
KEPT = """
    SELECT count(*), coalesce(sum(length(payload)), 0), max(made) FROM recommender_adaptedstate WHERE run_id = %s
"""
MARKED = """
    SELECT person.id, person.xmin::text || '.' || met.count || '.' || met.sum, met.newest, met.count,
        state.mark IS NOT DISTINCT FROM (%(label)s::text || person.xmin::text || '.' || met.count || '.' || met.sum)
    FROM recommender_enduser person
    LEFT JOIN LATERAL (
        SELECT count(*), coalesce(sum(id), 0)::text AS sum, max(id) AS newest
        FROM recommender_interaction WHERE user_id = person.id
    ) met ON true
    LEFT JOIN recommender_adaptedstate state ON state.run_id = %(run)s AND state.user_id = person.id
    WHERE person.catalog_id = %(catalog)s AND person.id > %(after)s AND person.id <= %(high)s
    ORDER BY person.id LIMIT %(most)s
"""
"""The mark is that of selectors.hot: of a person's own row, and of count and sum of the keys of what they did."""


class Marked(NamedTuple):
    """`mark` as selectors.hot makes it; `newest` key of an event; `current`: whether what is stored saw just this."""

    key: int
    mark: str
    newest: int | None
    events: int
    current: bool


def payload(run_id: int, user_id: int, mark: str) -> bytes | None:
    """What is stored of a person under exactly this mark."""
    with connection.cursor() as cursor:
        cursor.execute(STATE, [run_id, user_id, mark])
        row = cursor.fetchone()
    return None if row is None else bytes(row[0])


def marked(catalog_id: int, run_id: int, *, label: str, after: int, high: int, most: int) -> list[Marked]:
    """The next `most` people with a key above `after`, up to `high`."""
    given = {"catalog": catalog_id, "run": run_id, "label": label, "after": after, "high": high, "most": most}
    with connection.cursor() as cursor:
        cursor.execute(MARKED, given)
        return [Marked(*row) for row in cursor.fetchall()]


def count(catalog_id: int, *, low: int, high: int) -> int:
    """How many people have a key from `low` to `high`."""
    return EndUser.objects.filter(catalog_id=catalog_id, id__gte=low, id__lte=high).count()


def kept(run_id: int) -> dict[str, Any]:
    """How many people a run is adapted to, in how many bytes, and when one of them was last."""
    with connection.cursor() as cursor:
        cursor.execute(KEPT, [run_id])
        people, size, made = cursor.fetchone()
    return {"people": people, "size": int(size), "made": made}
