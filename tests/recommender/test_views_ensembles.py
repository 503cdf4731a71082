"""Pages of recommenders made of others."""

from __future__ import annotations

import pytest
from django.test import Client

from recommender.models import Catalog, Run
from tests.recommender.pages import films, login, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    return films()


@pytest.fixture
def analyst(catalog: Catalog) -> Client:
    client = Client()
    client.force_login(login("analyst", catalog))
    return client


def test_what_is_trained_at_once_becomes_part_of_the_ensemble(catalog: Catalog, analyst: Client) -> None:
    before = set(catalog.runs.values_list("pk", flat=True))
    analyst.post("/films/runs/new/", {"algorithm": ["ensemble", "ease", "item_knn", "popularity"], "seed": "4"})
    made = {run.algorithm: run for run in catalog.runs.exclude(pk__in=before)}
    assert set(made) == {"ensemble", "ease", "item_knn", "popularity", "sasrec", "ials"}
    assert {run.algorithm for run in made["ensemble"].parents.all()} == {"ease", "item_knn", "sasrec", "ials"}
    assert made["ease"] in made["ensemble"].parents.all()


def test_the_form_takes_runs_to_be_made_of(catalog: Catalog, analyst: Client) -> None:
    ease, popular = (catalog.runs.get(algorithm=name) for name in ("ease", "popularity"))
    form = analyst.get("/films/runs/new/?algorithm=ensemble")
    values = {f"set-{name}": value for name, value in
              {"members": "ease,popularity", "parents": f"{ease.pk},{popular.pk}", "method": "rrf", "rrf_k": "60",
               "normalisation": "rank", "pull": "10", "weights": ""}.items()}  # fmt: skip
    assert all(f'name="{name}"' in form.content.decode() for name in values)
    analyst.post("/films/runs/new/?algorithm=ensemble", values | {"seed": "0"})
    run = Run.objects.first()
    assert (run.algorithm, set(run.parents.all())) == ("ensemble", {ease, popular})
    refused = analyst.post("/films/runs/new/?algorithm=ensemble", values | {"seed": "0", "set-parents": "999999"})
    assert "There is no run 999999" in text_of(refused)


def test_a_runs_page_says_what_it_is_made_of(catalog: Catalog, analyst: Client) -> None:
    run = Run.objects.create(
        catalog=catalog, algorithm="ensemble", status="succeeded",
        curve=[{"phase": "choosing", "epoch": 1, "seconds": 1, "weight ease": 0.75, "weight ials": 0.25}],
    )  # fmt: skip
    ease = catalog.runs.get(algorithm="ease")
    run.parents.add(ease)
    page = analyst.get(f"/films/runs/{run.pk}/")
    assert f"ease #{ease.pk} done .750" in text_of(page)
    assert "ials deleted .250" in text_of(page)


def test_a_blends_page_says_who_answers_when(catalog: Catalog, analyst: Client) -> None:
    rows = [{"phase": "choosing", "epoch": n, "seconds": 1, "cold": 0.2, "warm": n / 20, "blend": 0.3, "share": n / 20}
            for n in (1, 5, 20)]  # fmt: skip
    last = {"phase": "choosing", "epoch": 4, "seconds": 1, "threshold": 4.0, "sharpness": 2.0}
    run = Run.objects.create(
        catalog=catalog, algorithm="blend", status="succeeded", curve=[*rows, last],
        config={"cold": "ridge_head", "warm": "ease"},
    )  # fmt: skip
    page = text_of(analyst.get(f"/films/runs/{run.pk}/"))
    assert "ridge_head answers those hardly known, ease those known well: alike at 4" in page
    assert "share of ease" in page
    Run.objects.filter(pk=run.pk).update(curve=[*rows, last | {"threshold": 0.0}])
    assert "ease is better from the first interaction on" in text_of(analyst.get(f"/films/runs/{run.pk}/"))


def test_a_students_page_says_what_it_keeps_of_its_teacher(catalog: Catalog, analyst: Client) -> None:
    told = {"teacher quality": 0.1, "student quality": 0.096, "teacher ms": 2.0, "student ms": 0.2,
            "teacher bytes": 4e6, "student bytes": 1e6}  # fmt: skip
    run = Run.objects.create(
        catalog=catalog, algorithm="student", status="succeeded", config={"teacher": "sasrec"},
        curve=[{"phase": "choosing", "epoch": 1, "seconds": 1, **told}],
    )  # fmt: skip
    page = text_of(analyst.get(f"/films/runs/{run.pk}/"))
    assert "The student keeps 96% of its teacher’s quality in 10% of its time." in page
    assert "sasrec, its teacher" in page and "Size in MB" in page
