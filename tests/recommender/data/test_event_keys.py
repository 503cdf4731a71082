"""Keys of interactions: the same row has the same key in Python and in PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from recommender.data import event_keys

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def test_a_repeated_row_gets_another_key_and_a_repeated_call_the_same_ones():
    rows = [("u", "i", "view", None, 5), ("u", "i", "view", None, 5), ("u", "j", "view", None, 5)]
    keys = event_keys.of_rows(rows)
    assert len(set(keys)) == 3
    assert event_keys.of_rows(rows) == keys


def test_an_events_own_name_decides():
    assert event_keys.of_event("a") == event_keys.of_event("a") != event_keys.of_event("b")


@pytest.mark.django_db
@pytest.mark.parametrize("value", [None, 4.0, -0.1, 1e16, 1e-7, 3.3333333333333335])
@pytest.mark.parametrize("microseconds", [0, 881_250_949_000_000, 1_700_000_000_123_456])
def test_postgresql_derives_the_same_key(value, microseconds):
    names = {"user": "%s::text", "item": "%s::text", "kind": "%s::text", "value": "%s::float8"}
    query = event_keys.SQL.format(**names, time="%s::timestamptz", occurrence="%s::int")
    given = ("ünïcode %", "a.b", "rating", value, EPOCH + timedelta(microseconds=microseconds), 2)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {query}", given)
        (found,) = cursor.fetchone()
    assert found == event_keys.of_row("ünïcode %", "a.b", "rating", value, microseconds, 2)
