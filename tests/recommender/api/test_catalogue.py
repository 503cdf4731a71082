"""People and items over REST: by the client's own ids, one or many."""

from __future__ import annotations

import pytest

from recommender.models import EndUser, Item
from tests.recommender.api.support import at, fields_of, problem_of

ODD_IDS = [
    "a.b",
    "a.b.json",
    "two words",
    "50%",
    "%2F",
    "ünï-çødé",
    "日本",
    "a+b",
    "a?b#c",
    "a&b=c",
    "bulk",
    "a'b\"c",
    "x" * 128,
]
FULL = {
    "id": "film 1",
    "title": "Alien",
    "description": "In space.",
    "categories": ["Horror", "Sci-Fi"],
    "creators": ["Ridley Scott"],
    "year": 1979,
    "released": "1979-05-25",
    "price": 9.5,
    "image": "https://example.org/alien.jpg",
    "attributes": {"minutes": 117, "tags": ["ship"]},
    "hidden": False,
}


@pytest.mark.parametrize("kind", ["users", "items"])
@pytest.mark.parametrize("odd", ODD_IDS)
def test_any_id_can_be_made_read_changed_and_deleted(api, catalog, kind, odd):
    client = api("write")
    made = client.post(kind, body={"id": odd})
    assert made.status_code == 201 and made.json()["id"] == odd
    assert client.get(kind, odd).json()["id"] == odd
    assert client.patch(kind, odd, body={"attributes": {"a": 1}}).json()["attributes"] == {"a": 1}
    if kind == "users":
        assert client.list_for(odd)["user"] == odd
    else:
        assert client.get("items", odd, "similar").json()["item"] == odd
    assert client.delete(kind, odd).status_code == 204
    problem_of(client.get(kind, odd), 404)


def test_an_item_keeps_all_it_was_given(api, catalog):
    client = api("write")
    assert client.post("items", body=FULL).json() == FULL
    assert client.get("items", "film 1").json() == FULL
    changed = client.patch("items", "film 1", body={"hidden": True, "year": None}).json()
    assert changed == FULL | {"hidden": True, "year": None}


def test_an_id_that_is_taken_is_a_conflict(api, catalog):
    client = api("write")
    client.post("users", body={"id": "a", "attributes": {"age": 3}})
    assert "PATCH" in problem_of(client.post("users", body={"id": "a"}), 409)["detail"]
    assert client.get("users", "a").json()["attributes"] == {"age": 3}


def test_an_id_cannot_be_changed(api, catalog):
    client = api("write")
    client.post("users", body={"id": "a"})
    assert fields_of(problem_of(client.patch("users", "a", body={"id": "b"}), 400)) == ["id"]
    assert client.patch("users", "a", body={"id": "a"}).status_code == 200


def test_pages_hold_everything_once_even_while_rows_come_in(api, catalog):
    client = api("write")
    client.post("users", "bulk", body=[{"id": f"u{at}"} for at in range(25)])
    found, address = [], at("users", limit=10)
    while address:
        page = client.client.get(address).json()
        found += [each["id"] for each in page["results"]]
        client.post("users", body={"id": f"late {len(found)}"})
        address = page["next"]
    assert set(found) > {f"u{at}" for at in range(25)} and len(found) == len(set(found))


@pytest.mark.parametrize("cursor", ["", "x", "=", "YWZ0ZXIgMQ==x", "ü", "YWZ0ZXIgLTE", "a" * 5000])
def test_a_cursor_that_was_not_handed_out(api, catalog, cursor):
    assert fields_of(problem_of(api("read").get("users", cursor=cursor), 400)) == ["cursor"]


def test_bulk_makes_changes_and_tells_what_it_could_not_take(api, catalog):
    client = api("write")
    client.post("items", body={"id": "old", "title": "Kept", "year": 1990})
    rows = [
        {"id": "old", "year": 1991},
        {"id": "new", "title": "New"},
        {"id": "new"},
        {"title": "no id"},
        5,
        {"id": "/"},
    ]
    answer = client.post("items", "bulk", body=rows).json()
    assert {name: answer[name] for name in ("accepted", "created", "updated")} == {
        "accepted": 2,
        "created": 1,
        "updated": 1,
    }
    assert [(each["index"], each["field"]) for each in answer["rejected"]] == [(2, "id"), (3, "id"), (4, ""), (5, "id")]
    old = client.get("items", "old").json()
    assert (old["title"], old["year"]) == ("Kept", 1991)


def test_ten_thousand_in_one_call_and_no_more(api, catalog):
    client = api("write")
    rows = [{"id": f"i{at}", "title": f"T{at}", "categories": ["a", "b"]} for at in range(10_001)]
    assert fields_of(problem_of(client.post("items", "bulk", body=rows), 400)) == ["body"]
    assert client.post("items", "bulk", body=rows[1:]).json()["created"] == 10_000
    assert Item.objects.count() == 10_000


BAD_ITEMS = [
    ({}, "id"),
    ({"id": ""}, "id"),
    ({"id": None}, "id"),
    ({"id": True}, "id"),
    ({"id": 1.5}, "id"),
    ({"id": ["a"]}, "id"),
    ({"id": "a/b"}, "id"),
    ({"id": ".."}, "id"),
    ({"id": " a"}, "id"),
    ({"id": "a\n"}, "id"),
    ({"id": "x" * 129}, "id"),
    ({"id": 10**200}, "id"),
    ({"id": "a", "title": 5}, "title"),
    ({"id": "a", "title": "x" * 1001}, "title"),
    ({"id": "a", "title": None}, "title"),
    ({"id": "a", "categories": "Comedy"}, "categories"),
    ({"id": "a", "categories": [1]}, "categories.0"),
    ({"id": "a", "categories": [""]}, "categories.0"),
    ({"id": "a", "categories": ["x"] * 101}, "categories"),
    ({"id": "a", "year": "1990"}, "year"),
    ({"id": "a", "year": 1e99}, "year"),
    ({"id": "a", "year": 10**400}, "year"),
    ({"id": "a", "year": 4000}, "year"),
    ({"id": "a", "released": "soon"}, "released"),
    ({"id": "a", "released": 5}, "released"),
    ({"id": "a", "price": -1}, "price"),
    ({"id": "a", "price": "9"}, "price"),
    ({"id": "a", "price": 10**400}, "price"),
    ({"id": "a", "image": "javascript:alert(1)"}, "image"),
    ({"id": "a", "hidden": "yes"}, "hidden"),
    ({"id": "a", "attributes": []}, "attributes"),
    ({"id": "a", "attributes": {"a": "x" * 20_000}}, "attributes"),
    ({"id": "a", "attributes": {"a": [[[[[[1]]]]]]}}, "attributes"),
    ({"id": "a", "colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("body", "field"), BAD_ITEMS)
def test_an_item_that_cannot_be_taken_names_the_field(api, catalog, body, field):
    client = api("write")
    assert fields_of(problem_of(client.post("items", body=body), 400)) == [field]
    rejected = client.post("items", "bulk", body=[body]).json()["rejected"]
    assert rejected[0]["field"] == field and rejected[0]["message"]
    if "id" in body and field != "id":
        client.post("items", body={"id": "a"})
        changes = {name: value for name, value in body.items() if name != "id"}
        assert fields_of(problem_of(client.patch("items", "a", body=changes), 400)) == [field]
    else:
        assert not Item.objects.exists()


BAD_BODIES = {
    "empty": b"",
    "unfinished": b"{",
    "unfinished list": b"[1",
    "no word": b"nul",
    "text": b'"text"',
    "number": b"5",
    "empty list": b"[]",
    "list in list": b"[[]]",
    "last comma": b'{"id": "a",}',
    "not UTF-8": b"\xff\xfe",
    "not a number": b'{"id": NaN}',
    "infinite": b'{"id": 1e999}',
    "NUL": b'{"id": "\\u0000"}',
    "raw NUL": b'{"id": "a\x00"}',
    "half a pair": b'{"id": "a", "title": "\\ud800"}',
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "closed deep list": b"[" * 900 + b"]" * 900,
    "long number": b'{"id": ' + b"9" * 5000 + b"}",
    "object as id": b'{"id": {"a": 1}}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
@pytest.mark.parametrize(
    "route", [("users",), ("items",), ("users", "bulk"), ("items", "bulk"), ("events",), ("runs",)]
)
def test_a_body_that_cannot_be_read_is_a_problem_and_changes_nothing(api, catalog, route, body):
    answer = api("manage").post(*route, body=body)
    if answer.status_code == 200:  # a list of rows, none of which could be taken
        assert answer.json()["accepted"] == 0 and answer.json()["rejected"]
    else:
        problem_of(answer, 400)
    assert not EndUser.objects.exists() and not Item.objects.exists()


def test_a_body_that_is_too_large_or_not_json(api, catalog, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
    client = api("write")
    large = b'{"id": "a", "title": "' + b"x" * (1 << 20) + b'"}'
    assert "1 MiB" in problem_of(client.post("items", body=large), 413)["detail"]
    answer = client.client.post("/api/v1/items/", b"id=a", content_type="application/x-www-form-urlencoded")
    assert "application/json" in problem_of(answer, 415)["detail"]
    answer = client.client.get("/api/v1/items/", headers={"Accept": "text/html"})
    assert "application/json" in problem_of(answer, 406)["detail"]


@pytest.mark.parametrize("path", ["nowhere/", "users/a/nothing/", "users/a/b/recommendations/", "", "runs/x/"])
def test_addresses_that_are_none(api, catalog, path):
    problem_of(api("read").client.get(f"/api/v1/{path}"), 404)


def test_an_address_without_its_slash_is_told(api, catalog):
    assert "/api/v1/users/" in problem_of(api("read").client.get("/api/v1/users"), 404)["detail"]


@pytest.mark.parametrize("raw", ["a%00b", "%2e%2e%2f", "%20a", "a%0a", "x" * 129, "%ff"])
@pytest.mark.parametrize("rest", ["", "recommendations/"])
def test_ids_in_addresses_that_are_none(api, catalog, raw, rest):
    answer = api("read").client.get(f"/api/v1/users/{raw}/{rest}")
    assert answer.status_code in (400, 404) or raw == "%ff", answer.content
    assert answer.headers["Content-Type"] in ("application/problem+json", "application/json")
