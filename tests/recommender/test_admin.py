"""The admin of the catalogue: only for those who may edit, only in their own catalogs, quick on many rows."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from recommender.models import Catalog, EndUser, Interaction, Item
from recommender.rights import GROUPS, RIGHTS
from tests.recommender.pages import films, login

pytestmark = pytest.mark.django_db
OWN = ("catalog", "item", "enduser", "interaction", "attribute")


@pytest.fixture
def catalog() -> Catalog:
    return films()


@pytest.fixture
def other(catalog: Catalog) -> Catalog:
    return films("other")


@pytest.fixture
def manager(client: Client, catalog: Catalog) -> Client:
    client.force_login(login("catalogue manager", catalog))
    return client


def rows(answer: object) -> list[object]:
    return list(answer.context["cl"].result_list)  # type: ignore[attr-defined]


@pytest.mark.parametrize("group", GROUPS)
def test_who_may_edit_enters(client: Client, catalog: Catalog, group: str) -> None:
    client.force_login(login(group, catalog))
    answer = client.get("/admin/")
    assert answer.status_code == (200 if group in RIGHTS["edit"][0] else 302)


def test_every_list_and_form_opens_under_the_policy(manager: Client, catalog: Catalog) -> None:
    for name in OWN:
        model = next(model for model in admin.site._registry if model._meta.model_name == name)
        listed = manager.get(reverse(f"admin:recommender_{name}_changelist"), {"q": "p1"})
        assert listed.status_code == 200
        assert "script-src 'self'" in listed["Content-Security-Policy"]
        row = model.objects.order_by("pk").first()
        assert manager.get(reverse(f"admin:recommender_{name}_change", args=[row.pk])).status_code == 200


def test_rows_of_other_catalogs_do_not_show(manager: Client, catalog: Catalog, other: Catalog) -> None:
    shown = rows(manager.get("/admin/recommender/item/"))
    assert {item.catalog_id for item in shown} == {catalog.pk}  # type: ignore[attr-defined]
    foreign = other.items.first()
    assert manager.get(f"/admin/recommender/item/{foreign.pk}/change/").status_code == 302
    assert other.title not in manager.get("/admin/recommender/item/add/").content.decode().replace(catalog.title, "")


def test_an_item_cannot_be_put_into_another_catalog(manager: Client, catalog: Catalog, other: Catalog) -> None:
    sent = {"catalog": other.pk, "client_id": "new", "title": "New", "attributes": "{}"}
    assert manager.post("/admin/recommender/item/add/", sent).status_code == 200
    assert not Item.objects.filter(client_id="new").exists()


def test_items_are_hidden_and_shown_in_bulk(manager: Client, catalog: Catalog, other: Catalog) -> None:
    chosen = [item.pk for item in catalog.items.all()] + [item.pk for item in other.items.all()]
    manager.post("/admin/recommender/item/", {"action": "hide", "_selected_action": chosen})
    assert catalog.items.filter(hidden=True).count() == 8
    assert other.items.filter(hidden=True).count() == 1
    manager.post("/admin/recommender/item/", {"action": "show", "_selected_action": chosen})
    assert not catalog.items.filter(hidden=True).exists()


def test_interactions_are_only_to_look_at(manager: Client, catalog: Catalog) -> None:
    row = Interaction.objects.first()
    assert manager.get("/admin/recommender/interaction/add/").status_code == 403
    assert manager.post(f"/admin/recommender/interaction/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert manager.post(f"/admin/recommender/interaction/{row.pk}/change/", {"value": 1}).status_code == 403


def test_a_list_counts_no_table_as_a_whole(manager: Client, catalog: Catalog) -> None:
    for name in ("interaction", "enduser"):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            manager.get(f"/admin/recommender/{name}/")
        counts = [each["sql"] for each in asked if "COUNT(" in each["sql"] and f"recommender_{name}" in each["sql"]]
        assert len(counts) <= 1


@pytest.mark.parametrize(
    "attributes", ["[1, 2]", "5", '"text"', '{"a": "\\u0000"}', '{"a": ["\\ud800"]}', '{"\\u0000": 1}']
)
def test_attributes_that_are_no_object_are_refused(manager: Client, catalog: Catalog, attributes: str) -> None:
    given = {"catalog": catalog.pk, "client_id": "new", "attributes": attributes}
    answer = manager.post("/admin/recommender/enduser/add/", given)
    assert answer.status_code == 200 and "attributes" in answer.context["adminform"].form.errors
    assert not catalog.users.filter(client_id="new").exists()


@pytest.mark.parametrize("model", [EndUser, Item])
def test_the_database_keeps_attributes_objects(catalog: Catalog, model: type[EndUser] | type[Item]) -> None:
    with pytest.raises(IntegrityError, match="attributes_object"):
        model.objects.filter(catalog=catalog).update(attributes=[1, 2])


@pytest.mark.parametrize("value", ["²", "٣", "x", "9" * 30])
def test_a_filter_by_nonsense_is_no_error(manager: Client, value: str) -> None:
    assert manager.get("/admin/recommender/item/", {"catalog__id__exact": value}).status_code in (200, 302)


@pytest.mark.parametrize("key", ["abc", "²", "9" * 30, ""])
@pytest.mark.parametrize("action", ["hide", "delete_selected"])
def test_an_action_on_nonsense_changes_nothing(manager: Client, catalog: Catalog, action: str, key: str) -> None:
    before = list(Item.objects.order_by("pk").values_list("pk", "hidden"))
    answer = manager.post("/admin/recommender/item/", {"action": action, "_selected_action": key, "post": "yes"})
    assert answer.status_code in (200, 302)
    assert list(Item.objects.order_by("pk").values_list("pk", "hidden")) == before
