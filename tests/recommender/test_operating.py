"""Metrics, ids of requests, and lines of the log."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.conf import settings as given
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from recommender import logs
from recommender.models import Catalog
from tests.recommender.pages import films


def read(client: Client, **headers: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.django_db
def test_requests_are_counted_by_route_and_the_state_is_told(client: Client) -> None:
    films()
    label = (("method", "GET"), ("route", "/health/live"), ("status", "200"))
    before = read(client).get(("recsite_requests_total", label), 0)
    client.get("/health/live")
    found = read(client)
    assert found["recsite_requests_total", label] == before + 1
    assert found["recsite_server_up", (("server", "database"),)] == 1
    assert found["recsite_queue_depth", (("queue", "default"),)] >= 0
    assert found["recsite_live_runs", ()] == 1
    assert found["recsite_newest_interaction_age_seconds", (("catalog", "films"),)] > 0
    assert found["recsite_request_seconds_count", (("route", "/health/live"),)] >= 1


@pytest.mark.django_db
def test_no_label_holds_an_address_or_a_strange_method(client: Client) -> None:
    Catalog.objects.create(name="films")
    client.get("/films/people/ann-secret/")
    client.get("/nowhere/at/all/nobody-secret/")
    client.generic("BREW", "/health/live")
    told = client.get("/metrics").content.decode()
    assert "secret" not in told
    assert "BREW" not in told


@pytest.mark.django_db
def test_only_this_machine_or_who_has_the_token_reads_metrics(client: Client, settings: Any) -> None:
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 403
    settings.METRICS_TOKEN = "a secret"
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer another"}).status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Bearer a secret"}).status_code == 200


@pytest.mark.parametrize(("sent", "kept"), [("abc-1.2_Z", True), ("two words", False), ("a" * 65, False), ("", False)])
def test_a_request_keeps_a_well_formed_id_and_gets_one_otherwise(client: Client, sent: str, kept: bool) -> None:
    got = client.get("/health/live", headers={"X-Request-Id": sent})["X-Request-Id"]
    assert (got == sent) is kept
    assert logs.WELL_FORMED.match(got)


def line(**bound: Any) -> logging.LogRecord:
    record = logging.LogRecord("recommender", logging.INFO, __file__, 1, "run %s", (7,), None)
    with logs.bound(**bound):
        logs.Context().filter(record)
    return record


def test_a_line_of_json_holds_what_is_bound() -> None:
    found = json.loads(logs.JsonLines().format(line(request_id="abc", run=7)))
    assert (found["message"], found["request_id"], found["run"], found["level"]) == ("run 7", "abc", 7, "INFO")


def test_a_plain_line_ends_with_what_is_bound() -> None:
    format = given.LOGGING["formatters"]["line"]
    text = logging.Formatter(format["format"], style=format["style"]).format(line(request_id="abc"))
    assert text.endswith("recommender: run 7 request_id=abc")
    assert logs.now() == {}


def test_an_error_in_json_holds_its_traceback() -> None:
    record = line()
    record.exc_info = (ValueError, ValueError("no"), None)
    assert "ValueError: no" in json.loads(logs.JsonLines().format(record))["error"]
