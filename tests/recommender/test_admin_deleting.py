"""Deleting in the admin is what it is over REST: a person is erased, an item goes with its interactions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client

from recommender import hooks
from recommender.models import Catalog, EndUser, Interaction, Item
from recommender.rights import CATALOGUE_MANAGER
from recommender.services import feedback
from recommender.services.feedback import Event

TIME = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def manager(db: None) -> Client:
    catalog = Catalog.objects.create(name="films")
    events = [Event(user, item, "view", None, TIME) for user in "uvw" for item in "abc"]
    feedback.record(catalog=catalog, events=list(enumerate(events)))
    login = User.objects.create_user("mia", is_staff=True)
    login.groups.add(Group.objects.get_or_create(name=CATALOGUE_MANAGER)[0])
    catalog.members.add(login)
    client = Client()
    client.force_login(login)
    return client


def test_one_person_is_erased(manager):
    person, heard = EndUser.objects.get(client_id="u"), []
    listener = lambda **given: heard.append(given["user_ids"])  # noqa: E731
    hooks.erasure_listeners.append(listener)
    address = f"/admin/recommender/enduser/{person.pk}/delete/"
    try:
        assert "all that is known" in manager.get(address).content.decode()
        assert manager.post(address, {"post": "yes"}).status_code == 302
    finally:
        hooks.erasure_listeners.remove(listener)
    assert heard == [[person.pk]] and not EndUser.objects.filter(client_id="u").exists()
    assert Interaction.objects.count() == 6
    kept = LogEntry.objects.get()
    assert kept.object_repr == "(erased)", "the log of the admin says that someone was erased, not who"


@pytest.mark.parametrize(("model", "name"), [(EndUser, "enduser"), (Item, "item")])
def test_several_are_deleted_together(manager, model, name):
    chosen = list(model.objects.order_by("pk").values_list("pk", flat=True)[:2])
    asked = {"action": "delete_selected", "_selected_action": chosen}
    address = f"/admin/recommender/{name}/"
    assert manager.post(address, asked).status_code == 200
    assert manager.post(address, asked | {"post": "yes"}).status_code == 302
    assert model.objects.count() == 1 and Interaction.objects.count() == 3
