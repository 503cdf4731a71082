"""Changing and deleting while others write to the same rows."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from recommender.exceptions import Conflict
from recommender.models import Catalog, EndUser, Interaction, Item
from recommender.services import catalogue, feedback
from recommender.services.feedback import Event
from tests.support import until

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.fixture
def item() -> Item:
    catalog = Catalog.objects.create(name="films")
    EndUser.objects.create(catalog=catalog, client_id="u")
    return Item.objects.create(catalog=catalog, client_id="a", title="A")


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


def delete_apart(item: Item) -> None:
    try:
        catalogue.delete_item(item=item)
    finally:
        connection.close()


def test_an_item_is_deleted_although_an_event_with_it_is_just_arriving(item: Item) -> None:
    event = Event("u", "a", "view", None, datetime(2026, 1, 1, tzinfo=UTC))
    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            feedback.record(catalog=item.catalog, events=[(0, event)])
            deleting = pool.submit(delete_apart, item)
            until(somebody_waits)
        deleting.result(timeout=30)
    assert not Item.objects.exists() and not Interaction.objects.exists()


def test_deleting_twice_does_nothing_the_second_time(item: Item) -> None:
    catalogue.delete_item(item=item)
    catalogue.delete_item(item=item)
    assert not Item.objects.exists()


def test_what_is_gone_cannot_be_changed(item: Item) -> None:
    Item.objects.all().delete()
    with pytest.raises(Conflict, match="deleted by another call"):
        catalogue.change(row=item, changes={"title": "B"})


def test_two_changes_of_different_columns_keep_both(item: Item) -> None:
    early = Item.objects.get(pk=item.pk)
    catalogue.change(row=item, changes={"title": "B"})
    changed = catalogue.change(row=early, changes={"year": 1999})
    assert (changed.title, changed.year) == ("B", 1999)  # type: ignore[union-attr]


def test_a_change_does_not_hold_events_up(item: Item) -> None:
    event = Event("u", "a", "view", None, datetime(2026, 1, 1, tzinfo=UTC))
    over = threading.Event()

    def record_apart() -> None:
        try:
            feedback.record(catalog=item.catalog, events=[(0, event)])
        finally:
            over.set()
            connection.close()

    with ThreadPoolExecutor() as pool, transaction.atomic():
        catalogue.change(row=item, changes={"title": "B"})
        pool.submit(record_apart)
        assert over.wait(30)
    assert Interaction.objects.count() == 1
