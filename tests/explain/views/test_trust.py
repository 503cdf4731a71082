"""The page of trust: what it says before, while and after an examination, and to whom."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from explain.attribution import registry
from explain.attribution.examined import Examined
from explain.attribution.verdicts import summarised
from explain.models import Examination
from explain.services.trust import Asked
from explain.views.trust_figures import (
    MEASURES,
    cannot_words,
    faithful_figure,
    finding,
    groups_finding,
    left_out,
    method_rows,
)
from recommender.evaluation.segments import Segment
from recommender.models import Checkpoint, Run
from tests.explain.trusted import examined_people, examined_run
from tests.recommender.pages import login, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def found() -> Examined:
    return examined_people()


@pytest.fixture
def run(found: Examined) -> Run:
    return examined_run(found)


def address(run: Run) -> str:
    return reverse("explain_trust", args=[run.catalog.name, run.pk])


def seen(run: Run, role: str, **query: Any) -> str:
    client = Client()
    client.force_login(login(role, run.catalog))
    answer = client.get(address(run), query)
    assert answer.status_code == 200
    return text_of(answer)


def test_the_page_says_which_method_can_be_believed(run: Run):
    said = seen(run, "analyst")
    for words in (
        "Most faithful: ",
        "Which method can be believed",
        "Leaving one out",
        "Exact contributions",
        "beats chance",
        "Least agreement",
        "44 people’s first recommendations",
    ):
        assert words in said


def test_a_figure_is_chosen_by_the_address(run: Run):
    assert "CDCG after removal: " in seen(run, "analyst", figure="nonsense")
    assert "infidelity: " in seen(run, "operator", figure="infidelity")


@pytest.mark.parametrize("measure", [name for name, _ in MEASURES if name != "retrained"])
def test_each_figure_has_its_rows_and_its_formula(found: Examined, measure: str):
    words, falling, formula = dict(MEASURES)[measure]
    drawn = faithful_figure(summarised(found), measure, "rows.csv")
    assert drawn.title.startswith(words)
    assert formula in drawn.definition
    assert ("Lower is better" if falling else "Higher is better") in drawn.definition
    assert {row[0] for row in drawn.rows} >= {"Leaving one out", "Exact contributions"}


def test_groups_are_those_of_attributes_a_login_may_see_and_small_ones_are_hidden(run: Run):
    said = seen(run, "analyst", by="attribute-town", way="ablation")
    assert "The group C is not shown" in said
    assert "by gender" in said
    assert "by gender" not in seen(run, "operator")


def test_rows_about_people_are_a_file_by_the_clients_ids(run: Run):
    client = Client()
    client.force_login(login("analyst", run.catalog))
    row = run.examinations.get()
    where = reverse("explain_trust_csv", args=[run.catalog.name, run.pk, row.pk])
    lines = client.get(where).content.decode().splitlines()
    assert lines[0].startswith("user,")
    assert any(line.startswith("p43,") for line in lines)
    Examination.objects.update(path="", error="Its rows are gone.")
    assert client.get(where).status_code == 404
    assert "Its rows are gone." in text_of(client.get(address(run)))


def test_before_an_examination_the_page_says_what_to_do(run: Run):
    Examination.objects.all().delete()
    analyst, manager = seen(run, "analyst"), seen(run, "catalogue manager")
    assert "Examine the explanations of this run" in analyst
    assert "Not examined yet" in manager
    assert "Your login may not start one" in manager
    assert "Examine the explanations of this run" not in manager


def test_one_is_started_watched_and_cancelled_from_the_page(run: Run):
    client = Client()
    client.force_login(login("analyst", run.catalog))
    where = reverse("explain_examine", args=[run.catalog.name, run.pk, "trust"])
    answer = client.post(where, {"people": "30"})
    assert answer["Location"] == address(run)
    row = run.examinations.first()
    assert (row.status, row.settings) == ("queued", {"people": "30"})
    assert "Cancel the examination" in text_of(client.get(address(run)))


def test_people_methods_and_another_seed_are_chosen_in_the_form(run: Run):
    client = Client()
    client.force_login(login("analyst", run.catalog))
    page = client.get(address(run)).content.decode()
    offered = re.findall(r'name="methods" value="(\w+)" checked', page)
    assert offered == list(registry.METHODS)
    assert 'name="people" min="20" max="2000" value="100"' in page
    assert "It takes a training" not in page  # ease draws nothing by chance
    Run.objects.filter(pk=run.pk).update(algorithm="sasrec")
    assert "It takes a training of this recommender" in text_of(client.get(address(run)))
    where = reverse("explain_examine", args=[run.catalog.name, run.pk, "trust"])
    client.post(where, {"people": "20", "methods": ["ablation", "shapley"], "retrain": "on"})
    asked = Asked.read(run.examinations.first().settings)
    assert asked == Asked(people=20, retrain=True, methods=("ablation", "shapley"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"people": "3"}, "people takes a whole number from 20 to 2,000"),
        ({"methods": ["ablation", "guess"]}, "There is no method “guess”"),
        ({"depth": "1"}, "no setting “depth”"),
    ],
)
def test_what_means_nothing_is_said_before_anything_waits(run: Run, given: Any, words: str):
    client = Client()
    client.force_login(login("analyst", run.catalog))
    before = Examination.objects.count()
    answer = client.post(reverse("explain_examine", args=[run.catalog.name, run.pk, "trust"]), given, follow=True)
    assert words in text_of(answer)
    assert Examination.objects.count() == before


def test_a_run_that_differs_by_its_seed_alone_makes_a_training_needless(run: Run):
    Run.objects.filter(pk=run.pk).update(data_fingerprint="same", algorithm="sasrec")
    other = Run.objects.create(
        catalog=run.catalog, algorithm="sasrec", config=run.config, preparation=run.preparation,
        status=Run.Status.SUCCEEDED, data_fingerprint="same", seed=run.seed + 1,
    )  # fmt: skip
    Checkpoint.objects.create(run=other, purpose=Checkpoint.Purpose.MEASURED, path="nowhere")
    assert f"Run #{other.pk} differs from this one by its seed alone" in seen(run, "analyst")


def test_a_run_of_another_catalog_is_not_found(run: Run):
    client = Client()
    client.force_login(login("superuser"))
    assert client.get(reverse("explain_trust", args=["shop", run.pk + 1])).status_code == 404


def test_a_method_at_fault_is_named_in_the_finding_and_the_table(found: Examined):
    results = summarised(found)
    for row in results["ways"]:
        if row["way"] == "ablation":
            row["faults"] = ["It is wrong."]
    assert "Not to be believed here: Leaving one out." in finding(results)
    verdicts = {row["way"]: row["verdict"] for row in method_rows(results)}
    assert verdicts["ablation"] == "not\u00a0reliable\u00a0here"
    assert verdicts["contributions"] == "beats\u00a0chance"


def test_a_figure_nobody_has_says_so(found: Examined):
    drawn = faithful_figure(summarised(found), "retrained", "")
    assert not drawn.rows
    assert "second recommender" in drawn.empty


def test_groups_whose_intervals_overlap_do_not_differ():
    rows = [Segment("A", 30, 0.5, 0.4, 0.6), Segment("B", 30, 0.55, 0.45, 0.65)]
    assert "no difference was found" in groups_finding(rows, "Ablation")
    assert "most faithful to A (.500)" in groups_finding([rows[0], Segment("B", 30, 0.9, 0.8, 1.0)], "Ablation")


def test_methods_that_explained_nobody_are_named_by_their_reason():
    told = cannot_words({"cannot": {"A": "No gradients.", "B": "Too many.", "A, margin": "No gradients."}})
    assert told == ["A · A, margin: No gradients.", "B: Too many."]


def test_the_curves_tell_how_many_people_they_leave_out(run: Run):
    results = Examination.objects.get(run=run).results
    chance = next(row for row in results["ways"] if row["way"] == "random order")
    assert left_out(results) == ""
    chance["figures"]["deletion_area"]["people"] = 41
    assert left_out(results).startswith("3 of 44 people are left out: ")
    Examination.objects.filter(run=run).update(results=results)
    assert seen(run, "analyst").count("3 of 44 people are left out") == 2
    del chance["figures"]["deletion_area"]
    assert left_out(results).startswith("44 of 44 people")
    assert left_out({"ways": []}) == ""
