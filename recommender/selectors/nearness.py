"""Items whose texts are near each other, by one query over the index of vectors.

The index holds the vectors of every catalog. A scan that ended after its first `ef_search` neighbours and then dropped
those of other catalogs, or without the wished category, might have none left; pgvector's iterative scan goes on until
enough are found, and where it gives up all vectors of the catalog are compared.
"""

from __future__ import annotations

from django.db import connection, transaction

from recommender.data.dataset import Int
from recommender.models import Item

EF_SEARCH = 100
"""Neighbours looked at in one go: more find the nearest more surely, and take longer."""
MAX_SCAN = 20_000
"""Vectors looked at, at most, before a scan gives up looking for more of this catalog."""
NEAREST = """
    SELECT id, 1 - distance FROM (
        SELECT id, text_vector <=> %(vector)s::vector AS distance
        FROM recommender_item
        WHERE catalog_id = %(catalog)s AND id <> %(item)s AND NOT hidden {only}
        ORDER BY text_vector <=> %(vector)s::vector LIMIT %(count)s
    ) nearest WHERE distance IS NOT NULL ORDER BY id
"""
EXACT = """
    WITH own AS MATERIALIZED (
        SELECT id, text_vector <=> %(vector)s::vector AS distance FROM recommender_item
        WHERE catalog_id = %(catalog)s AND id <> %(item)s AND NOT hidden AND text_vector IS NOT NULL {only}
    )
    SELECT id, 1 - distance FROM (SELECT * FROM own ORDER BY distance, id LIMIT %(count)s) nearest ORDER BY id
"""
"""Every vector of the catalog: for a catalog that is a small part of all, whose items a scan may not have reached."""
ONLY = "AND id = ANY (%(only)s)"
SETTINGS = {
    "hnsw.ef_search": EF_SEARCH,
    "hnsw.iterative_scan": "strict_order",
    "hnsw.max_scan_tuples": MAX_SCAN,
}


def has_vectors(catalog_id: int) -> bool:
    """Whether any item of the catalog has a text vector."""
    return Item.objects.filter(catalog_id=catalog_id, text_vector__isnull=False).exists()


def nearest(catalog_id: int, item_id: int, *, count: int, only: Int | None = None) -> list[tuple[int, float]]:
    """(key, cosine) of the `count` items of the catalog whose texts are nearest, by ascending key; hidden ones not.

    `only`: database keys of the items that may appear. Nothing where the item has no text vector.
    """
    vector = Item.objects.filter(pk=item_id, catalog_id=catalog_id).values_list("text_vector", flat=True).first()
    if vector is None:
        return []
    given = {
        "vector": "[" + ",".join(str(float(number)) for number in vector) + "]",
        "catalog": catalog_id,
        "item": item_id,
        "only": None if only is None else only.tolist(),
        "count": count,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET LOCAL {name} = {value}" for name, value in SETTINGS.items()))
        cursor.execute(NEAREST.format(only="" if only is None else ONLY), given)
        found = cursor.fetchall()
        if len(found) < count:
            cursor.execute(EXACT.format(only="" if only is None else ONLY), given)
            found = cursor.fetchall()
    return found
