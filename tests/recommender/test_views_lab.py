"""The cold-start lab: everything in the address, nothing stored, lists that change with each answer."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from recommender.models import (
    AdaptedState,
    Attribute,
    Catalog,
    EndUser,
    Impression,
    Interaction,
    Item,
    Measurement,
    Run,
)
from recommender.services import lab, loaded
from recommender.views.lab import State, answer_of, person_of
from recommender.views.lab_shots import SHOTS, finding, table
from tests.recommender.api.conftest import deploy  # noqa: F401 (a fixture)
from tests.recommender.pages import films, login, text_of

pytestmark = pytest.mark.django_db
SMALL = {"epochs": 1, "width": 4, "features": 4, "factors": 2}


@pytest.fixture
def club(deploy: Any) -> Catalog:  # noqa: F811
    """Films, with a ridge_head and prototypes that were trained on them."""
    loaded.forget()
    made = films()
    made.runs.all().delete()
    deploy(made, "prototypes", epochs=1, factors=4, collaborative=4)
    deploy(made, "ridge_head", **SMALL)
    return made


def got(catalog: Catalog, role: str = "superuser", headers: Any = None, **query: Any) -> Any:
    client = Client()
    client.force_login(login(role, catalog))
    return client.get(reverse("cold_start", args=[catalog.name]), query, headers=headers)


def lists(answer: Any) -> list[list[str]]:
    """Titles of each list of the page."""
    parts = re.findall(r'<ol class="ranked">(.*?)</ol>', answer.content.decode(), re.DOTALL)
    return [[unescape(each) for each in re.findall(r'class="title[^>]*>([^<]+?)(?: <|</)', part)] for part in parts]


def test_answers_of_an_address() -> None:
    assert answer_of("4:i:1") == ("i:1", 4.0)
    assert answer_of(":i1") == ("i1", None)
    assert [answer_of(text) for text in ("4", "x:i1", "nan:i1", "4:")] == [None] * 4


def test_without_answers_the_page_shows_what_is_expected_of_anybody(club: Catalog) -> None:
    answer = got(club)
    assert len(lists(answer)) == 1
    said = text_of(answer)
    for words in ("Most informative first", "times as unsure as on average", "bits", "None yet.", "Adapted in"):
        assert words in said
    assert "Film 7" not in said.split("Recommender")[1]  # hidden: neither asked about nor listed


def test_lists_change_after_an_answer_and_nothing_is_stored(club: Catalog) -> None:
    before = [model.objects.count() for model in (AdaptedState, EndUser, Interaction, Impression)]
    answer = got(club, a=["5:i1", "1:i2"])
    old, new = lists(answer)
    assert {"Film 1", "Film 2"}.isdisjoint(new)
    assert "Film 1" not in old and "Film 2" in old  # before the last answer Film 2 was still to be met
    assert "answered" in text_of(answer)
    said = text_of(answer)
    for words in ("Without the answer about", "Leave-one-answer-out", "this is no attribution", "Undo the last"):
        assert words in said
    assert [model.objects.count() for model in (AdaptedState, EndUser, Interaction, Impression)] == before


def test_the_list_is_that_of_the_recommender(club: Catalog) -> None:
    run = club.runs.get(algorithm="ridge_head")
    served = loaded.get(run.pk)
    state = State((run.pk,), (("i1", 5.0), ("i2", 1.0), ("i4", 3.0)), (), (), 5, "start")
    keys = dict(club.items.values_list("client_id", "id"))
    person = person_of(club, state, [])
    made = lab.outcome(club, run, person, {name: keys[name] for name, _ in state.answers}, length=5, since="start")
    whole = lab._histories(made.said.taken, keys, served, {})
    scores = served.model.score(whole)[0]
    expected = sorted(
        (key for name, key in keys.items() if name not in ("i1", "i2", "i4", "i7")),
        key=lambda key: -scores[served.items.positions([key])[0]],
    )
    assert [row.key for row in made.after] == expected
    assert len(made.left_out) == 3
    # each answer left out in turn, by hand
    for at, left in enumerate(made.left_out):
        taken = [each for place, each in enumerate(made.said.taken) if place != at]
        line = served.model.score(lab._histories(taken, keys, served, {}))[0]
        order = sorted(
            (key for name, key in keys.items() if name not in ("i1", "i2", "i4", "i7")),
            key=lambda key: -line[served.items.positions([key])[0]],
        )
        assert left.places == sum(abs(order.index(key) - rank) for rank, key in enumerate(expected))
        assert left.kept == len(set(order[:5]) & set(expected))


def test_two_recommenders_side_by_side_and_what_was_not_taken_as_it_stood(club: Catalog) -> None:
    runs = list(club.runs.values_list("pk", flat=True))
    late = Item.objects.create(catalog=club, client_id="new", title="Later")
    answer = got(club, run=runs, a=["9:i1", "4:nowhere", f"3:{late.client_id}"], since="start")
    said = text_of(answer)
    assert len(lists(answer)) == 4
    assert said.count("Leave-one-answer-out") == 2
    assert "i1: off the scale, held to its nearest end" in said
    assert "new: came after the training" in said


def test_the_order_of_runs_is_the_address_s(club: Catalog) -> None:
    a, b = club.runs.values_list("pk", flat=True)
    for role, pair in (("superuser", [a, b]), ("analyst", [b, a])):
        html = got(club, role, run=pair).content.decode()
        assert re.findall(r'<h3><a href="/films/runs/(\d+)/"', html) == [str(pk) for pk in pair]


def test_attributes_count_and_sensitive_ones_are_not_asked(club: Catalog) -> None:
    Attribute.objects.create(catalog=club, scope="user", name="job", type="category", feature=True)
    Attribute.objects.update(feature=True)
    EndUser.objects.filter(client_id="p1").update(attributes={"job": "baker"})
    html = got(club, **{"is.age": "33", "is.job": "baker"}).content.decode()
    assert 'name="is.age" value="33"' in html and "<option selected>baker</option>" in html
    assert "is.gender" not in html
    assert "the attributes" in html


def test_a_fragment_is_the_lab_alone(club: Catalog) -> None:
    answer = got(club, headers={"HX-Request": "true"}, a="5:i1")
    assert answer.content.decode().lstrip().startswith('<div id="lab"')


NONSENSE = (
    {"a": ["x", ":", "1e999:i1"], "run": ["a", "9" * 30], "k": "z", "skip": "\x00", "is.": "1"},
    {"a": [f"1:i{n}" for n in range(99)], "since": "?", "q": "Film", "metric": "x", "is.age": "old"},
)


@pytest.mark.parametrize("query", NONSENSE)
def test_nonsense_in_the_address_is_no_error(club: Catalog, query: Any) -> None:
    assert got(club, **query).status_code == 200


def test_a_run_that_cannot_be_loaded_says_so(club: Catalog) -> None:
    broken = Run.objects.create(catalog=club, algorithm="maml", status="succeeded")
    assert "Choose another run, or train this one again." in text_of(got(club, run=broken.pk))


def test_an_empty_catalog_says_what_to_train() -> None:
    made = Catalog.objects.create(name="bare")
    assert "No recommender adapts yet" in text_of(got(made))


def measured(catalog: Catalog) -> None:
    for run in (catalog.runs.get(algorithm="ridge_head"), Run.objects.create(catalog=catalog, algorithm="popularity",
                                                                            status="succeeded")):  # fmt: skip
        for shots in SHOTS[:4]:
            value = 0.1 + 0.05 * shots * (run.algorithm == "ridge_head")
            figures = {"ndcg@10": {"value": value, "low": value - 0.01, "high": value + 0.01}}
            Measurement.objects.create(run=run, protocol="cold-users", shots=shots, status="succeeded",
                                       metrics=figures, people=9)  # fmt: skip


def test_quality_by_shots_beside_the_floor(club: Catalog) -> None:
    measured(club)
    said = text_of(got(club))
    assert "With 5 interactions, ridge_head" in said and "has .350, popularity" in said and "do not overlap" in said
    assert "2 missing" in said
    client = Client()
    client.force_login(login("analyst", club))
    rows = client.get(reverse("cold_start_shots_csv", args=[club.name])).content.decode().splitlines()
    assert rows[0].startswith("recommender,interactions known,value") and len(rows) == 9


def test_measuring_starts_what_is_missing_once(club: Catalog) -> None:
    measured(club)
    run = club.runs.get(algorithm="ridge_head")
    client = Client()
    client.force_login(login("analyst", club))
    for _ in range(2):
        client.post(reverse("cold_start_measure", args=[club.name]), {"run": run.pk})
    live = run.measurements.filter(status="queued")
    assert sorted(live.values_list("shots", flat=True)) == [10, 20]
    assert text_of(client.get(reverse("cold_start", args=[club.name]))).count("2 measurements waiting or running") == 1


def test_words_without_a_floor_claim_nothing() -> None:
    assert finding([], "ndcg@10") == "NDCG@10 by interactions known of a new person"
    assert table([], "ndcg@10") == []


def test_a_catalog_of_one_item(deploy: Any) -> None:  # noqa: F811
    loaded.forget()
    made = films("one")
    made.runs.all().delete()
    Interaction.objects.filter(catalog=made).exclude(item__client_id="i1").delete()
    made.items.exclude(client_id="i1").delete()
    deploy(made, "ridge_head", **SMALL)
    assert "Film 1" in text_of(got(made))
    assert "Nothing is left to ask about." in text_of(got(made, "analyst", a="4:i1"))
