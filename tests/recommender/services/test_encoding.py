"""Texts become vectors once, again when they change, and whoever dies is followed by another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from django.db.models.functions import Now

from recommender import tasks
from recommender.data.dataset import Float
from recommender.models import Attribute, Catalog, TextEncoding
from recommender.selectors.dataset import current_bounds, load_dataset
from recommender.selectors.texts import out_of_date
from recommender.services import encoding
from tests.recommender.services.catalogs import catalog_of
from tests.support import until

pytestmark = pytest.mark.django_db


@pytest.fixture
def films() -> Catalog:
    return catalog_of([[0, 1, 2]], 3)


class Stopped(Exception):
    pass


def test_every_text_gets_a_vector_and_none_twice(films: Catalog):
    films.items.filter(client_id="i1").update(title="")
    assert encoding.ensure_vectors(catalog_id=films.pk) == 2
    assert encoding.ensure_vectors(catalog_id=films.pk) == 0
    dataset = load_dataset(catalog_id=films.pk, text=True)
    assert dataset.item_vectors is not None and dataset.item_texts is not None
    assert np.linalg.norm(dataset.item_vectors, axis=1) == pytest.approx([1, 0, 1], abs=1e-6)
    assert dataset.item_vectors[2] == pytest.approx(films.items.get(client_id="i2").text_vector, abs=1e-6)
    assert dataset.item_texts.tolist() == ["Film 0", "", "Film 2"]
    assert load_dataset(catalog_id=films.pk).item_vectors is None


def test_a_changed_text_is_encoded_again_and_a_lost_one_forgotten(films: Catalog):
    encoding.ensure_vectors(catalog_id=films.pk)
    before = films.items.get(client_id="i0").text_vector
    films.items.filter(client_id="i0").update(description="A cook travels to the moon.")
    films.items.filter(client_id="i1").update(title="")
    films.items.filter(client_id="i2").update(hidden=True, year=1999)
    assert [each.text for each in out_of_date(films.pk)] == ["Film 0\nA cook travels to the moon.", ""]
    assert encoding.ensure_vectors(catalog_id=films.pk) == 2
    assert not np.allclose(films.items.get(client_id="i0").text_vector, before)
    assert films.items.get(client_id="i1").text_vector is None


def test_only_text_attributes_that_may_be_learned_from_are_read(films: Catalog):
    for name, changes in {
        "plot": {},
        "diary": {"sensitive": True},
        "note": {"feature": False},
        "k": {"type": "category"},
    }.items():
        Attribute.objects.create(
            catalog=films, **({"scope": "item", "name": name, "type": "text", "feature": True} | changes)
        )
    films.items.update(attributes={"plot": "They meet.", "diary": "no", "note": "no", "k": "no"})
    assert {each.text for each in out_of_date(films.pk)} == {f"Film {n}\nThey meet." for n in range(3)}


def test_items_that_came_after_the_bounds_wait(films: Catalog):
    bounds = current_bounds()
    films.items.create(client_id="late", title="Late")
    assert encoding.ensure_vectors(catalog_id=films.pk, newest=bounds.item) == 3
    assert [each.text for each in out_of_date(films.pk)] == ["Late"]


def test_whoever_is_stopped_leaves_what_was_done(films: Catalog, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(encoding, "BLOCK", 1)

    def report(done: int, total: int) -> None:
        assert total == 3
        if done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        encoding.ensure_vectors(catalog_id=films.pk, report=report)
    assert encoding.ensure_vectors(catalog_id=films.pk) == 1


def test_a_request_is_carried_out_once(films: Catalog):
    assert encoding.request(catalog_id=films.pk)
    assert not encoding.request(catalog_id=films.pk)  # it waits already
    assert encoding.encode_catalog(catalog_id=films.pk)
    row = TextEncoding.objects.get(pk=films.pk)
    assert (row.status, row.done, row.total) == ("succeeded", 3, 3)
    assert not encoding.encode_catalog(catalog_id=films.pk)
    assert encoding.request(catalog_id=films.pk)


def test_a_failure_is_noted(films: Catalog, monkeypatch: pytest.MonkeyPatch):
    class Broken:
        def encode(self, texts: Sequence[str]) -> Float:
            raise MemoryError("no room for it")

    monkeypatch.setattr(encoding, "encoder", Broken)
    encoding.request(catalog_id=films.pk)
    assert encoding.encode_catalog(catalog_id=films.pk)
    row = TextEncoding.objects.get(pk=films.pk)
    assert (row.status, row.error) == ("failed", "MemoryError: no room for it")


def test_a_dead_workers_work_and_a_lost_message_are_found(films: Catalog):
    encoding.request(catalog_id=films.pk)
    assert encoding.forgotten() == []
    row = TextEncoding.objects.filter(pk=films.pk)
    row.update(requested=Now() - timedelta(hours=1))
    assert encoding.forgotten() == [films.pk]
    assert encoding.forgotten() == []  # enqueued a moment ago
    row.update(status="running", worker="elsewhere:1:2.00:x", heartbeat=Now())
    assert encoding.forgotten() == []
    row.update(heartbeat=Now() - timedelta(hours=1))
    assert encoding.forgotten() == [films.pk]
    assert TextEncoding.objects.get(pk=films.pk).status == "queued"


@pytest.mark.django_db(transaction=True)
def test_what_comes_or_changes_after_a_training_is_noticed(films: Catalog):
    assert encoding.changed_since() == []  # nobody has read this catalog's texts yet
    encoding.ensure_vectors(catalog_id=films.pk)
    encoding.keep_up(catalog_id=films.pk)
    assert encoding.changed_since() == []
    films.items.create(client_id="late", title="Late")
    assert encoding.changed_since() == [films.pk]
    tasks.reap_encodings()
    assert encoding.encode_catalog(catalog_id=films.pk)
    assert encoding.changed_since() == []
    assert films.items.get(client_id="late").text_vector is not None


@pytest.mark.django_db(transaction=True)
def test_a_worker_encodes_what_is_asked_for(worker):
    films = catalog_of([[0]], 2)
    worker()
    tasks.start_encoding(catalog_id=films.pk)
    until(lambda: TextEncoding.objects.filter(pk=films.pk, status="succeeded").exists(), 60, "encoding")
    assert not films.items.filter(text_vector=None).exists()
