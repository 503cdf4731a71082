"""The nearest items by text are those of the own catalog, also where another one is nearer and larger."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import connection

from recommender.models import Catalog, Item
from recommender.selectors.nearness import EF_SEARCH, nearest

pytestmark = pytest.mark.django_db
FAR = 4 * EF_SEARCH


def at(angle: float) -> list[float]:
    """A vector at an angle from the first axis."""
    return [float(np.cos(angle)), float(np.sin(angle)), *[0.0] * 382]


@pytest.fixture
def catalogs() -> tuple[Catalog, Catalog]:
    """Films far apart in the space, and between them four times as many books as a scan looks at in one go."""
    films, books = Catalog.objects.create(name="films"), Catalog.objects.create(name="books")
    Item.objects.bulk_create(
        Item(catalog=films, client_id=f"f{n}", text_vector=at(n / 10), categories=["even" if n % 2 == 0 else "odd"])
        for n in range(12)
    )
    Item.objects.bulk_create(Item(catalog=books, client_id=f"b{n}", text_vector=at(n / FAR / 11)) for n in range(FAR))
    Item.objects.create(catalog=films, client_id="silent")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE recommender_item")
    return films, books


def found(catalog: Catalog, item: str, **asked: object) -> dict[str, float]:
    """Client ids, nearest first, and their cosines."""
    rows = nearest(catalog.pk, catalog.items.get(client_id=item).pk, **asked)
    names = dict(catalog.items.values_list("pk", "client_id"))
    return {names[key]: score for key, score in sorted(rows, key=lambda row: -row[1])}


@pytest.mark.parametrize("way", ["SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off", "SELECT 1"])
def test_a_catalog_is_not_crowded_out_by_another(catalogs: tuple[Catalog, Catalog], way: str):
    films, _ = catalogs
    with connection.cursor() as cursor:
        cursor.execute(way)  # the index with every catalog's vectors, then what the planner prefers
    near = found(films, "f0", count=11)
    assert list(near) == [f"f{n}" for n in range(1, 12)]
    assert near["f1"] == pytest.approx(np.cos(0.1), abs=1e-6)
    assert near["f11"] == pytest.approx(np.cos(1.1), abs=1e-6)


def test_the_index_is_what_is_asked(catalogs: tuple[Catalog, Catalog]):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM recommender_item WHERE catalog_id = %s ORDER BY text_vector <=> %s::vector LIMIT 5",
            [catalogs[0].pk, str(at(0.0))],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "item_text_vector" in plan


def test_hidden_items_and_those_without_a_text_are_not_near(catalogs: tuple[Catalog, Catalog]):
    films, _ = catalogs
    films.items.filter(client_id="f1").update(hidden=True)
    assert list(found(films, "f0", count=2)) == ["f2", "f3"]
    assert len(found(films, "f0", count=100)) == 10
    assert found(films, "silent", count=5) == {}


def test_only_some_items_may_be_asked_for(catalogs: tuple[Catalog, Catalog]):
    films, books = catalogs
    keys = np.array(films.items.filter(categories=["odd"]).values_list("pk", flat=True), dtype=np.int64)
    assert list(found(films, "f0", count=3, only=keys)) == ["f1", "f3", "f5"]
    others = np.array(books.items.values_list("pk", flat=True), dtype=np.int64)
    assert found(films, "f0", count=3, only=others) == {}
