"""The OpenAPI document describes every route, and its page needs nothing from elsewhere."""

from __future__ import annotations

import warnings

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.recommender.api.support import Api, problem_of
from tests.recommender.api.test_rights import TABLE, methods_of, routes

HIDDEN = {("users-bulk", "GET"), ("users-bulk", "PATCH"), ("users-bulk", "DELETE"), ("schema", "GET")} | {
    ("items-bulk", method) for method in ("GET", "PATCH", "DELETE")
}


def test_the_document_is_valid_and_complete_and_without_warnings():
    GENERATOR_STATS.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = SchemaGenerator().get_schema(request=None, public=True)
    validate_schema(document)
    assert not GENERATOR_STATS._warn_cache and not GENERATOR_STATS._error_cache
    described = sum(len(operations) for operations in document["paths"].values())
    ours = {entry for entry in TABLE if not entry[0].startswith("gorse-")}
    assert described == len(ours - HIDDEN)
    assert len(routes()) >= len(document["paths"])
    assert all(methods_of(pattern) for pattern in routes())


def test_every_operation_lists_problems_and_has_its_own_name():
    document = SchemaGenerator().get_schema(request=None, public=True)
    names = []
    for operations in document["paths"].values():
        for operation in operations.values():
            names.append(operation["operationId"])
            assert "application/problem+json" in operation["responses"]["400"]["content"]
            assert operation["summary"]
    assert len(names) == len(set(names))


def test_the_document_is_served_to_a_key_and_not_to_a_stranger(api, catalog):
    answer = api("read").get("schema")
    assert answer.status_code == 200 and b"openapi" in answer.content
    problem_of(Api().get("schema"), 401)


@pytest.mark.django_db
def test_the_page_is_for_logins_and_loads_only_local_files(client, logins, settings):
    settings.LOGIN_URL = "/login/"
    stranger = client.get("/api/docs/")
    assert stranger.status_code == 302 and "next=/api/docs/" in stranger.headers["Location"]
    page = logins["analyst"].get("/api/docs/").content.decode()
    assert "http://" not in page and "https://" not in page and "<style" not in page
    assert problem_of(logins["analyst"].post("/api/docs/"), 405)
    script = logins["analyst"].get("/api/docs/?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")
