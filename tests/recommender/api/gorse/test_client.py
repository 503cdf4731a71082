"""Gorse's published Python client, unchanged, against a live server of ours; and documented calls that it lacks."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from gorse import Gorse, GorseException

from recommender.api.gorse import feedback
from recommender.models import Interaction, Item
from recommender.services import keys

STARS = [
    {"FeedbackType": "star", "UserId": "bob", "ItemId": item, "Timestamp": "2022-02-24T00:00:00Z"}
    for item in ("vuejs:vue", "d3:d3", "dogfalo:materialize")
]


@pytest.fixture
def secret(transactional_db: None, catalog: Any) -> str:
    return keys.create(catalog=catalog, name="shop", scope="write").secret


@pytest.fixture
def client(live_server: Any, secret: str) -> Gorse:
    return Gorse(live_server.url, secret)


def test_people_are_inserted_read_listed_and_deleted(client):
    bob = {"UserId": "bob", "Labels": {"gender": "M", "age": 24}, "Comment": "my user"}
    assert client.insert_user(bob) == {"RowAffected": 1}
    assert client.get_user("bob") == bob
    others = [{"UserId": f"u{at}", "Labels": ["a", "b"], "Comment": ""} for at in range(3)]
    assert client.insert_users(others) == {"RowAffected": 3}
    first, cursor = client.get_users(2)
    rest, end = client.get_users(2, cursor)
    assert ([each["UserId"] for each in first + rest], end) == (["bob", "u0", "u1", "u2"], "")
    assert rest[0]["Labels"] == ["a", "b"]
    assert client.delete_user("bob") == {"RowAffected": 1}
    with pytest.raises(GorseException) as gone:
        client.get_user("bob")
    assert gone.value.status_code == 404


def test_items_are_inserted_changed_found_and_deleted(client):
    item = {
        "ItemId": "vuejs:vue",
        "IsHidden": False,
        "Labels": {"language": "JavaScript"},
        "Categories": ["framework"],
        "Timestamp": "2022-02-24T12:30:00Z",
        "Comment": "Vue.js framework",
    }
    assert client.insert_item(item) == {"RowAffected": 1}
    assert client.get_item("vuejs:vue") == item
    assert client.update_item("vuejs:vue", is_hidden=True, categories=["a", "b"]) == {"RowAffected": 1}
    assert client.get_item("vuejs:vue") == item | {"IsHidden": True, "Categories": ["a", "b"]}
    assert [each["ItemId"] for each in client.search_items("vue.js")] == ["vuejs:vue"]
    assert client.get_items(5) == ([client.get_item("vuejs:vue")], "")
    assert client.delete_item("vuejs:vue") == {"RowAffected": 1}
    assert client.get_items(5) == ([], "")


def test_a_long_comment_comes_back_whole(client):
    client.insert_item({"ItemId": "long", "Comment": "x" * 1500, "Timestamp": "2022-02-24"})
    assert client.get_item("long")["Comment"] == "x" * 1500
    assert client.get_item("long")["Timestamp"] == "2022-02-24T00:00:00Z"


def test_feedback_is_taken_once_listed_and_deleted(client):
    assert client.insert_feedbacks(STARS) == {"RowAffected": 3}
    assert client.insert_feedbacks(STARS) == {"RowAffected": 0}
    assert client.insert_feedback("read", "bob", "d3:d3", "2022-02-25T00:00:00Z") == {"RowAffected": 1}
    assert [each["ItemId"] for each in client.list_feedbacks("star", "bob")] == [each["ItemId"] for each in STARS]
    first, cursor = client.get_feedbacks(3)
    rest, end = client.get_feedbacks(3, cursor)
    assert (len(first), [each["FeedbackType"] for each in rest], end) == (3, ["read"], "")
    assert client.delete_feedback("bob", "d3:d3") == {"RowAffected": 2}
    assert Interaction.objects.count() == 2


def test_lists_of_one_hold_what_came_in_last(client, live_server, secret, monkeypatch):
    monkeypatch.setattr(feedback, "MOST_LISTED", 2)
    client.insert_feedbacks([*STARS, STARS[2] | {"UserId": "ann"}, STARS[2] | {"UserId": "cy"}])
    assert [each["ItemId"] for each in client.list_feedbacks("star", "bob")] == ["d3:d3", "dogfalo:materialize"]
    address = f"{live_server.url}/api/item/dogfalo:materialize/feedback"
    found = requests.get(address, headers={"X-API-Key": secret}, timeout=20).json()
    assert [each["UserId"] for each in found] == ["ann", "cy"]


def test_feedback_of_long_ids_that_begin_alike_is_not_one(client):
    person, items = "u" * 128, ["i" * 127 + last for last in "ab"]
    rows = [{"FeedbackType": "star", "UserId": person, "ItemId": item, "Timestamp": ""} for item in items]
    assert client.insert_feedbacks(rows) == {"RowAffected": 2}
    assert client.insert_feedbacks(rows) == {"RowAffected": 0}


def test_feedback_is_taken_whole_or_not_at_all(live_server, catalog, secret, client):
    """A key that creates nobody: one unknown item, and nothing is written or taken away."""
    client.insert_feedbacks(STARS)
    strict = keys.create(catalog=catalog, name="strict", scope="write", creates_unknown=False).secret
    unknown = [STARS[0], STARS[1] | {"ItemId": "nowhere"}]
    fresh = [STARS[0] | {"FeedbackType": "fork"}, unknown[1]]
    for call, body in (("put", unknown), ("post", fresh)):
        answer = requests.request(
            call, f"{live_server.url}/api/feedback", json=body, headers={"X-API-Key": strict}, timeout=20
        )
        assert answer.status_code == 400 and "nowhere" in answer.text
        assert sorted(Interaction.objects.values_list("kind", "item__client_id")) == sorted(
            ("star", each["ItemId"]) for each in STARS
        )


def test_recommendations_come_with_scores_and_leave_out_what_was_met(client, filled, deploy):
    deploy(filled, "ease")
    found = client.get_recommend("u0", n=3)
    assert len(found) == 3 and found[0].score >= found[1].score >= found[2].score
    met = {each["ItemId"] for each in client.list_feedbacks("rating", "u0")}
    assert not met & {each.id for each in found}
    drama = client.get_recommend("u0", category="Drama", n=3)
    assert Item.objects.filter(client_id__in=[each.id for each in drama], categories=["Drama"]).count() == 3
    client.insert_feedback("star", "u0", found[0].id, "2026-02-01T00:00:00Z")
    assert found[0].id not in {each.id for each in client.get_recommend("u0", n=10)}


def test_a_session_is_answered_and_not_kept(client, filled, deploy):
    deploy(filled, "ease")
    before = Interaction.objects.count()
    session = [{"FeedbackType": "read", "UserId": "", "ItemId": item, "Timestamp": ""} for item in ("i0", "i1")]
    found = client.session_recommend(session, n=3)
    assert len(found) == 3 and not {"i0", "i1"} & {each["Id"] for each in found}
    assert Interaction.objects.count() == before


def test_written_back_recommendations_are_not_shown_again(client, filled, deploy):
    deploy(filled, "ease")
    first = [each.id for each in client.get_recommend("u0", n=3, write_back_type="read")]
    assert [each["ItemId"] for each in client.list_feedbacks("read", "u0")] == first
    assert not set(first) & {each.id for each in client.get_recommend("u0", n=3)}


def test_calls_that_the_client_lacks(live_server, secret, client, filled, deploy):
    deploy(filled, "ease")

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{live_server.url}/api/{path}", json=body, headers={"X-API-Key": secret})
        return answer.status_code, answer.json()

    status, ids = call("GET", "recommend/u0?n=2")
    assert (status, ids) == (200, [each.id for each in client.get_recommend("u0", n=2)])
    status, popular = call("GET", "popular?n=2")
    assert status == 200 and set(popular[0]) == {"Id", "Score"}
    assert [set(each) for each in call("GET", "latest?n=2")[1]] == [{"Id", "Score"}] * 2
    assert [set(each) for each in call("GET", "user/u0/neighbors?n=2")[1]] == [{"Id", "Score"}] * 2
    assert [set(each) for each in client.get_neighbors("i0", n=2)] == [{"Id", "Score"}] * 2
    assert call("PUT", "item/i0/category/New") == (200, {"RowAffected": 1})
    assert call("DELETE", "item/i0/category/Comedy") == (200, {"RowAffected": 1})
    assert client.get_item("i0")["Categories"] == ["New"]
    again = {"FeedbackType": "star", "UserId": "u0", "ItemId": "i0", "Timestamp": "", "Value": 2}
    assert (
        call("PUT", "feedback", [again]) == call("PUT", "feedback", [again | {"Value": 3}]) == (200, {"RowAffected": 1})
    )
    assert call("GET", "feedback/star/u0/i0")[1]["Value"] == 3
    assert call("GET", "item/i0/feedback/star")[1] == [call("GET", "feedback/star/u0/i0")[1]]
    assert call("PATCH", "user/u0", {"Labels": {"age": 30}, "Comment": None}) == (200, {"RowAffected": 1})
    assert client.get_user("u0") == {"UserId": "u0", "Labels": {"age": 30}, "Comment": ""}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("user", {"UserId": "a/b"}),
        ("user", [1]),
        ("users", []),
        ("item", {"ItemId": "x", "Timestamp": "yesterday"}),
        ("item", {"ItemId": "x", "Timestamp": 5}),
        ("item", {"ItemId": "x", "Categories": "one"}),
        ("feedback", [{"FeedbackType": "no blanks", "UserId": "u", "ItemId": "i", "Timestamp": ""}]),
        ("feedback", [{"UserId": "u", "ItemId": "i"}]),
        ("feedback", "text"),
    ],
)
def test_nonsense_is_refused_in_words_and_changes_nothing(live_server, secret, path, body):
    answer = requests.post(f"{live_server.url}/api/{path}", json=body, headers={"X-API-Key": secret})
    assert answer.status_code == 400 and answer.json()["detail"]
    assert not Item.objects.exists() and not Interaction.objects.exists()
