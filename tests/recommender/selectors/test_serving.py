"""The reads behind an answer: by an index each, in the order things happened."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from recommender.models import Catalog, EndUser, Item
from recommender.selectors import hot
from recommender.selectors import serving as select
from recommender.services import keys

PEOPLE, ITEMS, EACH = 400, 500, 50


@pytest.fixture
def large(db: None) -> Catalog:
    """A catalog beside another one, large enough that PostgreSQL prefers an index where there is one."""
    catalogs = [Catalog.objects.create(name=name) for name in ("films", "songs")]
    for catalog in catalogs:
        EndUser.objects.bulk_create(EndUser(catalog=catalog, client_id=f"u{at}") for at in range(PEOPLE))
        Item.objects.bulk_create(
            Item(catalog=catalog, client_id=f"i{at}", categories=["rare"] if at % 100 == 0 else ["common"])
            for at in range(ITEMS)
        )
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO recommender_interaction (catalog_id, user_id, item_id, kind, time, event_key)
                SELECT %s, person.id, item.id, 'view', '2026-01-01'::timestamptz + (random() * 1e6 || ' s')::interval,
                    gen_random_uuid()
                FROM (SELECT id FROM recommender_enduser WHERE catalog_id = %s) person,
                LATERAL (SELECT id FROM recommender_item
                         WHERE catalog_id = %s ORDER BY hashint8(id * 7919 + person.id) LIMIT %s) item""",
                [catalog.pk, catalog.pk, catalog.pk, EACH],
            )
    with connection.cursor() as cursor:
        for table in ("interaction", "enduser", "item", "deployment"):
            cursor.execute(f"ANALYZE recommender_{table}")
    return catalogs[0]


def indexes_of(run: Any) -> set[str]:
    """Names of the indexes that PostgreSQL uses for the queries of `run()`; a scan of a whole table is “all of …”."""
    with CaptureQueriesContext(connection) as captured:
        run()
    found: set[str] = set()
    for query in captured.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (FORMAT json) " + query["sql"].replace("%", "%%"))
            (plan,) = cursor.fetchone()
        found |= set(_used((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))
    return found


def _used(node: dict[str, Any]) -> list[str]:
    own = [node["Index Name"]] if "Index Name" in node else []
    if node["Node Type"] == "Seq Scan":
        own = [f"all of {node['Relation Name']}"]
    return own + [name for inner in node.get("Plans", []) for name in _used(inner)]


def test_each_read_of_an_answer_uses_its_index(large):
    items = list(Item.objects.filter(catalog=large).values_list("pk", flat=True)[:30])
    small = {f"all of recommender_{name}" for name in ("deployment", "apikey", "catalogueversion")}  # a row or none
    key = keys.create(catalog=large, name="shop", scope="read").key
    for read in (lambda: hot.person(large.pk, "u7"), lambda: hot.standing(key.prefix, "u7")):
        asked = indexes_of(read)
        assert asked >= {"user_client_id_unique", "interaction_history"}
        assert not any(name.startswith("all of") for name in asked - small)
    assert not any(name.startswith("all of") for name in indexes_of(lambda: select.shown_items(large.pk, items)))
    met = indexes_of(lambda: select.met_together(large.pk, items[0]))
    assert "all of recommender_interaction" not in met


def test_history_is_in_order_of_time_then_of_arrival(large):
    person = EndUser.objects.filter(catalog=large).first()
    person.interactions.update(time="2026-01-01T00:00Z")
    newest = person.interactions.order_by("-id").first()
    first = person.interactions.order_by("id").first()
    person.interactions.filter(pk=first.pk).update(time="2026-01-02T00:00Z")
    found = hot.person(large.pk, person.client_id).past
    assert found.items[-1] == first.item_id and found.items[-2] == newest.item_id
    assert len(found.items) == EACH and set(found.kinds) == {"view"}


def test_the_two_reads_of_a_person_tell_the_same_state(large):
    key = keys.create(catalog=large, name="shop", scope="read").key
    for client_id in ("u7", "nobody"):
        standing, person = hot.standing(key.prefix, client_id), hot.person(large.pk, client_id)
        assert standing.mark == person.mark and standing.version == person.version > 0
        assert (standing.person_id, standing.run_id) == (person.id, person.run_id)
    assert standing.catalog_id == large.pk and standing.digest == key.digest and standing.last_used is None
    assert hot.standing("rk_nosuch00", "u7") is None
    keys.revoke(key=key)
    assert hot.standing(key.prefix, "u7") is None


@pytest.mark.django_db(transaction=True)
def test_a_read_survives_the_end_of_its_connection():
    catalog = Catalog.objects.create(name="films")
    assert hot.person(catalog.pk, "u").id is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()
    assert hot.person(catalog.pk, "u").id is None


def test_people_are_counted_once_however_often_they_met_an_item(large):
    person = EndUser.objects.filter(catalog=large).first()
    item = person.interactions.first().item_id
    before = dict(select.met_by(large.pk, 1000))[item]
    row = person.interactions.filter(item_id=item).values("catalog_id", "user_id", "item_id", "kind", "time").first()
    person.interactions.create(**row, event_key="00000000-0000-0000-0000-000000000001")
    assert dict(select.met_by(large.pk, 1000))[item] == before
