"""What tells how alike items, or people, are."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db import connection

from recommender.data.dataset import Float
from recommender.models import Item
from recommender.models.items import TEXT_VECTOR_SIZE as TEXT_VECTOR_SIZE

PEOPLE_OF_AN_ITEM = 300
HISTORY, CANDIDATES, PEOPLE_MET = 500, 300, 2000
LATEST = """
    SELECT id, (extract(epoch FROM coalesce(
        released::timestamp AT TIME ZONE 'UTC',
        CASE WHEN year BETWEEN 1 AND 9999 THEN make_date(year, 1, 1)::timestamp AT TIME ZONE 'UTC' END,
        (SELECT min(time) FROM recommender_interaction met WHERE met.item_id = item.id),
        created
    )) / 86400)::float4
    FROM recommender_item item WHERE catalog_id = %(catalog)s ORDER BY id LIMIT %(most)s
"""
PEOPLE_ALIKE = """
    WITH mine AS MATERIALIZED (
        SELECT item_id FROM (
            SELECT item_id, max(time) AS time FROM recommender_interaction WHERE user_id = %(user)s GROUP BY item_id
        ) met ORDER BY time DESC LIMIT %(history)s
    ), shared AS MATERIALIZED (
        SELECT other.user_id, count(DISTINCT other.item_id) AS common FROM mine CROSS JOIN LATERAL (
            SELECT user_id, item_id FROM recommender_interaction WHERE item_id = mine.item_id LIMIT %(people)s
        ) other
        WHERE other.user_id <> %(user)s GROUP BY other.user_id ORDER BY common DESC, other.user_id LIMIT %(candidates)s
    )
    SELECT shared.user_id, (shared.common / sqrt((SELECT count(*) FROM mine) * (
        SELECT count(DISTINCT item_id) FROM recommender_interaction WHERE user_id = shared.user_id
    )::float8))::float4
    FROM shared ORDER BY 1
"""


def described(catalog_id: int, keys: list[int]) -> dict[int, tuple[Any, list[str]]]:
    """Text vector (None where there is none) and categories of those of `keys` that there are."""
    rows = Item.objects.filter(catalog_id=catalog_id, id__in=keys).values_list("id", "text_vector", "categories")
    return {key: (vector, categories) for key, vector, categories in rows}


def met_by_people(keys: list[int]) -> Float:
    """(n, m) 1 where one of m people met one of the n items `keys`; of each item some 300 people are looked at."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.place, met.user_id FROM unnest(%s::bigint[]) WITH ORDINALITY wanted (id, place), LATERAL ("
            "SELECT user_id FROM recommender_interaction WHERE item_id = wanted.id LIMIT %s) met",
            [keys, PEOPLE_OF_AN_ITEM],
        )
        rows = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    people, at = np.unique(rows[:, 1], return_inverse=True)
    found = np.zeros((len(keys), len(people)), dtype=np.float32)
    found[rows[:, 0] - 1, at] = 1.0
    return found


def latest(catalog_id: int, most: int) -> list[tuple[int, float]]:
    """When each item came out, in days since 1970, by ascending key: its release, else its year, else when someone
    first met it, else when it came into the catalog."""
    return _rows(LATEST, catalog=catalog_id, most=most)


def people_alike(user_id: int) -> list[tuple[int, float]]:
    """Cosine of the sets of items met by a person and by others, by ascending key: |A ∩ B| / √(|A| |B|).

    Of the person the latest 500 items count, of each of these at most 2,000 meetings; only the 300 others with most in
    common are given.
    """
    given = {"history": HISTORY, "people": PEOPLE_MET, "candidates": CANDIDATES}
    return [(key, min(1.0, value)) for key, value in _rows(PEOPLE_ALIKE, user=user_id, **given)]


def _rows(query: str, **given: int) -> list[tuple[int, float]]:
    with connection.cursor() as cursor:
        cursor.execute(query, given)
        return cursor.fetchall()
