"""Texts of items and the vectors made of them."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from django.db import connection

from recommender.data import text
from recommender.data.dataset import Float, IdMap, Int
from recommender.models import Attribute, Item

VECTOR_HEADER = 4
"""Bytes before the numbers of a vector in PostgreSQL's binary form: how many there are (2), unused (2)."""


class ItemText(NamedTuple):
    """`stored`: version of the text that the item's vector came from, "" where it has none yet."""

    id: int
    text: str
    stored: str


def text_attributes(catalog_id: int) -> list[str]:
    """Names of the items' attributes that are text and may be learned from."""
    declared = Attribute.objects.filter(
        catalog_id=catalog_id,
        scope=Attribute.Scope.ITEM,
        type=Attribute.Type.TEXT,
        feature=True,
        sensitive=False,
    )
    return list(declared.order_by("name").values_list("name", flat=True))


def item_texts(catalog_id: int, *, newest: int | None = None) -> Iterator[ItemText]:
    """Every item's text by ascending key, up to the key `newest`; "" where nothing is said of it."""
    names = text_attributes(catalog_id)
    rows = Item.objects.filter(catalog_id=catalog_id, **({} if newest is None else {"id__lte": newest})).order_by("id")
    columns = (
        "id",
        "text_version",
        "title",
        "categories",
        "creators",
        "description",
        *(["attributes"] if names else []),
    )
    for key, stored, title, categories, creators, description, *more in rows.values_list(*columns).iterator(2000):
        said = {name: more[0].get(name) for name in names} if more else None
        composed = text.compose(
            title=title, categories=categories, creators=creators, description=description, attributes=said
        )
        yield ItemText(key, composed, stored)


def out_of_date(catalog_id: int, *, newest: int | None = None) -> list[ItemText]:
    """Items whose vector is not that of their text; those that say nothing should have none."""
    found = []
    for each in item_texts(catalog_id, newest=newest):
        wanted = text.version_of(each.text) if each.text else ""
        if each.stored != wanted:
            found.append(each)
    return found


def item_vectors(catalog_id: int, items: IdMap) -> Float:
    """(n_items, 384) float32 of length 1; zeros where an item has no vector."""
    vectors = np.zeros((len(items), text.SIZE), dtype=np.float32)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, vector_send(text_vector) FROM recommender_item "
            "WHERE catalog_id = %s AND text_vector IS NOT NULL AND id = ANY(%s)",
            [catalog_id, items.keys.tolist()],
        )
        while rows := cursor.fetchmany(5000):
            at = items.positions(np.array([row[0] for row in rows], dtype=np.int64))
            binary = b"".join(bytes(row[1])[VECTOR_HEADER:] for row in rows)
            vectors[at] = np.frombuffer(binary, dtype=">f4").reshape(len(rows), text.SIZE)
    return vectors


def later_items(catalog_id: int, newest: int) -> tuple[str, Int]:
    """Items with a vector and a key above `newest`: a mark that changes with them or their texts, and their keys."""
    found = Item.objects.filter(catalog_id=catalog_id, id__gt=newest, text_vector__isnull=False).order_by("id")
    rows = list(found.values_list("id", "text_version"))
    mark = blake2b(repr(rows).encode(), digest_size=16).hexdigest()
    return mark, np.array([row[0] for row in rows], dtype=np.int64)
