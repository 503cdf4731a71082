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
