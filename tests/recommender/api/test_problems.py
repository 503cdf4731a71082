"""Everything that goes wrong under /api/ is a problem document, the unexpected included."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client
from psycopg.errors import DeadlockDetected

from recommender.models import Run
from recommender.services import memory, serving
from tests.recommender.api.support import fields_of, problem_of


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (RuntimeError("secret detail"), 500, "noted"),
        (OperationalError("connection refused at 10.0.0.1"), 503, "database"),
    ],
)
def test_what_nobody_expected_tells_nothing_of_the_inside(api, catalog, monkeypatch, caplog, error, status, said):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(serving, "recommend", fail)
    answer = api("read").get("users", "u", "recommendations")
    assert said in problem_of(answer, status)["detail"]
    assert b"secret" not in answer.content and b"10.0.0.1" not in answer.content
    assert any(str(error) in record.getMessage() + str(record.exc_text) for record in caplog.records)


def test_calls_that_met_head_on_are_told_to_be_sent_again(api, catalog, monkeypatch):
    def fail(*_: object) -> None:
        raise OperationalError("deadlock detected") from DeadlockDetected()

    monkeypatch.setattr(serving, "recommend", fail)
    answer = api("read").get("users", "u", "recommendations")
    assert "send it again" in problem_of(answer, 409)["detail"] and answer.headers["Retry-After"] == "1"


def test_even_a_host_that_is_not_ours_gets_a_problem(db):
    answer = Client(raise_request_exception=False).get("/api/v1/users/", headers={"Host": "elsewhere.example"})
    problem_of(answer, 400)


def test_too_many_calls(api, catalog, settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": {"key": "2/day", "login": "2/day"}}
    mine, another = api("read"), api("read")
    assert [mine.get("popular").status_code for _ in range(2)] == [200, 200]
    refused = mine.get("popular")
    document = problem_of(refused, 429)
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    assert refused.headers["Retry-After"] in document["detail"]
    assert another.get("popular").status_code == 200


def test_nobody_is_refused_while_redis_is_away(api, catalog, settings, monkeypatch):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": {"key": "1/day", "login": "1/day"}}
    monkeypatch.setattr(memory, "client", lambda: memory.connected("unix:///nonexistent/redis.sock"))
    monkeypatch.setattr(memory, "_away_until", 0.0)
    client = api("write")
    assert [client.get("popular").status_code for _ in range(3)] == [200, 200, 200]
    client.event("u", "i")
    assert client.list_for("u")["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "algorithm"),
        ({"algorithm": "magic"}, "algorithm"),
        ({"algorithm": 5}, "algorithm"),
        ({"algorithm": "ease", "config": {"regularisation_": 1}}, "config.regularisation_"),
        ({"algorithm": "popularity", "config": {"half_life_days": -1}}, "config.half_life_days"),
        ({"algorithm": "popularity", "config": {"half_life_days": [1]}}, "config.half_life_days"),
        ({"algorithm": "popularity", "config": 5}, "config"),
        ({"algorithm": "ease", "seed": "one"}, "seed"),
        ({"algorithm": "ease", "seed": -1}, "seed"),
        ({"algorithm": "ease", "seed": 10**30}, "seed"),
        ({"algorithm": "ease", "epochs": 3}, "epochs"),
    ],
)
def test_a_run_that_cannot_be_started_names_the_field(api, catalog, body, field):
    assert fields_of(problem_of(api("manage").post("runs", body=body), 400)) == [field]
    assert not Run.objects.exists()


def test_runs_are_made_listed_cancelled_and_deployed(api, filled, deploy):
    client = api("manage")
    made = client.post("runs", body={"algorithm": "popularity", "config": {"half_life_days": 30}, "seed": 7})
    assert made.status_code == 201
    run = made.json()
    assert (run["status"], run["seed"], run["config"]["half_life_days"]) == ("queued", 7, 30.0)
    assert client.get("runs", str(run["id"])).json() == run
    assert "cannot serve" in problem_of(client.post("runs", str(run["id"]), "deploy", body=None), 409)["detail"]
    assert client.post("runs", str(run["id"]), "cancel", body=None).json()["status"] == "cancelled"
    assert "is over" in problem_of(client.post("runs", str(run["id"]), "cancel", body=None), 409)["detail"]
    done = deploy(filled, "ease", serve=False)
    assert client.post("runs", str(done.pk), "deploy", body={}).json()["deployed"] is True
    assert client.list_for("u0")["run"] == done.pk
    listed = client.get("runs", limit=1).json()
    assert [each["id"] for each in listed["results"]] == [done.pk] and "cursor=" in listed["next"]
    assert [each["id"] for each in client.client.get(listed["next"]).json()["results"]] == [run["id"]]


@pytest.mark.parametrize("number", ["0", str(2**63), "9" * 60, "9" * 5000])
@pytest.mark.parametrize("rest", [(), ("cancel",), ("deploy",)])
def test_runs_that_are_not_there(api, catalog, number, rest):
    client = api("manage")
    answer = client.post("runs", number, *rest, body=None) if rest else client.get("runs", number)
    problem_of(answer, 404)
