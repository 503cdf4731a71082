"""Who may call what: every route of the URL conf × every scope, every group, and strangers.

A route or method that is not in the table fails the test until it is.
"""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import URLPattern

from explain.api import urls as explain_urls
from recommender.api import urls
from recommender.api.base import ApiView
from recommender.models import Run
from recommender.rights import ANALYST, CATALOGUE_MANAGER, OPERATOR
from tests.recommender.api.support import Api, problem_of

EVERYONE = {ANALYST, CATALOGUE_MANAGER, OPERATOR}
SENDERS = {CATALOGUE_MANAGER, OPERATOR}
EDITORS = {CATALOGUE_MANAGER}
TRAINERS = {ANALYST, OPERATOR}
DEPLOYERS = {OPERATOR}

GORSE_READ = (
    *("user-new", "users", "user", "user-feedback", "user-feedback-of"),
    *("item-new", "items", "item", "item-feedback", "item-feedback-of"),
    *("item-neighbors", "item-neighbors-all", "item-neighbors-in"),
    *("feedback", "feedback-of-type", "feedback-of", "feedback-one"),
    *("recommend", "recommend-all", "recommend-in", "popular", "popular-in"),
    *("latest", "latest-in", "user-neighbors"),
)
GORSE_DELETE = ("user", "item", "category", "feedback-of", "feedback-one")
TABLE = {
    ("schema", "GET"): ("read", EVERYONE),
    ("users", "GET"): ("read", EVERYONE),
    ("users", "POST"): ("write", SENDERS),
    ("users-bulk", "GET"): ("read", EVERYONE),
    ("users-bulk", "POST"): ("write", SENDERS),
    ("users-bulk", "PATCH"): ("write", EDITORS),
    ("users-bulk", "DELETE"): ("write", EDITORS),
    ("user", "GET"): ("read", EVERYONE),
    ("user", "PATCH"): ("write", EDITORS),
    ("user", "DELETE"): ("write", EDITORS),
    ("user-recommendations", "GET"): ("read", EVERYONE),
    ("user-similar", "GET"): ("read", EVERYONE),
    ("session-recommendations", "POST"): ("read", EVERYONE),
    ("latest", "GET"): ("read", EVERYONE),
    ("items", "GET"): ("read", EVERYONE),
    ("items", "POST"): ("write", SENDERS),
    ("items-bulk", "GET"): ("read", EVERYONE),
    ("items-bulk", "POST"): ("write", SENDERS),
    ("items-bulk", "PATCH"): ("write", EDITORS),
    ("items-bulk", "DELETE"): ("write", EDITORS),
    ("item", "GET"): ("read", EVERYONE),
    ("item", "PATCH"): ("write", EDITORS),
    ("item", "DELETE"): ("write", EDITORS),
    ("item-similar", "GET"): ("read", EVERYONE),
    ("popular", "GET"): ("read", EVERYONE),
    ("events", "POST"): ("write", SENDERS),
    ("batches", "GET"): ("read", EVERYONE),
    ("batches", "POST"): ("manage", TRAINERS),
    ("batch", "GET"): ("read", EVERYONE),
    ("batch-file", "GET"): ("read", EVERYONE),
    ("deployments-previous", "POST"): ("manage", DEPLOYERS),
    ("runs", "GET"): ("read", EVERYONE),
    ("runs", "POST"): ("manage", TRAINERS),
    ("run", "GET"): ("read", EVERYONE),
    ("run-cancel", "POST"): ("manage", TRAINERS),
    ("run-deploy", "POST"): ("manage", DEPLOYERS),
    ("explanation", "GET"): ("read", EVERYONE),
    ("explanations", "GET"): ("read", EVERYONE),
    ("explanations", "POST"): ("manage", TRAINERS),
    ("explanations-detail", "GET"): ("read", EVERYONE),
    ("explanations-cancel", "POST"): ("manage", TRAINERS),
    ("explanations-file", "GET"): ("read", EVERYONE),
    ("fairness-reports", "GET"): ("read", EVERYONE),
    ("fairness-reports", "POST"): ("manage", TRAINERS),
    ("fairness-report", "GET"): ("read", EVERYONE),
    ("fairness-report-cancel", "POST"): ("manage", TRAINERS),
    ("tunings", "GET"): ("read", EVERYONE),
    ("tunings", "POST"): ("manage", TRAINERS),
    ("tuning", "GET"): ("read", EVERYONE),
    ("tuning-cancel", "POST"): ("manage", TRAINERS),
    **{(f"gorse-{name}", "GET"): ("read", EVERYONE) for name in GORSE_READ},
    **{
        (f"gorse-{name}", "POST"): ("write", SENDERS) for name in ("user-new", "users", "item-new", "items", "feedback")
    },
    ("gorse-feedback", "PUT"): ("write", SENDERS),
    **{(f"gorse-{name}", "POST"): ("read", EVERYONE) for name in ("session", "session-in")},
    **{(f"gorse-{name}", "PATCH"): ("write", EDITORS) for name in ("user", "item")},
    **{(f"gorse-{name}", "DELETE"): ("write", EDITORS) for name in GORSE_DELETE},
    ("gorse-category", "PUT"): ("write", EDITORS),
}
OPEN = {"docs", "nothing"}
"""Not views of the API itself: the page has a test of its own, the last one only says that nothing is there."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ORDER = {"read": 0, "write": 1, "manage": 2}


def routes() -> list[URLPattern]:
    return [pattern for pattern in [*explain_urls.urlpatterns, *urls.urlpatterns] if pattern.name not in OPEN]


def methods_of(pattern: URLPattern) -> list[str]:
    view = pattern.callback.cls
    return [method for method in METHODS if hasattr(view, method.lower()) and method != "OPTIONS"]


def address(pattern: URLPattern) -> str:
    return "/api/" + re.sub("<int:[a-z]+>", "1", re.sub("<client_id:[a-z]+>", "x.y", str(pattern.pattern)))


def test_the_table_lists_every_route_and_method():
    found = {(pattern.name, method) for pattern in routes() for method in methods_of(pattern)}
    assert found == set(TABLE)


def test_every_route_is_a_view_of_the_api_and_needs_what_it_says():
    for pattern in routes():
        view = pattern.callback.cls
        assert issubclass(view, ApiView), pattern.name
        assert set(view.needs) == set(methods_of(pattern)), pattern.name


@pytest.mark.parametrize("scope", ["read", "write", "manage"])
def test_a_key_may_what_its_scope_gives(api, filled, scope):
    client = api(scope)
    for pattern in routes():
        for method in methods_of(pattern):
            answer = client.send(method, address(pattern), b"{")
            needed, _ = TABLE[pattern.name, method]
            if ORDER[scope] < ORDER[needed]:
                assert f"scope {needed}" in problem_of(answer, 403)["detail"]
            else:
                assert answer.status_code not in (401, 403, 500), (pattern.name, method, answer.content)


def test_a_login_may_what_its_groups_give(logins, filled):
    for name, client in logins.items():
        for pattern in routes():
            for method in methods_of(pattern):
                answer = client.generic(method, f"{address(pattern)}?catalog=films", b"{", "application/json")
                _, allowed = TABLE[pattern.name, method]
                if name == "no member" and pattern.name != "schema":
                    problem_of(answer, 404)
                elif name == "superuser" or name in allowed or (name == "no member" and allowed >= EVERYONE):
                    assert answer.status_code not in (401, 403, 500), (name, pattern.name, method, answer.content)
                else:
                    problem_of(answer, 403)


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": ""}, {"X-API-Key": "rk_12345678_wrong"}, {"X-API-Key": "ü"}])
def test_a_stranger_gets_nothing(db, headers):
    client = Api(headers)
    for pattern in routes():
        for method in METHODS:
            answer = client.send(method, address(pattern), b"{}")
            problem_of(answer, 401)
            assert answer.headers["WWW-Authenticate"].startswith("ApiKey")


def test_a_revoked_key_is_refused_at_once(api, filled):
    client = api("manage")
    assert client.get("users").status_code == 200
    filled.keys.update(revoked="2026-01-01T00:00Z")
    problem_of(client.get("users"), 401)


def test_a_method_that_a_route_does_not_take_is_told_with_those_it_takes(api, filled):
    client = api("manage")
    for pattern in routes():
        for method in set(METHODS) - set(methods_of(pattern)):
            answer = client.send(method, address(pattern), b"{}")
            problem_of(answer, 405)
            assert set(answer.headers["Allow"].split(", ")) == set(methods_of(pattern))


def test_writes_by_session_need_the_csrf_token(logins, filled, django_user_model):
    client = Client(enforce_csrf_checks=True)
    client.force_login(django_user_model.objects.get(username=CATALOGUE_MANAGER))
    address = "/api/v1/users/?catalog=films"
    assert client.get(address).status_code == 200
    refused = client.post(address, {"id": "new"}, content_type="application/json")
    assert "CSRF" in problem_of(refused, 403)["detail"]
    client.cookies["csrftoken"] = "a" * 32
    taken = client.post(address, {"id": "new"}, content_type="application/json", headers={"X-CSRFToken": "a" * 32})
    assert taken.status_code == 201


def test_a_login_must_say_which_catalog(logins, filled):
    assert problem_of(logins[ANALYST].get("/api/v1/users/"), 400)["errors"][0]["field"] == "catalog"
    problem_of(logins[ANALYST].get("/api/v1/users/?catalog=nowhere"), 404)
    problem_of(logins[ANALYST].get("/api/v1/users/?catalog=%00"), 404)


def test_a_key_never_sees_another_catalog(api, filled, other):
    mine, theirs = api("manage"), api("manage", to=other)
    theirs.event("their user", "their item")
    run = Run.objects.create(catalog=other, algorithm="ease")
    for answer in (
        mine.get("users", "their user"),
        mine.get("items", "their item"),
        mine.get("items", "their item", "similar"),
        mine.get("runs", str(run.pk)),
        mine.post("runs", str(run.pk), "cancel", body=None),
        mine.post("runs", str(run.pk), "deploy", body=None),
        mine.patch("items", "their item", body={"hidden": True}),
        mine.delete("users", "their user"),
    ):
        problem_of(answer, 404)
    assert theirs.get("users").json()["results"] == [{"id": "their user", "attributes": {}}]
    assert [each["item"] for each in theirs.get("popular").json()["items"]] == ["their item"]
    assert mine.get("runs").json()["results"] == []
    assert mine.list_for("their user")["items"][0]["reason"]["text"].endswith("of this person yet.")
    answer = mine.get("users", catalog="songs")
    assert "belongs to the catalog" in problem_of(answer, 403)["detail"]


def test_a_key_cannot_start_from_the_weights_of_another_catalog(api, filled):
    body = {"algorithm": "ridge_head", "config": {"start": 1, "use_text": True}}
    problem = problem_of(api("manage").post("runs", body=body), 400)
    assert problem["errors"][0]["field"] == "config.start"
    assert "belongs to one catalog" in problem["errors"][0]["message"]
