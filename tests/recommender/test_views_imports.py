"""An upload from the form to the decision, by pages that need no JavaScript."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from recommender import tasks
from recommender.models import Catalog, DataImport, Interaction
from tests.recommender.pages import login, text_of

pytestmark = pytest.mark.django_db(transaction=True)
EVENTS = b"visitor,sku,stars,secret\nann,x,5,1\nbo,y,many,2\ncy,z,4,3\n"


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.objects.create(name="shop", title="Shop")


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(login("superuser"))
    return client


def uploaded(root: Client, content: bytes = EVENTS, **more: Any) -> DataImport:
    root.post("/shop/data/", {"file": SimpleUploadedFile("visits.csv", content), "look": "1", **more})
    row = DataImport.objects.latest("pk")
    assert row.aim == "preview"
    tasks.import_upload(row.pk)
    return row


def fields(page: Any) -> dict[str, str]:
    """What the form of the page would send as it is."""
    text = page.content.decode()
    selects = re.findall(r'<select name="([\w-]+)".*?</select>', text, re.S)
    chosen = {
        name: re.search(rf'<select name="{name}".*?<option value="([^"]*)" selected', text, re.S) for name in selects
    }
    return {name: found[1] if found else "" for name, found in chosen.items()} | {"interactions-header": "1"}


def test_from_upload_to_confirmation_and_back(root: Client, catalog: Catalog) -> None:
    row = uploaded(root)
    where = f"/shop/data/imports/{row.pk}/"
    page = root.get(where)
    said = text_of(page)
    assert "It would add 2 people, 2 items, 2 interactions; set 1 row aside." in said
    assert "rating is not a finite number" in said and "cut at comma" in said and "utf-8" in said
    assert fields(page) == {
        "interactions-0": "user", "interactions-1": "item", "interactions-2": "rating", "interactions-3": "",
        "interactions-header": "1",
    }  # fmt: skip
    root.post(f"{where}decide/", {**fields(page), "decision": "confirm"})
    tasks.import_upload(row.pk)
    assert Interaction.objects.count() == 2 and "Undo this import" in text_of(root.get(where))
    assert "Interactions 2 – People 2 0 Items 2 0" in text_of(root.get(f"{where}undo/"))
    root.post(f"{where}undo/")
    tasks.import_upload(row.pk)
    assert not Interaction.objects.exists()
    assert "This import was undone. 2 interactions went" in text_of(root.get(where))


def test_other_columns_are_looked_at_before_they_are_put_in(root: Client, catalog: Catalog) -> None:
    row = uploaded(root)
    where = f"/shop/data/imports/{row.pk}/"
    changed = fields(root.get(where)) | {"interactions-2": "", "interactions-3": "-"}
    root.post(f"{where}decide/", {**changed, "decision": "confirm"})
    row.refresh_from_db()
    assert (row.aim, row.status) == ("preview", "queued")
    tasks.import_upload(row.pk)
    page = root.get(where)
    assert "add 3 people, 3 items, 3 interactions." in text_of(page) and fields(page) == changed
    root.post(f"{where}decide/", {**changed, "decision": "confirm"})
    tasks.import_upload(row.pk)
    assert sorted(str(one.context) for one in Interaction.objects.all()) == [
        "{'stars': '4'}", "{'stars': '5'}", "{'stars': 'many'}",
    ]  # fmt: skip


def test_two_columns_cannot_mean_the_same(root: Client, catalog: Catalog) -> None:
    row = uploaded(root)
    where = f"/shop/data/imports/{row.pk}/"
    sent = fields(root.get(where)) | {"interactions-3": "user", "decision": "look"}
    answer = root.post(f"{where}decide/", sent, follow=True)
    assert "Two columns of visits.csv are to be “user”" in text_of(answer)


def test_the_first_line_may_hold_data(root: Client, catalog: Catalog) -> None:
    row = uploaded(root, b"user,item\nann,x\n")
    where = f"/shop/data/imports/{row.pk}/"
    sent = fields(root.get(where)) | {"decision": "look"}
    del sent["interactions-header"]
    root.post(f"{where}decide/", sent)
    tasks.import_upload(row.pk)
    page = root.get(where)
    assert "add 2 people, 2 items, 2 interactions" in text_of(page)
    root.post(f"{where}decide/", fields(page) | {"decision": "look"})
    tasks.import_upload(row.pk)
    assert "add 1 person, 1 item, 1 interaction." in text_of(root.get(where))


def test_dropping_and_cancelling(root: Client, catalog: Catalog) -> None:
    row = uploaded(root)
    root.post(f"/shop/data/imports/{row.pk}/decide/", {"decision": "drop"})
    assert not DataImport.objects.exists()
    root.post("/shop/data/", {"file": SimpleUploadedFile("visits.csv", EVENTS)})
    row = DataImport.objects.get()
    where = f"/shop/data/imports/{row.pk}/"
    root.post(f"{where}cancel/")
    assert "Nothing was changed. The import was cancelled" in text_of(root.get(where))
    answer = root.post(f"{where}decide/", {"decision": "confirm"}, follow=True)
    assert "decided on already" in text_of(answer)
    assert "It cannot be undone" in text_of(root.get(f"{where}undo/"))


def test_a_file_that_cannot_be_understood_can_be_explained(root: Client, catalog: Catalog) -> None:
    row = uploaded(root, b"a,b\nx/1,y/1\nx/2,y/2\n")
    said = text_of(root.get(f"/shop/data/imports/{row.pk}/"))
    assert "It cannot be put in as it is." in said and "has no column “user”" in said and "x/1" in said
