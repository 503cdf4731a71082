"""The cold-start lab: everything in the address, nothing stored, lists that change with each answer."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from recommender.evaluation.cold_start.against import chance
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
from recommender.views.lab import LONGEST, State, answer_of, person_of
from recommender.views.lab_scenarios import BOTH, ITEMS, PEOPLE, SCENARIOS, to_measure
from recommender.views.lab_shots import SHOTS
from recommender.views.shots_figure import finding, picked_words, table
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


def test_of_skips_the_newest_stay_that_the_address_has_room_for() -> None:
    names = tuple(f"the film of number {n:03} é" for n in range(200))
    state = State((1,), (("i1", 4.0),), names, (("job", "baker"),), 10, "last", (("metric", "ndcg@10"),))
    kept = [value for name, value in state.pairs() if name == "skip"]
    assert 0 < len(kept) < 200 and tuple(kept) == names[-len(kept) :]
    assert LONGEST - len("&" + urlencode({"skip": names[0]})) < len(state.address()) <= LONGEST
    more = state.skipping("i" * 200)
    assert len(more.address()) <= LONGEST and ("skip", "i" * 200) in more.pairs()
    assert {("a", "4:i1"), ("is.job", "baker"), ("metric", "ndcg@10"), ("k", "10")} <= set(more.pairs())
    few = state._replace(skipped=names[:3])
    assert [value for name, value in few.pairs() if name == "skip"] == list(names[:3])
    full = state._replace(answers=tuple(("ü" * 190 + str(n), 1.0) for n in range(30)))
    assert not [name for name, _ in full.pairs() if name == "skip"]


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


@pytest.mark.parametrize(("cold", "knows"), [("ridge_head", True), ("prototypes", False)])
def test_a_blend_asks_what_its_cold_part_is_unsure_of(club: Catalog, deploy: Any, cold: str, knows: bool) -> None:  # noqa: F811
    run = deploy(club, "blend", cold=cold)
    said = text_of(got(club, a="5:i1"))  # it serves: the column unless another is chosen
    assert str(run) in said
    assert ("times as unsure as on average" in said) == knows
    assert "Film" in said.split("Most informative first")[1]


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
    {"scenario": "\x00", "metric": "\x00" * 300},
    {"scenario": ["items", "x" * 999], "metric": ["ndcg@10", "gini@5"]},
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


def measured(catalog: Catalog, protocol: str = "cold-users") -> None:
    popular, _ = Run.objects.get_or_create(catalog=catalog, algorithm="popularity", status="succeeded")
    for run in (catalog.runs.get(algorithm="ridge_head"), popular):
        for shots in SHOTS[:4]:
            value = 0.1 + 0.05 * shots * (run.algorithm == "ridge_head")
            figures = {"ndcg@10": {"value": value, "low": value - 0.01, "high": value + 0.01}}
            Measurement.objects.create(run=run, protocol=protocol, shots=shots, status="succeeded",
                                       metrics=figures, people=9)  # fmt: skip


def test_quality_by_shots_beside_the_floor(club: Catalog) -> None:
    measured(club)
    said = text_of(got(club))
    assert (
        "With 5 interactions of a new person, ridge_head" in said
        and "has .350, popularity" in said
        and "do not overlap" in said
    )
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


WORDS = {
    "people": ("Measure with 0, 1, 3, 5, 10 and 20 interactions known of each new person", "a new person"),
    "items": ("first interactions of each new item in the training", "With the first 5 interactions of each new item"),
    "both": ("none of the new items", "With 5 interactions of a new person, asked about new items"),
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_each_scenario_has_its_own_figures_words_and_file(club: Catalog, scenario: Any) -> None:
    measured(club, scenario.protocol)
    answer = got(club, scenario=scenario.key)
    said, html = text_of(answer), answer.content.decode()
    for words in WORDS[scenario.key]:
        assert words in said
    assert "do not overlap" in said and ".350 ± .010" in said and "people asked 9 9 9 9" in said
    assert f'<option value="{scenario.key}" selected>' in html
    client = Client()
    client.force_login(login("analyst", club))
    where = reverse("cold_start_shots_csv", args=[club.name])
    rows = {
        each.key: len(client.get(where, {"scenario": each.key}).content.splitlines()) for each in SCENARIOS.values()
    }
    assert rows == {each.key: 9 if each is scenario else 1 for each in SCENARIOS.values()}
    assert f"scenario={scenario.key}" in html


def test_measuring_is_of_the_chosen_scenario(club: Catalog) -> None:
    run = club.runs.get(algorithm="ridge_head")
    client = Client()
    client.force_login(login("analyst", club))
    answer = client.post(reverse("cold_start_measure", args=[club.name]), {"run": run.pk, "scenario": "items"})
    assert answer.url.endswith("/cold-start/?scenario=items#shots")
    assert set(run.measurements.values_list("protocol", "status")) == {("cold-items", "queued")}
    assert run.measurements.count() == len(SHOTS)
    assert "6 measurements waiting" in text_of(client.get(answer.url))
    assert "waiting or running" not in text_of(client.get(reverse("cold_start", args=[club.name])))


@pytest.mark.parametrize(("role", "status"), [("operator", 302), ("catalogue manager", 403), ("not a member", 404)])
def test_measuring_takes_the_right_to_train(club: Catalog, role: str, status: int) -> None:
    client = Client()
    client.force_login(login(role, club))
    where = reverse("cold_start_measure", args=[club.name])
    assert client.post(where, {"scenario": "both", "run": club.runs.first().pk}).status_code == status
    seen = client.get(reverse("cold_start_shots_csv", args=[club.name]), {"scenario": "both"}).status_code
    assert seen == (404 if status == 404 else 200)


def test_where_items_are_new_those_that_place_them_are_measured_too(club: Catalog) -> None:
    Run.objects.create(catalog=club, algorithm="cold_item", status="succeeded")
    names = [{run.algorithm for run in to_measure(club, each)} for each in (PEOPLE, ITEMS, BOTH)]
    assert "cold_item" not in names[0] and {"cold_item", "ridge_head"} <= names[1] == names[2]


def test_the_scenario_stays_while_the_person_answers_and_the_other_way_round(club: Catalog) -> None:
    html = got(club, scenario="items", a="5:i1").content.decode()
    assert 'name="scenario" value="items"' in html and "scenario=items" in html.split('id="ask-1-1"')[1].split(">")[0]
    assert '<input type="hidden" name="a" value="5:i1">' in html.split('id="lab-kept"')[1].split("</div>")[0]
    fragment = got(club, "analyst", headers={"HX-Request": "true"}, scenario="items", a="5:i1").content.decode()
    assert (
        'id="lab-kept" hidden hx-swap-oob="true"' in fragment and 'value="5:i1"' in fragment.split('id="lab-kept"')[1]
    )


def floor(name: str, of: str, metric: str, value: float, run: float, p: float) -> dict[str, Any]:
    cell = {"value": value, "low": value - 0.01, "high": value + 0.01, "run": run, "difference": run - value,
            "difference_low": 0, "difference_high": 0, "p": p, "p_holm": p, "people": 9}  # fmt: skip
    return {"floor": name, "of": of, "setting": None, "metrics": {metric: cell}}


def with_floors(catalog: Catalog) -> list[Measurement]:
    run = catalog.runs.get(algorithm="ridge_head")
    return [
        Measurement.objects.create(
            run=run, protocol="cold-users", shots=shots, status="succeeded", people=9,
            metrics={"mae_person": {"value": 0.7, "low": 0.6, "high": 0.8},
                     "ndcg@10": {"value": 0.2, "low": 0.1, "high": 0.3}},
            details={"floors": [floor("hybrid", "ratings", "mae_person", 0.9 - shots / 10, 0.7, 0.01),
                                floor("bias model", "ratings", "mae_person", 0.8, 0.7, 0.01),
                                floor("popularity", "lists", "ndcg@10", 0.1, 0.2, 0.5)]},
        )
        for shots in (0, 3)
    ]  # fmt: skip


def test_of_ratings_the_best_floor_stands_beside_and_less_is_better(club: Catalog) -> None:
    rows = table(with_floors(club), "mae_person")
    assert [row["label"] for row in rows if row["floor"]] == ["best floor (bias model)", "best floor (hybrid)"]
    assert [(row["name"][:10], row["shots"], row["value"]) for row in rows] == [
        ("ridge_head", 0, 0.7), ("ridge_head", 3, 0.7), ("best floor", 0, 0.8), ("best floor", 3, pytest.approx(0.6)),
    ]  # fmt: skip
    verdict = finding(rows, "mae_person")
    assert verdict.endswith(f"has .700, best floor (hybrid) .600; the difference is beyond chance, {chance(0.01)}")
    said = text_of(got(club, metric="mae_person"))
    assert "best floor" in said and "MAE per person" in said


def test_a_floor_measured_along_is_drawn_unless_it_is_a_run_itself(club: Catalog) -> None:
    rows = with_floors(club)
    assert [row["name"] for row in table(rows, "ndcg@10") if row["floor"]] == ["popularity"] * 2
    assert finding(table(rows, "ndcg@10"), "ndcg@10").endswith(f"popularity .100; no difference found, {chance(0.5)}")
    measured(club)
    Measurement.objects.filter(run__algorithm="popularity", shots=3).delete()
    both = list(Measurement.objects.filter(run__algorithm="popularity")) + rows
    lines = [(row["name"], row["shots"], row["value"]) for row in table(both, "ndcg@10") if row["floor"]]
    name = str(club.runs.get(algorithm="popularity"))  # where the run lacks a number, what was measured along fills in
    assert lines == [(name, shots, 0.1) for shots in (0, 1, 3, 5)]


def test_the_strongest_of_a_floor_is_drawn_and_only_its_own_p_is_told(club: Catalog) -> None:
    """What was measured along with a run that reads texts is the better content."""
    rows = [
        Measurement.objects.create(
            run=run, protocol="cold-users", shots=5, status="succeeded", people=9,
            metrics={"ndcg@10": {"value": value, "low": value - 0.01, "high": value + 0.01}},
            details={"floors": [floor("content", "lists", "ndcg@10", least, value, 0.01)]},
        )
        for run, value, least in zip(club.runs.order_by("pk"), (0.3, 0.4), (0.2, 0.1), strict=True)
    ]  # fmt: skip
    found = table(rows, "ndcg@10")
    assert [row["value"] for row in found if row["floor"]] == [0.2]
    assert finding(found, "ndcg@10").endswith("has .400, content .200; the intervals do not overlap")


def test_a_run_is_compared_with_floors_of_its_own_seed_only(club: Catalog) -> None:
    """The other seed's people are easier to please: their floor is above this seed's run, and says nothing of it."""
    one, other = club.runs.order_by("pk")
    Run.objects.filter(pk=other.pk).update(seed=1)
    rows = [
        Measurement.objects.create(
            run=Run.objects.get(pk=run.pk), protocol="cold-users", shots=5, status="succeeded", people=9,
            metrics={"ndcg@10": {"value": value, "low": value - 0.01, "high": value + 0.01}},
            details={"floors": [floor("content", "lists", "ndcg@10", least, value, p)]},
        )
        for run, value, least, p in ((one, 0.4, 0.2, 0.01), (other, 0.35, 0.6, 0.5))
    ]  # fmt: skip
    found = table(rows, "ndcg@10")
    lines = [(row["name"], row["value"], row["seed"]) for row in found if row["floor"]]
    assert lines == [("content, seed 1", 0.6, 1), ("content, seed 0", 0.2, 0)]
    ending = f"has .400, content, seed 0 .200; the difference is beyond chance, {chance(0.01)}"
    assert finding(found, "ndcg@10").endswith(ending)
    assert "p is corrected for the floors only" in text_of(got(club, metric="ndcg@10"))
    assert picked_words(table(rows[:1], "ndcg@10")) == ""


def test_a_catalog_of_one_item(deploy: Any) -> None:  # noqa: F811
    loaded.forget()
    made = films("one")
    made.runs.all().delete()
    Interaction.objects.filter(catalog=made).exclude(item__client_id="i1").delete()
    made.items.exclude(client_id="i1").delete()
    deploy(made, "ridge_head", **SMALL)
    assert "Film 1" in text_of(got(made))
    assert "Nothing is left to ask about." in text_of(got(made, "analyst", a="4:i1"))
