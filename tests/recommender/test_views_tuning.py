"""Pages of searches over settings."""

from __future__ import annotations

import pytest
from django.test import Client

from recommender.models import Catalog, Run, Study
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


def test_the_page_says_what_was_found_and_how_it_compares_with_the_defaults(catalog: Catalog, analyst: Client) -> None:
    study = catalog.studies.get()
    said = text_of(analyst.get(f"/films/tuning/{study.pk}/"))
    assert "Best in trial 3: NDCG@10 .090 on validation, 28.6% above the defaults" in said
    assert "Regularization matters most: 80% of the differences" in said
    assert "There was not enough memory." in said
    assert "ended early" in said


def test_the_figures_travel_as_json(catalog: Catalog, analyst: Client) -> None:
    page = analyst.get(f"/films/tuning/{catalog.studies.get().pk}/").content.decode()
    for key in ("best", "importance", "coordinates"):
        assert f'id="data-{key}"' in page


def test_a_search_is_started_from_the_form(catalog: Catalog, analyst: Client) -> None:
    given = {"algorithm": "item_knn", "trials": "3", "only": "half life, shrink", "seed": "2"}
    answer = analyst.post("/films/tuning/", given)
    made = Study.objects.first()
    assert answer["Location"] == f"/films/tuning/{made.pk}/"
    assert (made.algorithm, made.wanted, made.only, made.seed) == ("item_knn", 3, ["half_life", "shrink"], 2)
    assert "until a worker takes it" in text_of(analyst.get(f"/films/tuning/{made.pk}/")) or made.phase


def test_the_form_says_what_cannot_be_tuned(catalog: Catalog, analyst: Client) -> None:
    answer = analyst.post("/films/tuning/", {"algorithm": "ease", "trials": "3", "only": "max_items", "seed": "0"})
    assert answer.status_code == 400
    assert "max_items cannot be tuned. Settings that can: regularization, half_life." in text_of(answer)
    assert catalog.studies.count() == 1


def test_training_with_the_best_settings_makes_a_run(catalog: Catalog, analyst: Client) -> None:
    study = catalog.studies.get()
    answer = analyst.post(f"/films/tuning/{study.pk}/train/")
    run = Run.objects.first()
    assert answer["Location"] == f"/films/runs/{run.pk}/"
    assert (run.algorithm, run.config["regularization"], run.status) == ("ease", 320.0, "queued")


def test_the_trials_are_a_file(catalog: Catalog, analyst: Client) -> None:
    lines = analyst.get(f"/films/tuning/{catalog.studies.get().pk}/trials.csv").content.decode().splitlines()
    assert lines[0] == "trial,origin,state,ndcg@10,seconds,half_life,max_items,regularization,error"
    assert lines[3].startswith("3,search,done,0.09,1.5,6.0,20000,320.0")


def test_a_search_that_waits_is_cancelled_on_its_page_and_shows_live(catalog: Catalog, analyst: Client) -> None:
    study = Study.objects.create(catalog=catalog, algorithm="ease", wanted=3)
    assert "The first trial that is done shows here." in text_of(analyst.get(f"/films/tuning/{study.pk}/live/"))
    analyst.post(f"/films/tuning/{study.pk}/cancel/")
    study.refresh_from_db()
    assert study.status == "cancelled"
    assert analyst.get(f"/films/tuning/{study.pk}/live/")["HX-Refresh"] == "true"


def test_another_catalogs_search_is_not_found(catalog: Catalog, analyst: Client) -> None:
    elsewhere = Study.objects.create(catalog=Catalog.objects.create(name="books"), algorithm="ease", wanted=3)
    assert analyst.get(f"/films/tuning/{elsewhere.pk}/").status_code == 404
