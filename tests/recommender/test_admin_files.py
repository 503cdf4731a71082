"""Items out of the admin as CSV and back in, with a look at it first."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from recommender.models import Attribute, AuditEntry, Catalog, Item
from tests.recommender.pages import films, login

pytestmark = pytest.mark.django_db
PAGE = "/admin/recommender/item/import/"


@pytest.fixture
def catalog() -> Catalog:
    made = films()
    Attribute.objects.create(catalog=made, scope="item", name="colour", type="category")
    Item.objects.filter(catalog=made, client_id="i1").update(attributes={"colour": "red"}, creators=["Ann", "Ben"])
    return made


@pytest.fixture
def manager(catalog: Catalog, client: Client) -> Client:
    client.force_login(login("catalogue manager", catalog))
    return client


def exported(manager: Client, catalog: Catalog) -> str:
    keys = [str(pk) for pk in catalog.items.values_list("pk", flat=True)]
    answer = manager.post("/admin/recommender/item/", {"action": "export", "_selected_action": keys})
    assert answer["Content-Type"].startswith("text/csv")
    return str(answer.content.decode())


def sent(manager: Client, catalog: Catalog, text: str) -> Any:
    file = SimpleUploadedFile("items.csv", text.encode())
    return manager.post(PAGE, {"catalog": catalog.pk, "file": file})


def test_what_is_exported_can_be_imported_and_changes_nothing(manager: Client, catalog: Catalog) -> None:
    text = exported(manager, catalog)
    rows = {row["item"]: row for row in csv.DictReader(io.StringIO(text))}
    assert (rows["i1"]["creators"], rows["i1"]["colour"], rows["i1"]["year"]) == ("Ann|Ben", "red", "1991")
    assert "<td>8</td><td>0</td><td>0</td><td>8</td><td>0</td>" in sent(manager, catalog, text).content.decode()
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.details, entry.way) == ("admin-export", {"items": 8}, "admin")


def test_a_file_is_shown_first_and_taken_then(manager: Client, catalog: Catalog) -> None:
    page = sent(manager, catalog, "item,title,year\ni1,Renamed,1991\nnew,Newcomer,2020\nbad,Bad,not a year\n")
    text = page.content.decode()
    assert "<td>3</td><td>1</td><td>1</td><td>0</td><td>1</td>" in text
    assert not Item.objects.filter(catalog=catalog, client_id="new").exists()
    ticket = re.search(r'name="ticket" value="([^"]+)"', text)
    assert ticket
    assert manager.post(PAGE, {"ticket": ticket[1]}).status_code == 302
    assert Item.objects.get(catalog=catalog, client_id="i1").title == "Renamed"
    assert Item.objects.filter(catalog=catalog, client_id="new").exists()
    assert AuditEntry.objects.latest("id").action == "admin-import"


@pytest.mark.parametrize("text", ["", "title\nno id\n", "item\n"])
def test_a_file_that_is_none_is_told(manager: Client, catalog: Catalog, text: str) -> None:
    answer = sent(manager, catalog, text)
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()


def test_a_forged_ticket_and_another_catalog_are_refused(manager: Client, catalog: Catalog) -> None:
    assert "too old" in manager.post(PAGE, {"ticket": "forged"}, follow=True).content.decode()
    other = films("books")
    assert "errorlist" in sent(manager, other, "item\nx\n").content.decode()
    assert not Item.objects.filter(catalog=other, client_id="x").exists()


def test_others_may_not(catalog: Catalog, client: Client) -> None:
    client.force_login(login("analyst", catalog))
    assert client.get(PAGE).status_code in (302, 403)
