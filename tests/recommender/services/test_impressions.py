"""Impressions: pushed with the answer, written in batches, never twice, never lost."""

from __future__ import annotations

import pytest

from recommender import tasks
from recommender.models import Catalog, EndUser, Impression, Item
from recommender.services import erasure, impressions, memory, serving
from recommender.services.serving import Question
from recsite.celery import app
from tests.support import until


@pytest.fixture
def catalog(db: None) -> Catalog:
    memory.client().delete(impressions.LIST)
    catalog = Catalog.objects.create(name="films")
    Item.objects.bulk_create(Item(catalog=catalog, client_id=f"i{at}") for at in range(5))
    EndUser.objects.create(catalog=catalog, client_id="u")
    return catalog


def test_an_answer_becomes_an_impression(catalog):
    question = Question(catalog.pk, "u", n=2, offset=1, context={"weather": "rain"})
    answer = serving.recommend(question)
    assert not Impression.objects.exists() and impressions.waiting() == 1
    assert impressions.drain() == 1 and impressions.waiting() == 0
    row = Impression.objects.get()
    assert row.id == answer.recommendation_id and row.user.client_id == "u" and row.run is None
    assert [Item.objects.get(pk=key).client_id for key in row.items] == [each.item for each in answer.items]
    assert row.scores == [0.0, 0.0] and row.propensities == [1.0, 1.0]
    assert (row.offset, row.context) == (1, {"weather": "rain"})


def test_an_empty_answer_is_an_impression_too(db):
    memory.client().delete(impressions.LIST)
    serving.recommend(Question(Catalog.objects.create(name="empty").pk, "u"))
    impressions.drain()
    assert Impression.objects.get().items == []


def test_killed_after_writing_and_before_taking_away_nothing_is_written_twice(catalog):
    serving.recommend(Question(catalog.pk, "u"))
    waiting = memory.client().lrange(impressions.LIST, 0, -1)
    impressions.drain()
    memory.client().rpush(impressions.LIST, *waiting)  # as if the first drain had died before LTRIM
    serving.recommend(Question(catalog.pk, "u"))
    assert impressions.drain() == 2
    assert Impression.objects.count() == 2


def test_a_failed_write_leaves_the_list_as_it_was(catalog, monkeypatch):
    serving.recommend(Question(catalog.pk, "u"))
    monkeypatch.setattr(impressions, "INSERT", "SELECT nothing FROM nowhere WHERE %s")
    with pytest.raises(Exception, match="nowhere"):
        impressions.drain()
    monkeypatch.undo()
    assert impressions.waiting() == 1 and impressions.drain() == 1


@pytest.mark.parametrize("poison", [b"{", b'{"id": "x"}', b"\xff", b'{"scores": [NaN]}'])
def test_a_row_that_cannot_be_written_does_not_stop_the_others(catalog, caplog, poison):
    serving.recommend(Question(catalog.pk, "u"))
    memory.client().rpush(impressions.LIST, poison)
    serving.recommend(Question(catalog.pk, "u"))
    assert impressions.drain() == 3 and impressions.waiting() == 0
    assert Impression.objects.count() == 2 and "dropped" in caplog.text


def test_more_than_a_batch(catalog, monkeypatch):
    monkeypatch.setattr(impressions, "BATCH", 3)
    for _ in range(8):
        serving.recommend(Question(catalog.pk, "u"))
    assert impressions.drain() == 8 and Impression.objects.count() == 8


def test_someone_erased_meanwhile_leaves_none(catalog):
    serving.recommend(Question(catalog.pk, "u"))
    erasure.erase(catalog=catalog, user_ids=[EndUser.objects.get().pk])
    assert impressions.drain() == 1 and not Impression.objects.exists()


def test_without_redis_answers_go_on_and_it_is_said_once(catalog, monkeypatch, caplog):
    away = memory.connected("unix:///nonexistent/redis.sock")  # before the patch: it is what is patched in
    monkeypatch.setattr(memory, "client", lambda: away)
    monkeypatch.setattr(memory, "_away_until", 0.0)
    for _ in range(3):
        assert len(serving.recommend(Question(catalog.pk, "u")).items) == 5
    assert [record.levelname for record in caplog.records if "Redis" in record.message] == ["WARNING"]


@pytest.mark.django_db(transaction=True)
def test_the_worker_writes_them(worker, transactional_db):
    memory.client().delete(impressions.LIST)
    catalog = Catalog.objects.create(name="films")
    worker("default")
    answer = serving.recommend(Question(catalog.pk, "u"))
    tasks.drain_impressions.delay()
    until(lambda: Impression.objects.filter(pk=answer.recommendation_id).exists(), what="the impression")


def test_beat_asks_for_it():
    tasks_of_beat = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert "recommender.tasks.drain_impressions" in tasks_of_beat
