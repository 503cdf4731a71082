"""Answers given again: only while nothing they depend on has changed, by whatever process or statement."""

from __future__ import annotations

import threading
import uuid

import pytest
from django.db import connection, transaction

from recommender.algorithms import registry
from recommender.models import Catalog, EndUser, Impression, Interaction, Item
from recommender.services import answers, feedback, impressions, keys, loaded, memory, serving, shelf
from recommender.services.feedback import Event
from tests.recommender.api.conftest import fill
from tests.recommender.api.support import NOW, at, problem_of
from tests.support import until

HIT, MISS = "recsite; hit", "recsite; fwd=miss"


@pytest.fixture(autouse=True)
def nothing_on_the_shelf() -> None:
    shelf.forget()


def asked(client, user="u0", **query):
    """(how the answer came about, the document)"""
    answer = client.get("users", user, "recommendations", **query)
    assert answer.status_code == 200, answer.content
    return answer.headers.get("Cache-Status"), answer.json()


def listed(document):
    return [each["item"] for each in document["items"]]


@pytest.fixture
def ready(filled, deploy):
    """A catalog whose recommender has answered u0 once."""
    deploy(filled, "ease")
    return filled


def test_an_answer_is_given_again_with_an_id_and_an_impression_of_its_own(api, ready):
    client = api("read")
    ways, documents = zip(*(asked(client, n=5, **{"context.weather": "rain"}) for _ in range(3)), strict=True)
    assert ways == (MISS, HIT, HIT)
    ids = [document.pop("recommendation_id") for document in documents]
    assert len(set(ids)) == 3 and documents[0] == documents[1] == documents[2]
    assert impressions.drain() == 3
    rows = list(Impression.objects.order_by("time"))
    assert {str(row.pk) for row in rows} == set(ids)
    assert len({(row.user_id, row.run_id, tuple(row.items), tuple(row.scores), row.offset) for row in rows}) == 1
    assert all(row.context == {"weather": "rain"} for row in rows)
    assert rows[0].time < rows[2].time


def test_another_question_is_another_answer(api, ready):
    client = api("read")
    assert asked(client, n=3)[0] == MISS
    assert asked(client, n=4)[0] == MISS
    assert asked(client, user="u1", n=3)[0] == MISS
    assert asked(client, n=3)[0] == HIT
    assert listed(asked(client, n=3, profiling="off")[1]) == listed(asked(client, n=3, profiling="off")[1])


def new_event(catalog):
    feedback.record(catalog=catalog, events=[(0, Event("u0", "i9", "view", None, NOW))])


CHANGES = {
    "an event": new_event,
    "an event by SQL": lambda catalog: Interaction.objects.create(
        catalog=catalog, user=EndUser.objects.get(client_id="u0"), item=Item.objects.get(client_id="i9"), kind="view",
        time=NOW, event_key=uuid.uuid4(),
    ),
    "an event taken back": lambda catalog: Interaction.objects.filter(user__client_id="u0").last().delete(),
    "an item hidden": lambda catalog: Item.objects.filter(client_id="i8").update(hidden=True),
    "an item renamed": lambda catalog: Item.objects.filter(client_id="i8").update(title="Another"),
    "an item deleted": lambda catalog: Item.objects.get(client_id="i23").delete(),
    "an item added": lambda catalog: Item.objects.create(catalog=catalog, client_id="new"),
    "an attribute declared": lambda catalog: catalog.attributes.create(scope="item", name="studio", type="category"),
    "the person changed": lambda catalog: EndUser.objects.filter(client_id="u0").update(attributes={"age": 3}),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_the_answer_is_made_anew(api, ready, change):
    client = api("read")
    asked(client)
    assert asked(client)[0] == HIT
    CHANGES[change](ready)
    assert asked(client)[0] == MISS


def test_changes_elsewhere_leave_an_answer_alone(api, ready, other):
    client = api("read")
    asked(client)
    fill(other)
    feedback.record(catalog=ready, events=[(0, Event("u1", "i3", "view", None, NOW))])
    assert asked(client)[0] == HIT


@pytest.mark.parametrize("algorithm", [name for name in registry.ALGORITHMS if "ranking" in registry.abilities(name)])
def test_an_event_is_in_the_very_next_answer_though_the_one_before_is_kept(api, filled, deploy, algorithm):
    deploy(filled, algorithm)
    client = api("write")
    for _ in range(3):
        asked(client)
        way, document = asked(client)
        client.event("u0", listed(document)[0])
        assert listed(document)[0] not in listed(asked(client)[1])
    if document["run"] is not None:
        assert way == HIT


def test_an_answer_that_was_being_made_during_an_event_is_not_given_after_it(api, ready, monkeypatch):
    """The history is read, then the event comes and is acknowledged, then the answer is kept."""
    client = api("write")
    keep = answers.keep

    def late(slot, **given):
        new_event(ready)
        keep(slot, **given)

    monkeypatch.setattr(answers, "keep", late)
    assert asked(client)[0] == MISS
    monkeypatch.setattr(answers, "keep", keep)
    way, document = asked(client)
    assert way == MISS and "i9" not in listed(document)


def test_while_redis_is_away_answers_are_made_anew(api, ready, monkeypatch):
    client = api("read")
    asked(client)
    away = memory.connected("redis://127.0.0.1:1/0")
    monkeypatch.setattr(memory, "client", lambda: away)
    monkeypatch.setattr(memory, "_away_until", 0.0)
    assert [asked(client)[0] for _ in range(2)] == [MISS, MISS]
    monkeypatch.undo()
    monkeypatch.setattr(memory, "_away_until", 0.0)
    assert asked(client)[0] == HIT


def test_nothing_is_kept_of_someone_erased(api, ready):
    client = api("manage")
    asked(client)
    key = answers.key_of(ready.pk, EndUser.objects.get(client_id="u0").pk)
    assert memory.client().hlen(key) == 2
    client.delete("users", "u0")
    assert memory.client().hgetall(key) == {b"label": b"erased"}
    slot = answers.Slot(ready.pk, int(key.rpartition(":")[2]), "label", "asked")
    answers.keep(slot, impression={}, rest=b"}")
    assert memory.client().hgetall(key) == {b"label": b"erased"}


def test_an_answer_of_weights_that_held_someone_erased_is_made_anew(api, filled, deploy):
    """Those whom user_knn remembers speak in the lists of others."""
    run = deploy(filled, "user_knn")
    client = api("manage")
    asked(client)
    assert asked(client)[0] == HIT
    before = run.checkpoints.get().path
    client.delete("users", "u2")
    assert run.checkpoints.get().path != before
    assert [asked(client)[0] for _ in range(2)] == [MISS, HIT]


def test_nothing_is_kept_where_that_is_switched_off(api, ready, settings):
    settings.ANSWER_SECONDS = 0
    client = api("read")
    assert [asked(client)[0] for _ in range(2)] == [MISS, MISS]


def test_a_person_has_a_limited_number_of_answers(api, ready, monkeypatch):
    monkeypatch.setattr(answers, "MOST", 5)
    client = api("read")
    for n in range(1, 12):
        asked(client, n=n)
    assert memory.client().hlen(answers.key_of(ready.pk, EndUser.objects.get(client_id="u0").pk)) <= 7


def test_too_many_calls_are_refused_though_an_answer_is_kept(api, ready, settings):
    client = api("read")
    asked(client)
    rates = {"key": "3/hour", "login": "3/hour"}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}
    for _ in range(3):
        asked(client)
    answer = client.get("users", "u0", "recommendations")
    assert int(answer.headers["Retry-After"]) >= 1
    assert "Try again in" in problem_of(answer, 429)["detail"]


def test_a_revoked_key_gets_nothing_though_an_answer_is_kept(api, ready):
    client = api("read")
    asked(client)
    keys.revoke(key=ready.keys.get())
    problem_of(client.get("users", "u0", "recommendations"), 401)


def test_the_short_way_and_the_long_way_say_the_same(api, logins, ready):
    client = api("read")
    quick = asked(client, n=7, offset=2)[1]
    again = asked(client, n=7, offset=2)[1]
    login = logins["superuser"].get(at("users", "u0", "recommendations", n=7, offset=2, catalog="films")).json()
    head = client.client.head(at("users", "u0", "recommendations"))
    assert head.status_code == 200 and head.content == b""
    for document in (quick, again, login):
        uuid.UUID(document.pop("recommendation_id"))
    assert quick == again == login


def test_the_names_held_in_the_process_give_the_answer_that_the_database_gives(api, ready):
    Item.objects.filter(client_id__in=["i6", "i7", "i11"]).update(hidden=True)
    client = api("read")
    asked_database = asked(client, n=500)[1]
    memory.client().flushdb()
    shelf.fill(ready.pk)
    from_shelf = asked(client, n=500)[1]
    assert from_shelf["items"] == asked_database["items"] and listed(from_shelf)


@pytest.mark.django_db(transaction=True)
def test_events_by_other_connections_are_in_the_next_answer_of_each_person(api, filled, deploy):
    """Several clients at once, each a person: whatever was acknowledged is never recommended again."""
    deploy(filled, "item_knn")
    shelf.fill(filled.pk)
    faults: list[str] = []

    def live(user: str) -> None:
        client = api("write")
        try:
            for _ in range(6):
                for _ in range(3):
                    document = asked(client, user=user, n=3)[1]
                if not document["items"]:
                    break
                chosen = listed(document)[0]
                client.event(user, chosen)
                if chosen in listed(asked(client, user=user, n=3)[1]):
                    faults.append(f"{user} was offered {chosen} again")
        except Exception as error:
            faults.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=live, args=(f"u{at}",)) for at in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    hits, misses = answers.counts()
    assert hits >= 6 * 6 and misses


@pytest.mark.django_db(transaction=True)
def test_an_answer_made_before_a_commit_is_not_given_after_it(api, filled, deploy):
    """An import writes in one long transaction: until it commits its rows are unknown, from then on they count."""
    deploy(filled, "ease")
    client = api("read")
    asked(client)
    began, may_end = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            new_event(filled)
            Item.objects.filter(client_id="i8").update(hidden=True)
            began.set()
            may_end.wait(20)
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    assert began.wait(20)
    assert asked(client)[0] == HIT
    may_end.set()
    thread.join()
    way, document = asked(client, n=500)
    assert way == MISS and not {"i8", "i9"} & set(listed(document))


@pytest.mark.django_db(transaction=True)
def test_another_deployment_takes_over_without_a_gap(api, filled, deploy, monkeypatch):
    """While the new recommender is loaded the one before answers; nobody waits, nobody gets the popular list."""
    first = deploy(filled, "ease")
    client = api("read")
    assert asked(client)[1]["run"] == first.pk
    may_load, load = threading.Event(), loaded.deploying.load_final

    def slow(*, run):
        assert may_load.wait(20)
        return load(run=run)

    monkeypatch.setattr(loaded.deploying, "load_final", slow)
    second = deploy(filled, "item_knn")
    answered = [asked(client, user=f"u{at % 7}")[1]["run"] for at in range(30)]
    assert set(answered) == {first.pk}
    may_load.set()
    until(lambda: asked(client)[1]["run"] == second.pk)
    assert {asked(client, user=f"u{at % 7}")[1]["run"] for at in range(30)} == {second.pk}


@pytest.mark.django_db(transaction=True)
def test_a_deployment_that_cannot_be_loaded_leaves_the_one_before(api, filled, deploy):
    first = deploy(filled, "ease")
    client = api("read")
    asked(client)
    broken = deploy(filled, "item_knn")
    broken.checkpoints.all().delete()
    asked(client)
    until(lambda: broken.pk in loaded._broken)
    assert asked(client, user="u5")[1]["run"] == first.pk


@pytest.mark.django_db(transaction=True)
def test_writers_of_one_catalogue_do_not_wait_for_each_other(filled):
    """The version grows with every commit, in whatever order transactions end."""
    versions = [serving.select.catalogue_version(filled.pk)]
    began, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            Item.objects.create(catalog=filled, client_id="slow")
            began.set()
            may_end.wait(20)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert began.wait(20)
    Item.objects.create(catalog=filled, client_id="quick")
    versions.append(serving.select.catalogue_version(filled.pk))
    may_end.set()
    thread.join()
    versions.append(serving.select.catalogue_version(filled.pk))
    assert versions == sorted(set(versions))


def test_a_catalog_can_be_deleted_with_its_items(filled):
    filled.delete()
    assert not Catalog.objects.exists() and not Item.objects.exists()
