"""Filter, diversity, sessions, similar people and what came out last, over REST."""

from __future__ import annotations

from datetime import date

import pytest
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.algorithms import registry
from recommender.models import Attribute, EndUser, Impression, Interaction, Item
from recommender.services import impressions, memory, shelf
from tests.recommender.api.support import fields_of, problem_of

ROUTES = {
    "recommendations": ("users", "u1", "recommendations"),
    "popular": ("popular",),
    "latest": ("latest",),
    "similar": ("items", "i3", "similar"),
}


@pytest.fixture(autouse=True)
def nothing_on_the_shelf() -> None:
    shelf.forget()


def items(answer):
    return [each["item"] for each in answer["items"]]


def listed(client, route, **query):
    answer = client.get(*ROUTES[route], **query)
    assert answer.status_code == 200, answer.content
    return items(answer.json())


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("on_shelf", [True, False])
def test_a_filter_works_on_every_list(api, filled, deploy, route, on_shelf):
    deploy(filled, "item_knn")
    filled.attributes.create(scope="item", name="studio", type="category")
    Item.objects.filter(client_id__in=["i7", "i8", "i20"]).update(year=1999, attributes={"studio": "A"})
    if on_shelf:
        shelf.fill(filled.pk)
    client = api("read")
    everything = listed(client, route, n=500)
    for asked, true_of in (
        ("category = 'Comedy'", {f"i{at}" for at in range(12)}),
        ("not category = 'Comedy' or title in ('Title 2', 'Title 4')", {f"i{at}" for at in [2, 4, *range(12, 24)]}),
        ("year >= 1999 and attribute.studio = 'A'", {"i7", "i8", "i20"}),
        ("title contains 'TITLE 1'", {f"i{at}" for at in [1, *range(10, 20)]}),
    ):
        assert listed(client, route, n=500, filter=asked) == [each for each in everything if each in true_of], asked
    assert listed(client, route, filter="year < 0") == []


@pytest.mark.parametrize("route", ROUTES)
def test_a_filter_that_cannot_be_read_is_told_with_its_position(api, filled, route):
    for asked in (["year >"], ["year > 1", "year < 3"], ["category:"], ["attribute.nothing = 1"]):
        document = problem_of(api("read").get(*ROUTES[route], filter=asked), 400)
        assert fields_of(document) == ["filter"]
    assert "position 7" in problem_of(api("read").get(*ROUTES[route], filter="year >"), 400)["detail"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30) | st.lists(st.sampled_from(
    ["not", "and", "or", "(", ")", "year", "=", "1", "'a'", "in", ",", "category", "attribute.", "title", "contains"]
)).map(" ".join))  # fmt: skip
def test_nonsense_in_a_filter_is_never_our_fault(api, filled, text):
    if not hasattr(filled, "asking"):
        filled.asking = api("read")
    assert filled.asking.get("popular", filter=text.encode("utf-8", "replace")).status_code in (200, 400)


def test_a_change_of_an_item_is_in_the_next_filtered_list(api, filled, deploy):
    deploy(filled, "item_knn")
    client = api("write")
    asked = {"filter": "year = 2001", "n": 500}
    for _ in range(2):
        assert client.list_for("u1", **asked)["items"] == []
    client.patch("items", "i20", body={"year": 2001})
    assert items(client.list_for("u1", **asked)) == ["i20"]


@pytest.mark.parametrize("route", ROUTES)
def test_pages_of_a_diverse_list_are_disjoint_and_together_the_whole(api, filled, deploy, route):
    deploy(filled, "ease")
    client = api("read")
    whole = listed(client, route, n=500, diversity=0.5)
    pages = [listed(client, route, n=4, offset=offset, diversity=0.5) for offset in range(0, 24, 4)]
    assert [item for page in pages for item in page] == whole
    assert sorted(whole) == sorted(listed(client, route, n=500))


def test_a_diverse_list_mixes_categories(api, filled, deploy):
    deploy(filled, "item_knn")
    client = api("read")
    plain, diverse = (items(client.list_for("u0", n=6, diversity=share)) for share in (0, 1))
    kinds = [{int(item[1:]) < 12 for item in found} for found in (plain, diverse)]
    assert kinds == [{True}, {True, False}] and plain[0] == diverse[0]


def test_without_categories_those_who_met_items_tell_how_alike_they_are(api, filled, deploy):
    deploy(filled, "item_knn")
    Item.objects.update(categories=[])
    diverse = items(api("read").list_for("u0", n=4, diversity=0.9))
    assert {int(item[1:]) < 12 for item in diverse} == {True, False}


@pytest.mark.parametrize("wrong", ["-0.1", "1.1", "half", "", "nan", "1e-3"])
def test_diversity_is_a_share(api, filled, wrong):
    assert fields_of(problem_of(api("read").get("popular", diversity=wrong), 400)) == ["diversity"]


def test_what_came_out_last(api, filled):
    Item.objects.filter(client_id="i4").update(released=date(2030, 5, 1))
    Item.objects.filter(client_id="i5").update(year=2031)
    Item.objects.filter(client_id="i6").update(released=date(1950, 1, 2), year=2040)
    answer = api("read").get("latest", n=500).json()["items"]
    assert [each["item"] for each in answer[:2]] == ["i5", "i4"] and answer[-1]["item"] == "i6"
    assert answer[1]["score"] == (date(2030, 5, 1) - date(1970, 1, 1)).days
    assert [each["rank"] for each in answer] == list(range(1, 25))


def test_people_who_met_the_same(api, filled):
    client = api("read")
    answer = client.get("users", "u0", "similar", n=3).json()
    assert answer["user"] == "u0" and [each["rank"] for each in answer["users"]] == [1, 2, 3]
    met = {
        person: set(Interaction.objects.filter(user__client_id=person).values_list("item", flat=True))
        for person in ["u0", *(each["user"] for each in answer["users"])]
    }
    for each in answer["users"]:
        assert each["score"] == pytest.approx(len(met["u0"] & met[each["user"]]) / 6, abs=1e-6)
    assert answer["users"] == client.get("users", "u0", "similar", n=5).json()["users"][:3]
    problem_of(client.get("users", "no one", "similar"), 404)
    assert all(int(each["user"][1:]) % 2 == 0 for each in client.get("users", "u0", "similar", n=500).json()["users"])


@pytest.mark.parametrize("algorithm", [name for name in registry.ALGORITHMS if "ranking" in registry.abilities(name)])
def test_a_session_is_answered_as_a_person_with_that_history_and_leaves_nothing(api, filled, deploy, algorithm):
    deploy(filled, algorithm)
    client = api("write")
    events = [{"item": f"i{at}", "value": 4, "time": f"2026-01-31T12:0{at}:00Z"} for at in (3, 1, 2)]
    counted = [model.objects.count() for model in (EndUser, Item, Interaction)]
    answer = client.post("sessions", "recommendations", body={"events": events, "n": 5})
    assert answer.status_code == 200, answer.content
    document = answer.json()
    told = {"used", "unknown", "too_new", "repeated", "off_scale", "unseen", "unread"}
    assert set(document) == {"recommendation_id", "run", "algorithm", "remedy", "items"} | told
    assert document["used"] == 3 and not any(document[name] for name in told - {"used"})
    assert [model.objects.count() for model in (EndUser, Item, Interaction)] == counted
    assert memory.client().llen(impressions.LIST) == 0 and not Impression.objects.exists()
    for event in events:
        client.event("someone", **event)
    assert items(client.list_for("someone", n=5)) == items(document)


def test_a_session_takes_what_recommendations_take(api, filled, deploy):
    run = deploy(filled, "ease")
    other = deploy(filled, "item_knn", serve=False)
    client = api("read")
    body = {"events": [{"item": "i3"}, {"item": "not yet known"}]}
    whole = client.post("sessions", "recommendations", body=body | {"n": 500}).json()
    assert whole["run"] == run.pk and whole["unknown"] == ["not yet known"] and "i3" not in items(whole)
    more = {"n": 3, "offset": 2, "filter": "category = 'Comedy'", "exclude": ["i4"], "run": other.pk, "diversity": 0.2,
            "context": {"weather": "rain"}}  # fmt: skip
    answer = client.post("sessions", "recommendations", body=body | more).json()
    assert answer["run"] == other.pk and [each["rank"] for each in answer["items"]] == [3, 4, 5]
    assert "i4" not in items(answer) and all(int(item[1:]) < 12 for item in items(answer))
    nobody = client.post("sessions", "recommendations", body={"events": []}).json()
    assert nobody["run"] is None and nobody["algorithm"] == "popular"


def test_a_session_says_what_it_did_not_take_as_it_stood(api, filled, deploy):
    Interaction.objects.update(value=F("id") % 5 + 1)
    Attribute.objects.create(catalog=filled, scope="user", name="age", type="category", feature=True)
    EndUser.objects.filter(client_id__endswith="1").update(attributes={"age": "young"})
    deploy(filled, "prototypes")
    Item.objects.create(catalog=filled, client_id="new")
    events = [{"item": "i1", "value": 5}, {"item": "i1", "value": 1}, {"item": "i2", "value": 99}, {"item": "new"},
              {"item": "nothing"}]  # fmt: skip
    body = {"events": events, "attributes": {"age": "never seen", "shoe": 43}, "n": 500}
    answer = api("read").post("sessions", "recommendations", body=body).json()
    assert {name: answer[name] for name in ("used", "unknown", "too_new", "repeated", "off_scale")} == {
        "used": 2, "unknown": ["nothing"], "too_new": ["new"], "repeated": ["i1"], "off_scale": ["i2"]}  # fmt: skip
    assert (answer["unseen"], answer["unread"]) == (["age"], ["shoe"])
    assert not {"i1", "i2", "new"} & set(items(answer))
    clean = [{"item": "i1", "value": 1}, {"item": "i2", "value": 5}]
    again = api("read").post("sessions", "recommendations", body={"events": clean, "n": 500}).json()
    assert [each["item"] for each in again["items"] if each["item"] != "new"] == items(answer)


def test_a_session_of_attributes_alone_is_answered_by_who_reads_them(api, filled, deploy):
    Attribute.objects.create(catalog=filled, scope="user", name="age", type="category", feature=True)
    for at, user in enumerate(EndUser.objects.order_by("id")):
        EndUser.objects.filter(pk=user.pk).update(attributes={"age": "young" if at % 2 else "old"})
    run = deploy(filled, "ridge_head", epochs=2, factors=4, width=8, features=4)
    answer = api("read").post("sessions", "recommendations", body={"events": [], "attributes": {"age": "old"}}).json()
    assert answer["run"] == run.pk and answer["used"] == 0
    assert {each["reason"]["code"] for each in answer["items"]} == {"attributes"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "events"),
        ({"events": "i1"}, "events"),
        ({"events": [{"item": "a/b"}]}, "events.0.item"),
        ({"events": [{"item": "i1", "value": "5"}]}, "events.0.value"),
        ({"events": [{"item": "i1", "when": 5}]}, "events.0.when"),
        ({"events": [{"item": "i1", "kind": "rating"}]}, "events.0.value"),
        ({"events": [], "n": 0}, "n"),
        ({"events": [], "diversity": 2}, "diversity"),
        ({"events": [], "filter": "year"}, "filter"),
        ({"events": [], "context": {"a": 1}}, "context"),
        ({"events": [], "run": 10**9}, "run"),
        ({"events": [], "user": "u0"}, "user"),
    ],
)
def test_nonsense_in_a_session_is_named(api, filled, body, field):
    assert field in fields_of(problem_of(api("read").post("sessions", "recommendations", body=body), 400))
