"""Hot queries find what they need by an index: each as the code asks it, with EXPLAIN, on filled tables."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from recommender.models import Catalog, Deployment, EndUser, Interaction, Item, Run
from recommender.selectors import pages

pytestmark = pytest.mark.django_db

ROWS = 5_000
FILL = f"""
    INSERT INTO recommender_enduser (catalog_id, client_id, attributes)
        SELECT %(catalog)s, 'u' || n, '{{}}' FROM generate_series(1, {ROWS}) n;
    INSERT INTO recommender_item (catalog_id, client_id, title, categories, attributes, hidden)
        SELECT %(catalog)s, 'i' || n, 'Film ' || md5(n::text), ARRAY['c' || n %% 500], '{{}}', n %% 500 = 0
        FROM generate_series(1, {ROWS}) n;
    INSERT INTO recommender_interaction (catalog_id, user_id, item_id, kind, time, event_key)
        SELECT u.catalog_id, u.id, i.id, 'view', now(), gen_random_uuid()
        FROM generate_series(0, 3) shift CROSS JOIN recommender_enduser u
        JOIN recommender_item i ON i.client_id = 'i' || (substr(u.client_id, 2)::int + shift) %% {ROWS} + 1;
    INSERT INTO recommender_deployment (catalog_id, run_id, created)
        SELECT %(catalog)s, (SELECT min(id) FROM recommender_run), now() FROM generate_series(1, 2000);
    ANALYZE recommender_enduser, recommender_item, recommender_interaction, recommender_run, recommender_deployment;
"""


@pytest.fixture
def catalog() -> Catalog:
    one = Catalog.objects.create(name="films")
    Run.objects.bulk_create(Run(catalog=one, algorithm="ease", status=Run.Status.SUCCEEDED) for _ in range(2000))
    with connection.cursor() as cursor:
        for statement in FILL.split(";\n"):
            if statement.strip():
                cursor.execute(statement, {"catalog": one.pk})
    return one


def indexes(query: QuerySet[Any]) -> set[str]:
    """The indexes of the plan; fails where a large table is read whole."""
    nodes = [json.loads(query.explain(format="json"))[0]["Plan"]]
    used = set()
    while nodes:
        node = nodes.pop()
        assert node["Node Type"] != "Seq Scan" or node["Relation Name"] == "recommender_catalog", query.explain()
        used.add(node.get("Index Name", ""))
        nodes += node.get("Plans", [])
    return used - {""}


def test_the_history_of_a_person(catalog: Catalog) -> None:
    person = EndUser.objects.get(client_id="u77")
    oldest_first = Interaction.objects.filter(user_id=person.pk).order_by("time", "id")
    assert indexes(oldest_first) == {"interaction_history"}
    assert "interaction_history" in indexes(pages.history(person)[:50])


def test_the_latest_deployment(catalog: Catalog) -> None:
    latest = Deployment.objects.filter(catalog_id=catalog.pk).order_by("-id")[:1]
    assert indexes(latest) <= {"deployment_latest", "recommender_deployment_pkey"}


def test_the_latest_runs(catalog: Catalog) -> None:
    assert indexes(Run.objects.filter(catalog=catalog).order_by("-id")[:20]) <= {"run_latest", "recommender_run_pkey"}
    live = Run.objects.filter(status__in=["queued", "running"])
    assert indexes(live) == {"run_live"}


def test_people_and_items_by_the_clients_ids(catalog: Catalog) -> None:
    assert indexes(EndUser.objects.filter(catalog_id=catalog.pk, client_id="u7")) == {"user_client_id_unique"}
    assert indexes(Item.objects.filter(catalog_id=catalog.pk, client_id="i7")) == {"item_client_id_unique"}
    several = Item.objects.filter(catalog_id=catalog.pk, client_id__in=["i7", "i8"])
    assert indexes(several) == {"item_client_id_unique"}


def test_hidden_items(catalog: Catalog) -> None:
    assert "item_hidden" in indexes(pages.find_items(catalog, hidden="yes").order_by())


def test_items_by_words_of_the_title(catalog: Catalog) -> None:
    title = Item.objects.get(client_id="i7").title.split()[1]
    found = pages.find_items(catalog, text=title[:20])
    assert [item.client_id for item in found] == ["i7"]
    assert "item_title_words" in indexes(found.order_by())


def test_items_of_a_category(catalog: Catalog) -> None:
    assert "item_categories" in indexes(pages.find_items(catalog, category="c7").order_by())


def test_who_met_an_item(catalog: Catalog) -> None:
    item = Item.objects.get(client_id="i77")
    assert indexes(Interaction.objects.filter(item=item)) == {"recommender_interaction_item_id_b42b20a0"}


def test_an_event_by_its_key(catalog: Catalog) -> None:
    event = Interaction.objects.all()[:1].get()
    found = Interaction.objects.filter(catalog=catalog, event_key=event.event_key)
    assert indexes(found) == {"interaction_event_key_unique"}
