"""The page of what counts for everyone in a run, and that of a catalog's main parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from explain.attribution.examined import Plan, Way
from explain.attribution.examined import examine as examine_trust
from explain.attribution.verdicts import summarised
from explain.models import Examination
from explain.services import overall
from explain.services.examining import create_examination
from explain.views.overall_figures import moved
from explain.views.parameter_words import MECHANISMS, READS_FIELDS, read_by
from recommender.algorithms import registry
from recommender.models import Attribute, Catalog, EndUser, Run
from tests.recommender.builders import blocks
from tests.recommender.pages import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(filled: Catalog, deploy: Callable[..., Run]) -> Run:
    """An ease in service; gender is sensitive, town is not."""
    for at, person in enumerate(EndUser.objects.filter(catalog=filled)):
        person.attributes = {"town": "Rome", "gender": "FM"[at % 2]}
        person.save()
    Attribute.objects.create(catalog=filled, scope="user", name="town", type="category", feature=True)
    Attribute.objects.create(catalog=filled, scope="user", name="gender", type="category", sensitive=True)
    return deploy(filled, "ease")


@pytest.fixture
def examined(run: Run) -> Run:
    examine(run)
    return run


class Silent:
    """Progress of work that holds no lease: rows of a test that is rolled back cannot be seen by a heartbeat."""

    def say(self, words: str, share: float) -> None:
        assert 0 <= share <= 1


def examine(run: Run) -> None:
    row = create_examination(run=run, kind="global")
    done = overall.carry_out(row, Silent())  # type: ignore[arg-type]
    rows = Examination.objects.filter(pk=row.pk)
    rows.update(status="succeeded", results=done.results, people=done.people, finished=timezone.now(), progress=1)


def page_of(run: Run) -> str:
    return reverse("explain_run", args=[run.catalog.name, run.pk])


def parameters_of(catalog: Catalog) -> str:
    return reverse("explain_parameters", args=[catalog.name])


def test_before_an_examination_the_page_says_what_to_do(run: Run, logins: dict[str, Client]) -> None:
    page = logins["analyst"].get(page_of(run))
    assert "Not examined yet" in text_of(page)
    assert "Examine what counts" in text_of(page)
    other = text_of(logins["catalogue manager"].get(page_of(run)))
    assert "Examine what counts" not in other
    assert "analyst or operator" in other


def test_figures_stand_with_tables_and_formulas(examined: Run, logins: dict[str, Client]) -> None:
    page = logins["analyst"].get(page_of(examined))
    said = text_of(page)
    assert "The newest ten items of a history carry 100% of what counts" in said
    assert "Complete: the parts sum to the score" in said
    assert said.count("What it shows") >= 5
    assert page.content.decode().count('type="application/json"') >= 4
    assert len(page.content) < 500_000


def test_what_the_test_of_trust_found_stands_beside(examined: Run, logins: dict[str, Client]) -> None:
    assert "has not been tested yet" in text_of(logins["analyst"].get(page_of(examined)))
    data = blocks(n_people=24)
    model = registry.create("ease").fit(data, rng=np.random.default_rng(0), report=lambda *_: None)
    results = summarised(
        examine_trust(model, data.histories, np.arange(24), Plan((Way("contributions"), Way("ablation")), close=5))
    )
    row = {"status": "succeeded", "people": 24, "finished": timezone.now()}
    Examination.objects.create(run=examined, kind="trust", results=results | {"removed": 5}, **row)
    said = text_of(logins["analyst"].get(page_of(examined)))
    assert "Most faithful: " in said
    assert "Tested on 24 people" in said
    assert "CDCG" in said


def test_points_come_as_csv(examined: Run, logins: dict[str, Client]) -> None:
    answer = logins["analyst"].get(reverse("explain_points", args=[examined.catalog.name, examined.pk]))
    rows = answer.content.decode().splitlines()
    assert rows[0] == "feature,signed share,fifth of people"
    assert {row.split(",")[0] for row in rows[1:]} == {"Comedy", "Drama"}


def test_groups_by_sensitive_attributes_are_for_those_with_the_right(examined: Run, logins: dict[str, Client]) -> None:
    assert "by gender" in text_of(logins["analyst"].get(page_of(examined)))
    for role in ("operator", "catalogue manager"):
        page = text_of(logins[role].get(page_of(examined), {"by": "gender"}))
        assert "gender" not in page
        assert "by town" in page


def test_what_ignores_the_person_is_said_in_words(
    filled: Catalog, deploy: Callable[..., Run], logins: dict[str, Client]
) -> None:
    run = deploy(filled, "popularity")
    examine(run)
    assert "popularity does not look at the person" in text_of(logins["analyst"].get(page_of(run)))
    plain = text_of(logins["analyst"].get(parameters_of(filled)))
    assert "Nothing about the person plays a part" in plain
    assert "Everyone gets the items that most people met" in plain


def test_it_is_started_and_cancelled_from_the_page(run: Run, logins: dict[str, Client]) -> None:
    where = reverse("explain_examine", args=[run.catalog.name, run.pk, "global"])
    answer = logins["analyst"].post(where, {"people": "20", "method": ""})
    assert answer.url == page_of(run)
    row = Examination.objects.get(run=run)
    assert row.settings == {"people": "20"}
    page = logins["analyst"].get(page_of(run))
    assert "Cancel the examination" in text_of(page)
    assert f'hx-get="{reverse("explain_examination_live", args=[run.catalog.name, run.pk, row.pk])}"' in (
        page.content.decode()
    )
    logins["analyst"].post(reverse("explain_examination_cancel", args=[run.catalog.name, run.pk, row.pk]))
    assert "was cancelled" in text_of(logins["analyst"].get(page_of(run)))
    assert logins["catalogue manager"].post(where).status_code == 403


def test_what_failed_says_why(run: Run, logins: dict[str, Client]) -> None:
    Examination.objects.create(run=run, kind="global", status="failed", error="There was not enough memory.")
    assert "There was not enough memory." in text_of(logins["analyst"].get(page_of(run)))


@pytest.mark.parametrize("role", ["no member", "no group"])
def test_strangers_see_nothing(role: str, run: Run, logins: dict[str, Client]) -> None:
    wanted = 404 if role == "no member" else 403
    for address in (page_of(run), parameters_of(run.catalog)):
        assert logins[role].get(address).status_code == wanted


@pytest.mark.parametrize("number", [999_999, 2**70])
def test_an_unknown_run_is_no_page(number: int, run: Run, logins: dict[str, Client]) -> None:
    for name in ("explain_run", "explain_points"):
        assert logins["analyst"].get(reverse(name, args=[run.catalog.name, number])).status_code == 404


def test_points_of_what_was_not_examined_are_not_there(run: Run, logins: dict[str, Client]) -> None:
    answer = logins["analyst"].get(reverse("explain_points", args=[run.catalog.name, run.pk]))
    assert answer.status_code == 404


def test_a_run_that_predicts_ratings_only_is_told_apart(filled: Catalog, logins: dict[str, Client]) -> None:
    run = Run.objects.create(catalog=filled, algorithm="mf", status="succeeded")
    said = text_of(logins["analyst"].get(page_of(run)))
    assert "makes no lists" in said
    assert "Examine what counts" not in said


def test_the_page_of_a_run_and_the_overview_link_here(run: Run, logins: dict[str, Client]) -> None:
    there = logins["analyst"].get(reverse("run", args=[run.catalog.name, run.pk])).content.decode()
    assert f'href="{page_of(run)}"' in there
    overview = logins["analyst"].get(reverse("overview", args=[run.catalog.name])).content.decode()
    assert f'href="{parameters_of(run.catalog)}"' in overview


def test_parameters_without_anything_in_service(filled: Catalog, logins: dict[str, Client]) -> None:
    said = text_of(logins["operator"].get(parameters_of(filled)))
    assert "No recommender is in service" in said
    assert "what is popular with everyone" in said


def test_parameters_before_an_examination_say_only_what_the_mechanism_tells(
    run: Run, logins: dict[str, Client]
) -> None:
    said = text_of(logins["catalogue manager"].get(parameters_of(run.catalog)))
    assert "has not been measured" in said
    assert "Each item of the history adds or takes a learned weight" in said
    assert "profiling=off" in said
    assert "gender: known to the catalog, kept from every recommender" in said
    assert "This recommender reads none of them" in said
    assert "looked at groups" not in said
    assert "share of what counts" not in said


def test_parameters_say_by_which_groups_a_training_went(run: Run, logins: dict[str, Client]) -> None:
    run.config |= {"group_objective": "dro", "group_strength": 0.5, "groups": "gender"}
    run.save()
    said = text_of(logins["operator"].get(parameters_of(run.catalog)))
    assert "Its training looked at groups of people by gender" in said
    assert "gender: known to the catalog, kept from whatever makes lists" in said
    run.config |= {"group_strength": 0}
    run.save()
    assert "looked at groups" not in text_of(logins["operator"].get(parameters_of(run.catalog)))


def test_parameters_after_an_examination_give_figures_with_date_and_run(
    examined: Run, logins: dict[str, Client]
) -> None:
    said = text_of(logins["catalogue manager"].get(parameters_of(examined.catalog)))
    assert "The ten things a person did last carry 100% of what counts" in said
    assert "has not been measured" not in said
    assert f"ease #{examined.pk}" in said
    assert "share of what counts" in said
    assert "30 people drawn by chance" in said


def test_one_made_of_others_names_its_parts_with_their_shares(filled: Catalog, logins: dict[str, Client]) -> None:
    curve = [{"weight ease": 0.7, "weight popularity": 0.3}]
    run = Run.objects.create(catalog=filled, algorithm="ensemble", status="succeeded", curve=curve)
    ease = Run.objects.create(catalog=filled, algorithm="ease", status="succeeded", config={"half_life": 10.0})
    run.parents.set([ease, Run.objects.create(catalog=filled, algorithm="popularity", status="succeeded")])
    filled.deployments.create(run=run)
    said = text_of(logins["analyst"].get(parameters_of(filled)))
    assert "70%" in said
    assert "30%" in said
    assert "counts half for every 10 interactions" in said
    assert "How many people met an item" in said.partition("What is not used")[0]
    assert "how many people met an item" not in said


def test_a_blend_says_when_it_hands_over(filled: Catalog, logins: dict[str, Client]) -> None:
    config = {"cold": "prototypes", "warm": "ease", "threshold": 3.0}
    filled.deployments.create(
        run=Run.objects.create(catalog=filled, algorithm="blend", status="succeeded", config=config)
    )
    said = text_of(logins["analyst"].get(parameters_of(filled)))
    assert "After 3 interactions both count alike; below, prototypes counts more, above, ease." in said


def test_every_registered_recommender_is_described() -> None:
    assert set(MECHANISMS) == set(registry.ALGORITHMS)
    assert all(each.says for each in MECHANISMS.values())


@pytest.mark.parametrize("algorithm", [name for name in registry.ALGORITHMS if name not in ("blend", "reranked")])
def test_what_is_said_of_reading_attributes_is_what_the_class_says(algorithm: str) -> None:
    assert bool(getattr(registry.get(algorithm), "reads_fields", False)) is (algorithm in READS_FIELDS)


def test_settings_change_what_is_said_to_be_read() -> None:
    assert "attributes" in read_by("ncf", {})
    assert "attributes" not in read_by("ncf", {"use_fields": False})
    assert "context" not in read_by("ncf", {"use_context": False})
    assert "texts" in read_by("sasrec", {"items": "both"})
    assert "order" in read_by("ease", {"half_life": 10.0})
    assert "order" not in read_by("ease", {"half_life": 0.0})


def test_the_category_that_moves_most_is_said_in_its_direction() -> None:
    rows = [{"concept": "A", "share": 0.6, "chance": 0.5, "p_holm": 0.01},
            {"concept": "B", "share": 0.2, "chance": 0.5, "p_holm": 0.01},
            {"concept": "C", "share": 0.0, "chance": 0.5, "p_holm": 0.2}]  # fmt: skip
    assert moved(rows) == "Moving the embedded history towards B lowers 80% of first recommendations"
    assert moved(rows[:1]) == "Moving the embedded history towards A raises 60% of first recommendations"
    assert moved(rows[2:]).startswith("No category moves")
