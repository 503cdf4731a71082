"""What is noted, by whom; and that nothing of it can be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from recommender.acting import Actor, account, acting
from recommender.models import AuditEntry, Catalog, EndUser, Item
from recommender.services import audit, catalogs, catalogue, deploying, erasure, keys, training
from tests.recommender.pages import films, login

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    return films()


def noted(catalog: Catalog) -> list[tuple[str, str, str, str]]:
    rows = AuditEntry.objects.filter(catalog_key=catalog.pk).order_by("id")
    return list(rows.values_list("action", "subject", "actor", "way"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE recommender_auditentry SET actor = 'nobody'",
        "DELETE FROM recommender_auditentry",
        "TRUNCATE recommender_auditentry",
    ],
)
def test_the_database_refuses_to_change_or_delete_entries(catalog: Catalog, statement: str) -> None:
    audit.note(catalog=catalog, action="import", subject="ratings.csv")
    refused = pytest.raises(IntegrityError, match="neither changed nor deleted")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert len(noted(catalog)) == 1


def test_the_model_cannot_change_an_entry_either(catalog: Catalog) -> None:
    audit.note(catalog=catalog, action="import")
    entry = AuditEntry.objects.latest("id")
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_entries_outlive_their_catalog_and_login(catalog: Catalog) -> None:
    who = User.objects.create_user("ada")
    audit.note(catalog=catalog, login=who, action="import", subject="ratings.csv")
    key = catalog.pk
    who.delete()
    catalog.delete()
    entry = AuditEntry.objects.get(catalog_key=key)
    assert (entry.catalog, entry.actor, entry.subject) == ("films", "ada", "ratings.csv")


def test_an_unknown_action_is_an_error(catalog: Catalog) -> None:
    with pytest.raises(KeyError):
        audit.note(catalog=catalog, action="nonsense")


def test_what_is_noted_goes_with_what_was_done(catalog: Catalog) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        keys.create(catalog=catalog, name="Shop", scope="read")
        raise RuntimeError
    assert noted(catalog) == []


def deeds(catalog: Catalog, who: User) -> dict[str, Callable[[], Any]]:
    """A deed of every kind whose service is called here."""
    items = Item.objects.filter(catalog=catalog)
    people = list(EndUser.objects.filter(catalog=catalog).values_list("pk", flat=True)[:2])
    return {
        "key-made": lambda: keys.create(catalog=catalog, name="Till", scope="read", created_by=who),
        "key-revoked": lambda: keys.revoke(key=catalog.keys.get(name="Till"), by=who),
        "run-started": lambda: training.create_run(catalog=catalog, algorithm="random", by=who),
        "run-cancelled": lambda: training.cancel_run(run=catalog.runs.first(), by=who),
        "hide": lambda: catalogue.set_hidden(items=items, hidden=True),
        "show": lambda: catalogue.set_hidden(items=items, hidden=False),
        "item-deleted": lambda: catalogue.delete_item(item=items.first()),
        "erasure": lambda: erasure.erase(catalog=catalog, user_ids=people),
        "member-added": lambda: catalogs.add_member(catalog=catalog, login=who),
        "member-removed": lambda: catalogs.remove_member(catalog=catalog, login_id=who.pk),
    }


def test_every_deed_leaves_one_entry(catalog: Catalog) -> None:
    who = User.objects.create_user("ada")
    done = deeds(catalog, who)
    with acting(lambda: Actor("ada", "page")):
        for deed in done.values():
            deed()
    assert [(action, actor, way) for action, _, actor, way in noted(catalog)] == [
        (name, "ada", "page") for name in done
    ]


def test_deeds_without_effect_are_not_noted(catalog: Catalog) -> None:
    key = catalog.keys.get()
    keys.revoke(key=key)
    keys.revoke(key=key)
    catalogue.set_hidden(items=Item.objects.filter(catalog=catalog, client_id="i7"), hidden=True)
    erasure.erase(catalog=catalog, user_ids=[0])
    assert [row[0] for row in noted(catalog)] == ["key-revoked"]


def test_an_erasure_is_noted_without_whom(catalog: Catalog) -> None:
    person = EndUser.objects.get(catalog=catalog, client_id="p3")
    erasure.erase(catalog=catalog, user_ids=[person.pk])
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.subject, entry.details) == ("erasure", "", {"people": 1})


def test_pages_commands_and_keys_say_who_it_was(catalog: Catalog, client: Client) -> None:
    client.force_login(login("superuser"))
    client.post(reverse("api", args=[catalog.name]), {"name": "Till", "scope": "write", "creates_unknown": "on"})
    call_command("create_key", catalog=catalog.name, name="Robot", scope="write")
    made = keys.create(catalog=catalog, name="Client", scope="write")
    answer = Client().patch(
        "/api/v1/items/i1/", {"hidden": True}, content_type="application/json", headers={"X-API-Key": made.secret}
    )
    assert answer.status_code == 200
    rows = noted(catalog)
    assert rows[0][2:] == ("superuser", "page")
    assert rows[1][2:] == (account(), "command")
    assert rows[-1] == ("hide", "i1 (Film 1)", f"key {made.key}", "API")


def test_bulk_calls_note_what_they_hide(catalog: Catalog) -> None:
    rows = [{"client_id": f"i{n}", "hidden": True} for n in (1, 2, 7)] + [{"client_id": "new", "hidden": True}]
    catalogue.save_items(catalog=catalog, rows=rows)
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.details) == ("hide", {"items": ["i1", "i2"], "count": 2})


def test_the_admin_notes_hiding_and_shows_the_trail_read_only(catalog: Catalog, client: Client) -> None:
    client.force_login(login("catalogue manager", catalog))
    item = Item.objects.get(catalog=catalog, client_id="i1")
    client.post("/admin/recommender/item/", {"action": "hide", "_selected_action": [item.pk]})
    assert noted(catalog)[-1] == ("hide", "i1 (Film 1)", "catalogue-manager", "admin")
    entry = AuditEntry.objects.latest("id")
    assert "Film 1" in client.get("/admin/recommender/auditentry/?action=hide").content.decode()
    assert client.get(f"/admin/recommender/auditentry/{entry.pk}/change/").status_code == 200
    for address in (f"{entry.pk}/change/", f"{entry.pk}/delete/", "add/"):
        assert client.post(f"/admin/recommender/auditentry/{address}", {"actor": "x"}).status_code == 403


def test_a_manager_sees_the_trail_of_own_catalogs_only(catalog: Catalog, client: Client) -> None:
    other = films("books")
    audit.note(catalog=other, action="import", subject="secret.csv")
    client.force_login(login("catalogue manager", catalog))
    assert "secret.csv" not in client.get("/admin/recommender/auditentry/").content.decode()


def test_the_page_filters_by_action_and_gives_csv(catalog: Catalog, client: Client) -> None:
    audit.note(catalog=catalog, action="import", subject="ratings.csv", details={"import": 1})
    audit.note(catalog=catalog, action="deployment", subject="ease #3")
    client.force_login(login("operator", catalog))
    both = client.get(reverse("audit", args=[catalog.name])).content.decode()
    assert "ratings.csv" in both
    assert "ease #3" in both
    one = client.get(reverse("audit", args=[catalog.name]), {"action": "import"}).content.decode()
    assert "ratings.csv" in one
    assert "ease #3" not in one
    lines = client.get(reverse("audit_csv", args=[catalog.name]), {"action": "import"}).content.decode().splitlines()
    assert lines[0] == "time,who,by,action,subject,details"
    assert len(lines) == 2


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_deploying_is_noted(catalog: Catalog) -> None:
    run = training.create_run(catalog=catalog, algorithm="random")
    training.execute_run(run_id=run.pk)
    deploying.deploy_run(run=run)
    assert noted(catalog)[-1][:2] == ("deployment", f"random #{run.pk}")
