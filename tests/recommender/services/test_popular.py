"""Counts kept in Redis: fresh after a change, counted by one at a time, gone after an erasure."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from recommender.models import Catalog, Item
from recommender.selectors import serving as select
from recommender.services import feedback, memory, popular
from recommender.services.feedback import Event

TIME = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def catalog(db: None) -> Catalog:
    catalog = Catalog.objects.create(name="films")
    met(catalog, {"u": "ab", "v": "ab", "w": "ac"})
    return catalog


def met(catalog: Catalog, people: dict[str, str]) -> None:
    events = [Event(user, item, "view", None, TIME) for user, items in people.items() for item in items]
    feedback.record(catalog=catalog, events=list(enumerate(events)))


def named(counted: popular.Counted) -> dict[str, float]:
    names = dict(Item.objects.values_list("pk", "client_id"))
    return {names[int(key)]: round(float(count), 6) for key, count in zip(counted.items, counted.counts, strict=True)}


def test_how_many_people_met_each_item(catalog):
    Item.objects.create(catalog=catalog, client_id="z")
    popular.changed(catalog_id=catalog.pk)
    assert named(popular.popular(catalog_id=catalog.pk)) == {"a": 3, "b": 2, "c": 1, "z": 0}


def test_the_cosine_worked_by_hand(catalog):
    item = Item.objects.get(client_id="b").pk
    # b was met by u and v, a by u, v and w: 2 / √(2 · 3)
    assert named(popular.similar(catalog_id=catalog.pk, item_id=item)) == {"a": pytest.approx(2 / 6**0.5, abs=1e-6)}


def test_what_did_not_change_is_not_counted_again(catalog, django_assert_num_queries):
    popular.popular(catalog_id=catalog.pk)
    with django_assert_num_queries(0):
        popular.popular(catalog_id=catalog.pk)


def test_a_change_is_counted_but_by_one_at_a_time(catalog, monkeypatch):
    monkeypatch.setattr(popular, "SHARE", 0.0)
    popular.popular(catalog_id=catalog.pk)
    met(catalog, {"x": "c"})
    counting = f"{popular.PREFIX}:{catalog.pk}:met_by:counting"
    memory.client().set(counting, 1)  # as if another process were at it
    assert named(popular.popular(catalog_id=catalog.pk))["c"] == 1
    memory.client().delete(counting)
    assert named(popular.popular(catalog_id=catalog.pk))["c"] == 2
    assert not memory.client().exists(counting)


def test_costly_counting_waits_its_time(catalog, monkeypatch):
    monkeypatch.setattr(popular, "SHARE", 1e6)
    popular.popular(catalog_id=catalog.pk)
    met(catalog, {"x": "c"})
    assert named(popular.popular(catalog_id=catalog.pk))["c"] == 1
    popular.forget(catalog_id=catalog.pk)
    assert named(popular.popular(catalog_id=catalog.pk))["c"] == 2


def test_catalogs_are_counted_apart(catalog):
    other = Catalog.objects.create(name="songs")
    assert len(popular.popular(catalog_id=other.pk).items) == 0
    assert np.all(np.diff(popular.popular(catalog_id=catalog.pk).items) > 0)


def test_of_an_item_that_many_met_the_latest_people_stand_for_all(catalog, monkeypatch):
    monkeypatch.setattr(select, "PEOPLE_COUNTED", 2)
    item = Item.objects.get(client_id="a").pk
    found = named(popular.similar(catalog_id=catalog.pk, item_id=item))
    assert found and all(0 < cosine <= 1 for cosine in found.values())
