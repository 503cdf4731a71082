"""Adapting to everyone: who is new or has changed, in shards, resumed, cancelled, the same as within a request."""

from __future__ import annotations

import pytest
from django.test import Client

from recommender import tasks
from recommender.exceptions import BadInput, Conflict
from recommender.models import AdaptationShard, AdaptedState, EndUser
from recommender.rights import ANALYST
from recommender.services import bulk_adaptation, loaded, serving
from tests.recommender.api.conftest import (  # noqa: F401 (fixtures)
    api,
    catalog,
    deploy,
    filled,
    logins,
    nothing_loaded,
    other,
)  # fmt: skip
from tests.recommender.pages import text_of
from tests.support import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(transactional_db, filled, deploy):  # noqa: F811
    return deploy(filled, "prototypes")


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(bulk_adaptation, "SHARD", 12)
    monkeypatch.setattr(bulk_adaptation, "PART", 5)


def carried_out(made):
    for shard in made.shards.all():
        assert bulk_adaptation.execute_shard(shard_id=shard.pk)
    return bulk_adaptation.standing(adaptation=made)


def test_everyone_is_adapted_to_in_shards_and_only_once(filled, run, small, api):  # noqa: F811
    made = bulk_adaptation.create_adaptation(catalog=filled)
    told = carried_out(made)
    assert told == {"status": "succeeded", "progress": 1.0, "people": 30, "adapted": 30, "shards": 3, "error": ""}
    assert AdaptedState.objects.filter(run=run).count() == 30
    api("write").post("events", body={"user": "u3", "item": "i20", "kind": "rating", "value": 5})
    again = carried_out(bulk_adaptation.create_adaptation(catalog=filled))
    assert (again["people"], again["adapted"]) == (30, 1)


def test_a_request_uses_what_was_adapted_in_bulk(filled, run, monkeypatch):  # noqa: F811
    """The marks and the numbers are those of a request."""
    alone = [each.score for each in serving.recommend(serving.Question(filled.pk, "u3")).items]
    AdaptedState.objects.all().delete()
    carried_out(bulk_adaptation.create_adaptation(catalog=filled))
    monkeypatch.setattr(loaded.get(run.pk).model, "adapt", None)
    found = [each.score for each in serving.recommend(serving.Question(filled.pk, "u3")).items]
    assert found == pytest.approx(alone, rel=1e-4)


def test_a_shard_goes_on_where_another_worker_left_it(filled, run, small):  # noqa: F811
    made = bulk_adaptation.create_adaptation(catalog=filled)
    shard = made.shards.first()
    reached = EndUser.objects.order_by("id")[9].pk
    AdaptationShard.objects.filter(pk=shard.pk).update(reached=reached, people=10, adapted=10)
    bulk_adaptation.execute_shard(shard_id=shard.pk)
    shard.refresh_from_db()
    assert (shard.status, shard.people, AdaptedState.objects.count()) == ("succeeded", 12, 2)
    assert not bulk_adaptation.execute_shard(shard_id=shard.pk)


def test_it_is_cancelled(filled, run, small):  # noqa: F811
    made = bulk_adaptation.create_adaptation(catalog=filled)
    bulk_adaptation.execute_shard(shard_id=made.shards.first().pk)
    bulk_adaptation.cancel_adaptation(adaptation=made)
    assert bulk_adaptation.standing(adaptation=made)["status"] == "cancelled"
    assert AdaptedState.objects.count() == 12
    with pytest.raises(Conflict, match="nothing to cancel"):
        bulk_adaptation.cancel_adaptation(adaptation=made)


def test_a_failure_says_why(filled, run):  # noqa: F811
    run.checkpoints.all().delete()
    told = carried_out(bulk_adaptation.create_adaptation(catalog=filled))
    assert told["status"] == "failed" and "train it again" in told["error"]


def test_what_cannot_be_adapted_is_named(filled, other, deploy):  # noqa: F811
    with pytest.raises(Conflict, match="Nothing is in service"):
        bulk_adaptation.create_adaptation(catalog=other)
    with pytest.raises(BadInput) as caught:
        bulk_adaptation.create_adaptation(catalog=filled, run_id=10**9)
    assert caught.value.field == "run"
    with pytest.raises(Conflict, match="does not adapt"):
        bulk_adaptation.create_adaptation(catalog=filled, run_id=deploy(filled, "ease").pk)
    assert bulk_adaptation.due() == []


def test_two_at_once_are_one(filled, run):  # noqa: F811
    bulk_adaptation.create_adaptation(catalog=filled)
    with pytest.raises(Conflict, match="already"):
        bulk_adaptation.create_adaptation(catalog=filled)
    tasks.adapt_everyone()  # of which the night makes nothing


def test_a_blend_adapts_only_to_those_it_hardly_knows(filled, deploy):  # noqa: F811
    deploy(filled, "blend", threshold=2.0, sharpness=16.0)  # alone from three on
    EndUser.objects.create(catalog=filled, client_id="newcomer")
    told = carried_out(bulk_adaptation.create_adaptation(catalog=filled))
    assert (told["people"], told["adapted"]) == (31, 1)


def test_a_worker_carries_it_out_by_the_night(filled, run, worker):  # noqa: F811
    worker()
    tasks.adapt_everyone.delay()
    until(lambda: AdaptedState.objects.count() == 30, what="adapting to everyone")


def test_the_page_starts_stops_and_tells_it(filled, run, logins: dict[str, Client]):  # noqa: F811
    page, analyst = "/films/serving/", logins[ANALYST]
    assert "has adapted to 0 people" in text_of(analyst.get(page))
    told = text_of(analyst.post(f"{page}adaptations/new/", follow=True))
    assert f"{run} is being adapted to everyone" in told and "waiting" in told
    made = filled.adaptations.get()
    assert "Adapting stops" in text_of(analyst.post(f"{page}adaptations/{made.pk}/cancel/", follow=True))
    assert analyst.post(f"{page}adaptations/999/cancel/").status_code == 404
    carried_out(bulk_adaptation.create_adaptation(catalog=filled))
    assert "has adapted to 30 people" in text_of(analyst.get(page))
