"""Recommendations over REST, with recommenders really trained and deployed."""

from __future__ import annotations

import math
import uuid

import pytest

from recommender.algorithms import registry
from recommender.models import Attribute, EndUser, Item
from tests.recommender.api.conftest import fill
from tests.recommender.api.support import fields_of, problem_of

ALGORITHMS = [name for name in registry.ALGORITHMS if "ranking" in registry.abilities(name)]
MECHANISMS = {
    "popularity": "popular", "random": "random", "sasrec": "sequence", "latest": "new", "user_knn": "people",
    "gru": "sequence", "fm": "fields", "ncf": "fields",
}  # fmt: skip
LINEAR = [name for name in ALGORITHMS if hasattr(registry.get(name), "contributions")]


def items(answer):
    return [each["item"] for each in answer["items"]]


def test_an_empty_catalog_gives_an_empty_list(api):
    answer = api("read").list_for("nobody")
    assert answer["items"] == [] and answer["run"] is None and answer["user"] == "nobody"
    uuid.UUID(answer["recommendation_id"])


def test_without_a_deployed_run_the_most_popular_unseen_items_come(api, filled):
    answer = api("read").list_for("u0", n=24)
    assert answer["algorithm"] == "popular" and answer["run"] is None
    assert len(answer["items"]) == 18  # 24 less the 6 that u0 met
    assert answer["items"][0]["reason"]["code"] == "popular"
    scores = [each["score"] for each in answer["items"]]
    assert scores == sorted(scores, reverse=True)


def test_someone_never_seen_is_told_so(api, filled, deploy):
    deploy(filled, "ease")
    answer = api("read").list_for("who is this?")
    assert answer["items"][0]["reason"] == {
        "code": "popular",
        "because": [],
        "text": "Popular with everyone; we know nothing of this person yet.",
    }
    assert answer["run"] is None


@pytest.mark.parametrize("algorithm", MECHANISMS)
def test_a_model_that_is_not_linear_names_its_mechanism_and_claims_no_causes(api, filled, deploy, algorithm):
    run = deploy(filled, algorithm)
    answer = api("read").list_for("u0", n=3)
    assert answer["run"] == run.pk and answer["algorithm"] == algorithm
    for each in answer["items"]:
        assert each["reason"]["code"] == MECHANISMS[algorithm] and each["reason"]["because"] == []
        assert "because" not in each["reason"]["text"].lower()


@pytest.mark.parametrize("algorithm", LINEAR)
def test_a_linear_model_names_what_of_the_history_counted(api, filled, deploy, algorithm):
    run = deploy(filled, algorithm)
    answer = api("read").list_for("u0", n=3)
    assert answer["run"] == run.pk and answer["algorithm"] == algorithm
    seen = {f"i{step}" for step in range(6)}
    first = answer["items"][0]
    assert first["rank"] == 1 and first["item"] not in seen
    assert first["reason"]["code"] == "history" and first["reason"]["because"]
    assert set(first["reason"]["because"]) <= seen
    assert first["reason"]["text"].startswith("Because of Title ")


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, None])
def test_an_event_changes_the_next_answer(api, filled, deploy, algorithm):
    if algorithm:
        deploy(filled, algorithm)
    client = api("write")
    before = items(client.list_for("u0"))
    client.event("u0", before[0])
    after = items(client.list_for("u0"))
    assert before[0] not in after and after != before


def test_a_first_event_makes_the_answer_personal(api, filled, deploy):
    run = deploy(filled, "item_knn")
    client = api("write")
    assert client.list_for("new.person")["run"] is None
    client.event("new.person", "i13")
    answer = client.list_for("new.person")
    assert answer["run"] == run.pk
    assert answer["items"][0]["reason"]["because"] == ["i13"]


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, None])
def test_a_hidden_item_never_appears(api, filled, deploy, algorithm):
    if algorithm:
        deploy(filled, algorithm)
    client = api("manage")
    first = items(client.list_for("u0"))[0]
    assert client.patch("items", first, body={"hidden": True}).status_code == 200
    for user in ("u0", "u1", "nobody"):
        assert first not in items(client.list_for(user, n=500))
    assert first not in items(client.get("popular", n=500).json())
    similar = client.get("items", "i3", "similar", n=500).json()
    assert first not in items(similar)


@pytest.mark.parametrize("algorithm", ["item_knn", "ease", "ials"])
def test_a_hidden_item_is_no_reason_either(api, filled, deploy, algorithm):
    deploy(filled, algorithm)
    client = api("write")
    named = {name for each in client.list_for("u0", n=50)["items"] for name in each["reason"]["because"]}
    assert named
    hidden = min(named)
    assert client.patch("items", hidden, body={"hidden": True}).status_code == 200
    for each in client.list_for("u0", n=50)["items"]:
        assert hidden not in each["reason"]["because"]


def test_when_most_items_are_hidden_the_rest_still_comes(api, filled, deploy):
    deploy(filled, "ease")
    Item.objects.filter(catalog=filled).exclude(client_id__in=["i20", "i21"]).update(hidden=True)
    assert sorted(items(api("read").list_for("u0", n=2))) == ["i20", "i21"]


def test_a_deleted_item_disappears_and_a_new_one_is_not_scored_yet(api, filled, deploy):
    deploy(filled, "ease")
    client = api("manage")
    first = items(client.list_for("u0"))[0]
    assert client.delete("items", first).status_code == 204
    client.post("items", body={"id": "brand new"})
    listed = items(client.list_for("u0", n=500))
    assert first not in listed and "brand new" not in listed and listed


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, None])
def test_pages_are_disjoint_and_together_the_whole(api, filled, deploy, algorithm):
    if algorithm:
        deploy(filled, algorithm)
    client = api("read")
    whole = client.list_for("u0", n=500)
    pages = [client.list_for("u0", n=4, offset=offset) for offset in range(0, 24, 4)]
    assert [item for page in pages for item in items(page)] == items(whole)
    assert [each["rank"] for each in pages[1]["items"]] == [5, 6, 7, 8]


def test_exclude_takes_repeated_and_comma_separated_ids(api, filled, deploy):
    deploy(filled, "ease")
    client = api("read")
    best = items(client.list_for("u0", n=4))
    answer = client.list_for("u0", n=500, exclude=[best[0], f"{best[1]},{best[2]}"])
    assert items(answer)[0] == best[3] and not set(best[:3]) & set(items(answer))


@pytest.mark.parametrize("algorithm", ["ease", None])
def test_filter_by_category(api, filled, deploy, algorithm):
    if algorithm:
        deploy(filled, algorithm)
    client = api("read")
    comedies = items(client.list_for("u1", n=500, filter="category:Comedy"))
    assert sorted(comedies) == sorted(f"i{at}" for at in range(12))
    both = items(client.list_for("u1", n=500, filter=["category:Comedy", "category:Drama"]))
    assert len(both) == 18
    assert items(client.list_for("u1", filter="category:Nothing")) == []


def test_another_finished_run_can_be_asked(api, filled, deploy, other):
    deployed, second = deploy(filled, "ease"), deploy(filled, "item_knn", serve=False)
    client = api("read")
    assert client.list_for("u0")["run"] == deployed.pk
    assert client.list_for("u0", run=second.pk)["run"] == second.pk
    fill(other)
    for wrong in (10**9, deploy(other, "popularity").pk):
        assert fields_of(problem_of(client.get("users", "u0", "recommendations", run=wrong), 400)) == ["run"]


def test_a_run_that_only_predicts_ratings_cannot_be_asked_for_a_list(api, filled, deploy):
    run = deploy(filled, "mf", serve=False)
    problem = problem_of(api("read").get("users", "u0", "recommendations", run=run.pk), 400)
    assert fields_of(problem) == ["run"]
    assert f"Run {run.pk} makes no lists: mf only predicts ratings" in str(problem)


def test_profiling_off_is_the_same_for_everyone(api, filled, deploy):
    deploy(filled, "ease")
    client = api("read")
    lists = [client.list_for(user, profiling="off", n=24) for user in ("u0", "u1", "nobody")]
    assert items(lists[0]) == items(lists[1]) == items(lists[2]) and len(lists[0]["items"]) == 24
    assert "not based on the person" in lists[0]["items"][0]["reason"]["text"]


def test_a_checkpoint_that_is_gone_leaves_the_popular_list(api, filled, deploy):
    run = deploy(filled, "ease")
    run.checkpoints.all().delete()
    client = api("read")
    assert client.list_for("u0")["algorithm"] == "popular"
    problem_of(client.get("users", "u0", "recommendations", run=run.pk), 409)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"n": "0"}, "n"),
        ({"n": "501"}, "n"),
        ({"n": "ten"}, "n"),
        ({"n": "9" * 400}, "n"),
        ({"n": "٣"}, "n"),
        ({"n": ""}, "n"),
        ({"offset": "-1"}, "offset"),
        ({"offset": "1e3"}, "offset"),
        ({"filter": "Comedy"}, "filter"),
        ({"filter": "category:"}, "filter"),
        ({"filter": "year:1995"}, "filter"),
        ({"filter": "category:a\x00b"}, "filter"),
        ({"exclude": ",".join(map(str, range(1200)))}, "exclude"),
        ({"run": "last"}, "run"),
        ({"run": "99999999999999999999"}, "run"),
        ({"profiling": "maybe"}, "profiling"),
        ({"context.": "x"}, "context."),
        ({"context.weather": "x" * 501}, "context.weather"),
        ({f"context.{at}": "x" for at in range(21)}, "context"),
        ({"diversty": ".5"}, "diversty"),
        ({"catalog": "songs"}, "catalog"),
    ],
)
def test_nonsense_in_the_address_is_named(api, filled, query, field):
    answer = api("read").get("users", "u0", "recommendations", **query)
    assert fields_of(problem_of(answer, 403 if field == "catalog" else 400)) == [field]


def test_an_attribute_of_the_person_reaches_a_recommender_that_reads_fields(api, filled, deploy, settings):
    """Without kept answers: within the one transaction of a test PostgreSQL does not tell two states of a row apart.

    Everyone whose job is x met one half, the others the other: the attribute counts as soon as it is changed.
    """
    settings.ANSWER_SECONDS = 0
    Attribute.objects.create(catalog=filled, scope="user", name="job", type="category", feature=True)
    for person in filled.users.all():
        EndUser.objects.filter(pk=person.pk).update(attributes={"job": "xy"[int(person.client_id[1:]) % 2]})
    deploy(filled, "fm", epochs=20, learning_rate=0.05)
    found = set()
    for attributes in ({"job": "x"}, {"job": "y"}, {}):
        EndUser.objects.filter(client_id="u0").update(attributes=attributes)
        found.add(tuple(each["score"] for each in api("read").list_for("u0", n=24)["items"]))
    assert len(found) == 3


def test_an_answer_takes_at_most_three_queries(api, filled, deploy, django_assert_max_num_queries):
    deploy(filled, "ease")
    client = api("read")
    client.list_for("u0")
    with django_assert_max_num_queries(3):
        client.list_for("u0", n=20, offset=3, exclude="i9")


def test_items_met_by_the_same_people(api, filled):
    answer = api("read").get("items", "i3", "similar", n=5).json()
    assert answer["item"] == "i3"
    assert all(int(item[1:]) < 12 for item in items(answer)) and "i3" not in items(answer)
    assert all(0 < each["score"] <= 1 for each in answer["items"])
    assert answer["items"][0]["rank"] == 1


def test_similar_and_popular_follow_events(api, filled):
    client = api("write")
    popular = client.get("popular", n=1).json()["items"][0]
    for person in range(30):
        client.event(f"u{person}", "i23")
        client.event(f"u{person}", "quite new")
    assert client.get("popular", n=1).json()["items"][0]["item"] != popular["item"]
    similar = client.get("items", "quite new", "similar", n=1).json()["items"][0]
    assert similar == {"item": "i23", "rank": 1, "score": 1.0}


def test_similar_by_text_and_where_nobody_met_both(api, filled):
    client, items_there = api("read"), filled.items
    near = {"i3": 0.0, "i9": 0.1, "i5": 0.5}
    for client_id, angle in near.items():
        vector = [math.cos(angle), math.sin(angle), *[0.0] * 382]
        items_there.filter(client_id=client_id).update(text_vector=vector)
    answer = client.get("items", "i3", "similar", by="text").json()
    assert (answer["by"], [row["item"] for row in answer["items"]]) == ("text", ["i9", "i5"])
    assert answer["items"][0]["score"] == pytest.approx(math.cos(0.1), abs=1e-5)
    assert client.get("items", "i3", "similar").json()["by"] == "together"
    items_there.create(client_id="never-met", text_vector=[1.0, *[0.0] * 383])
    alone = client.get("items", "never-met", "similar", n=1).json()
    assert (alone["by"], alone["items"][0]["item"]) == ("text", "i3")
    assert client.get("items", "never-met", "similar", by="together").json()["items"] == []
    assert fields_of(problem_of(client.get("items", "i3", "similar", by="taste"), 400)) == ["by"]


def test_similar_to_nothing_known(api, filled):
    assert fields_of(problem_of(api("read").get("items", "no.such", "similar"), 404)) == ["id"]
