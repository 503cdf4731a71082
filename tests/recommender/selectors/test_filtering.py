"""Conditions as SQL come to what the language means, on whatever items there are; and use the indexes there are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.data.filters import holds, read
from recommender.models import Catalog, Item
from recommender.selectors import filtering
from tests.recommender.data.test_filters import ATTRIBUTES, conditions, items

COLUMNS = ("title", "description", "categories", "creators", "year", "price", "released", "attributes")


@pytest.fixture
def catalog(db):
    made = Catalog.objects.create(name="films")
    for name, kind in ATTRIBUTES.items():
        made.attributes.create(scope="item", name=name, type=kind)
    return made


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(items, min_size=1, max_size=6), st.lists(conditions, min_size=3, max_size=6))
def test_sql_and_the_meaning_of_the_language_agree(catalog, given_items, asked):
    Item.objects.all().delete()
    rows = [
        Item(catalog=catalog, client_id=f"{at}", **{name: item[name] for name in COLUMNS})
        for at, item in enumerate(given_items)
    ]
    keys = {row.pk: {**item, "id": row.client_id} for row, item in zip(Item.objects.bulk_create(rows), given_items,
                                                                      strict=True)}  # fmt: skip
    for condition in asked:
        found = filtering.items_where(catalog.pk, condition).tolist()
        assert found == [key for key, item in keys.items() if holds(condition, item)]


@pytest.mark.parametrize("text", ["'); DROP TABLE recommender_item; --", "%s %(x)s", "\\'", "日本", "{}[]"])
def test_any_text_is_only_a_text(catalog, text):
    item = Item.objects.create(catalog=catalog, client_id="i", title=text, attributes={"language": text})
    quoted = text.replace("'", "''")
    for asked in (f"title = '{quoted}'", f"text contains '{quoted}'", f"attribute.language = '{quoted}'"):
        assert filtering.items_where(catalog.pk, read(asked, ATTRIBUTES)).tolist() == [item.pk]


def test_numbers_that_no_float_holds_are_no_fault(catalog):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO recommender_item (catalog_id, client_id, attributes) VALUES (%s, 'i', %s)",
            [catalog.pk, '{"running time": 1e500}'],
        )
    assert len(filtering.items_where(catalog.pk, read("attribute.'running time' > 5", ATTRIBUTES))) == 1


@pytest.mark.parametrize(
    ("asked", "index"),
    [("category = 'rare'", "item_categories"), ("attribute.language = 'rare'", "item_attributes"),
     ("id in ('i7', 'i9')", "item_client_id_unique")],
)  # fmt: skip
def test_what_has_an_index_uses_it(catalog, asked, index):
    Item.objects.bulk_create(
        Item(catalog=catalog, client_id=f"i{at}", categories=["rare" if at % 500 == 0 else "common"],
             attributes={"language": "rare" if at % 500 == 0 else "en"})
        for at in range(4000)
    )  # fmt: skip
    text, parameters = filtering.compiled(read(asked, ATTRIBUTES))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE recommender_item")
        cursor.execute(f"EXPLAIN SELECT id FROM recommender_item WHERE catalog_id = %s AND ({text})",
                       [catalog.pk, *parameters])  # fmt: skip
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert index in plan, plan
    assert SimpleNamespace(found=len(filtering.items_where(catalog.pk, read(asked, ATTRIBUTES)))).found > 0
