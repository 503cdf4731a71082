"""Events: each taken once, good ones beside bad ones, unknown people and items made bare."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from recommender.models import EndUser, Interaction, Item
from tests.recommender.api.support import problem_of

REJECTED = [
    ({"item": "i"}, "user"),
    ({"user": "u"}, "item"),
    ({"user": "u/v", "item": "i"}, "user"),
    ({"user": "u", "item": ""}, "item"),
    ({"user": "u", "item": "i", "kind": "Bought it"}, "kind"),
    ({"user": "u", "item": "i", "kind": "x" * 33}, "kind"),
    ({"user": "u", "item": "i", "kind": 5}, "kind"),
    ({"user": "u", "item": "i", "kind": "rating"}, "value"),
    ({"user": "u", "item": "i", "value": "five"}, "value"),
    ({"user": "u", "item": "i", "value": True}, "value"),
    ({"user": "u", "item": "i", "value": 10**400}, "value"),
    ({"user": "u", "item": "i", "time": "yesterday"}, "time"),
    ({"user": "u", "item": "i", "time": "2999-01-01T00:00:00Z"}, "time"),
    ({"user": "u", "item": "i", "time": "2026-02-30T00:00:00Z"}, "time"),
    ({"user": "u", "item": "i", "time": 1e300}, "time"),
    ({"user": "u", "item": "i", "time": -(10**300)}, "time"),
    ({"user": "u", "item": "i", "time": True}, "time"),
    ({"user": "u", "item": "i", "time": []}, "time"),
    ({"user": "u", "item": "i", "context": "rain"}, "context"),
    ({"user": "u", "item": "i", "context": {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}}, "context"),
    ({"user": "u", "item": "i", "event_id": 5}, "event_id"),
    ({"user": "u", "item": "i", "event_id": ""}, "event_id"),
    ({"user": "u", "item": "i", "event_id": "x" * 201}, "event_id"),
    ({"user": "u", "item": "i", "recommendation_id": "that one"}, "recommendation_id"),
    ({"user": "u", "item": "i", "recommendation_id": {}}, "recommendation_id"),
    ({"user": "u", "item": "i", "recommendation_id": 5}, "recommendation_id"),
    ({"user": "u", "item": "i", "timestamp": 5}, "timestamp"),
    ([], ""),
    (None, ""),
    ("event", ""),
]


def test_one_event_with_everything(api, catalog):
    client = api("write")
    shown = client.list_for("u")["recommendation_id"]
    client.event(
        "u", "i", kind="rating", value=4.5, time="2026-01-31T12:00:00+02:00", context={"weather": "rain"},
        event_id="e1", recommendation_id=shown,
    )  # fmt: skip
    row = Interaction.objects.select_related("user", "item").get()
    assert (row.catalog, row.user.client_id, row.item.client_id) == (catalog, "u", "i")
    assert (row.kind, row.value, row.context, row.recommendation_id) == (
        "rating",
        4.5,
        {"weather": "rain"},
        UUID(shown),
    )
    assert row.time == datetime(2026, 1, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1_700_000_000, datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (1_700_000_000_123, datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)),
        (1_700_000_000.5, datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        ("2023-11-14T22:13:20", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("2023-11-14 22:13:20Z", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
    ],
)
def test_times_are_seconds_milliseconds_or_iso(api, catalog, given, expected):
    api("write").event("u", "i", time=given)
    assert Interaction.objects.get().time == expected


def test_what_is_left_out(api, catalog):
    client = api("write")
    client.event("u", "i")
    client.event("u", "i", value=3)
    seen, rated = Interaction.objects.order_by("id")
    assert (seen.kind, seen.value, rated.kind, rated.value) == ("view", None, "rating", 3.0)
    assert timezone.now() - seen.time < timedelta(minutes=1)


def test_a_call_with_good_and_bad_rows_takes_the_good(api, catalog):
    rows = [{"user": "u", "item": "i"}, {"user": "u"}, {"user": "v", "item": "i"}, {"item": "i", "user": "/"}]
    answer = api("write").post("events", body=rows).json()
    assert answer["accepted"] == 2 and answer["duplicate"] == 0
    assert [(each["index"], each["field"]) for each in answer["rejected"]] == [(1, "item"), (3, "user")]
    assert Interaction.objects.count() == 2


@pytest.mark.parametrize(("row", "field"), REJECTED)
def test_an_event_that_cannot_be_taken_names_the_field(api, catalog, row, field):
    answer = api("write").post("events", body=[row, {"user": "good", "item": "good"}]).json()
    assert answer["accepted"] == 1
    assert [(each["index"], each["field"]) for each in answer["rejected"]] == [(0, field)]
    assert answer["rejected"][0]["message"]


def test_an_event_id_is_taken_once(api, catalog):
    client = api("write")
    event = {"user": "u", "item": "i", "event_id": "e"}
    assert client.post("events", body=[event, event]).json() == {"accepted": 1, "duplicate": 1, "rejected": []}
    assert client.post("events", body=event | {"item": "j"}).json()["duplicate"] == 1
    assert Interaction.objects.count() == 1


def test_an_equal_row_sent_again_is_the_same_row(api, catalog):
    client = api("write")
    rows = [{"user": "u", "item": "i", "kind": "view", "time": 1_700_000_000}] * 2
    assert client.post("events", body=rows).json()["accepted"] == 2
    assert client.post("events", body=rows).json() == {"accepted": 0, "duplicate": 2, "rejected": []}


def test_a_key_may_forbid_unknown_ids(api, catalog):
    known = api("write")
    known.event("u", "i")
    strict = api("write", creates_unknown=False)
    rows = [{"user": "u", "item": "i", "value": 2}, {"user": "new", "item": "i"}, {"user": "u", "item": "new"}]
    answer = strict.post("events", body=rows).json()
    assert answer["accepted"] == 1
    assert [(each["index"], each["field"]) for each in answer["rejected"]] == [(1, "user"), (2, "item")]
    assert EndUser.objects.count() == Item.objects.count() == 1


def test_ten_thousand_in_one_call_and_no_more(api, catalog):
    client = api("write")
    rows = [{"user": f"u{at % 97}", "item": f"i{at % 89}", "event_id": str(at)} for at in range(10_001)]
    problem_of(client.post("events", body=rows), 400)
    assert client.post("events", body=rows[1:]).json()["accepted"] == 10_000
    assert EndUser.objects.count() == 97 and Item.objects.count() == 89


def test_events_keep_the_order_in_which_they_were_sent(api, catalog):
    rows = [{"user": "u", "item": f"i{at}", "time": 1_700_000_000} for at in (5, 3, 9, 1)]
    api("write").post("events", body=rows)
    found = Interaction.objects.order_by("time", "id").values_list("item__client_id", flat=True)
    assert list(found) == ["i5", "i3", "i9", "i1"]


@pytest.mark.django_db(transaction=True)
def test_calls_that_meet_each_other_lose_nothing(transactional_db, api, catalog):
    """Several clients send overlapping batches in different orders at once: no deadlock, each event once."""
    clients = [api("write") for _ in range(4)]
    answers = []

    def send(client, step):
        rows = [{"user": f"u{at}", "item": f"i{at}", "event_id": str(at)} for at in range(200)]
        answers.append(client.post("events", body=rows[::step]).json())
        connection.close()

    threads = [threading.Thread(target=send, args=(client, (-1) ** at)) for at, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer["accepted"] for answer in answers) == 200 == Interaction.objects.count()
    assert sum(answer["duplicate"] for answer in answers) == 600
