"""Other protocols on a run's page, each on its own; groups of people, sensitive ones by right; small groups hidden."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.test import Client
from django.urls import reverse

from recommender.models import Attribute, Catalog, EndUser, Measurement, Run
from recommender.services.evaluating import put_person_metrics
from recommender.services.measuring import execute_measurement
from tests.recommender.pages import login, measured_run, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Catalog:
    """Sixty people, two of an attribute's group that is too small, and a run with figures of each."""
    made = Catalog.objects.create(name="shop")
    genders = ["F"] * 30 + ["M"] * 28 + ["X"] * 2
    people = EndUser.objects.bulk_create(
        EndUser(catalog=made, client_id=f"p{n}", attributes={"gender": genders[n], "town": "AB"[n % 2], "age": 20 + n})
        for n in range(60)
    )
    Attribute.objects.create(catalog=made, scope="user", name="gender", type="category", sensitive=True)
    Attribute.objects.create(catalog=made, scope="user", name="town", type="category")
    Attribute.objects.create(catalog=made, scope="user", name="age", type="number")
    run = measured_run(made, "ease", 0.5, people=60)
    table = pd.DataFrame({"user": [each.pk for each in people], "ndcg@10": np.arange(60) % 2 / 1.0})
    table["of_history"], table["of_targets"], table["of_popularity"] = np.arange(60), 1, np.arange(60) % 3
    run.person_metrics = put_person_metrics(run_id=run.pk, table=table)
    run.details = {"reliability": [{"low": 0.1, "high": 0.2, "n": 9, "predicted": 0.15, "liked": 0.2}]}
    run.save()
    return made


def seen(catalog: Catalog, role: str, address: str, **query: Any) -> str:
    client = Client()
    client.force_login(login(role, catalog))
    answer = client.get(address, query)
    assert answer.status_code == 200
    return text_of(answer)


def of_run(catalog: Catalog) -> str:
    return reverse("run", args=[catalog.name, catalog.runs.get().pk])


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("activity", "0–14"),
        ("popularity", "NDCG@10"),
        ("known", "known person, new items"),
        ("attribute-town", "NDCG@10: 1.000 for B, .000 for A"),
        ("attribute-age", "20–34"),
        ("nonsense", "0–14"),
    ],
)
def test_groups_of_people_stand_on_a_runs_page(shop: Catalog, by: str, words: str) -> None:
    assert words in seen(shop, "analyst", of_run(shop), by=by)


def test_small_groups_are_named_not_shown(shop: Catalog) -> None:
    said = seen(shop, "analyst", of_run(shop), by="attribute-gender")
    assert "The group X is not shown: under 20 people each (2 in all)" in said
    assert "too few people" in said


def test_sensitive_attributes_are_for_those_with_the_right(shop: Catalog) -> None:
    said = seen(shop, "operator", of_run(shop), by="attribute-gender")
    assert "by gender" not in said
    assert "by town" in said
    assert "by gender" in seen(shop, "analyst", of_run(shop))


def test_a_protocol_is_started_from_the_runs_page(shop: Catalog, django_capture_on_commit_callbacks: Any) -> None:
    client, run = Client(), shop.runs.get()
    client.force_login(login("analyst", shop))
    where = reverse("run_measure", args=[shop.name, run.pk])
    answer = client.post(where, {"protocol": "cold-users", "shots": "3"})
    row = Measurement.objects.get()
    assert answer["Location"] == reverse("measurement", args=[shop.name, run.pk, row.pk])
    assert (row.protocol, row.shots, row.status) == ("cold-users", 3, "queued")
    assert "waiting" in text_of(client.get(answer["Location"]))
    for given, words in (
        ({"protocol": "k-fold"}, "predicts no ratings"),
        ({"protocol": "time", "shots": "3"}, "leave it out for time"),
        ({"protocol": "time", "shots": "many"}, "a whole number"),
    ):
        assert words in text_of(client.post(where, given, follow=True))
    client.post(reverse("measurement_cancel", args=[shop.name, run.pk, row.pk]))
    assert Measurement.objects.get().status == "cancelled"


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_figures_of_another_protocol_have_a_page_of_their_own(shop: Catalog) -> None:
    run = shop.runs.get()
    row = Measurement.objects.create(run=run, protocol="time")
    execute_measurement(measurement_id=row.pk)  # there are no interactions
    said = seen(shop, "analyst", reverse("measurement", args=[shop.name, run.pk, row.pk]))
    assert "All interactions have the same time" in said
    metrics = {"rmse": {"value": 0.9, "low": 0.8, "high": 1.0}, "accuracy": {"value": 0.7, "low": 0.6, "high": 0.8}}
    details = {"threshold": 4, "liked": 0.5, "calibration": "platt",
               "folds": [{"mae": 0.7, "rmse": 0.91, "ratings": 5}]}  # fmt: skip
    Measurement.objects.update(status="succeeded", metrics=metrics, details=details, people=60)
    said = seen(shop, "operator", reverse("measurement", args=[shop.name, run.pk, row.pk]))
    for words in ("RMSE .900", "a rating of at least 4", "they compare only with the same protocol", "0.9100"):
        assert words in said


def test_the_page_of_a_run_shows_whether_probabilities_are_honest(shop: Catalog) -> None:
    assert "Probabilities are off by" in seen(shop, "analyst", of_run(shop))


def test_a_measurement_of_another_run_is_not_found(shop: Catalog) -> None:
    client = Client()
    client.force_login(login("superuser"))
    other = Run.objects.create(catalog=shop, algorithm="random")
    row = Measurement.objects.create(run=shop.runs.get(algorithm="ease"), protocol="time")
    assert client.get(reverse("measurement", args=[shop.name, other.pk, row.pk])).status_code == 404


FLOOR = {"value": 0.9, "low": 0.8, "high": 1.0, "run": 0.7, "difference": -0.2, "difference_low": -0.3,
         "difference_high": -0.1, "p": 0.001, "p_holm": 0.002, "people": 60}  # fmt: skip


def test_the_floors_stand_beside_a_measurement(shop: Catalog) -> None:
    run = shop.runs.get()
    rows = [
        {"floor": "item mean", "of": "ratings", "setting": {"shrinkage": 5.0}, "metrics": {"mae_person": FLOOR}},
        {"floor": "hybrid", "of": "ratings", "setting": {"factors": 16, "penalty": 8.0, "content": 0.7},
         "metrics": {"mae_person": FLOOR | {"value": 0.8, "p": None, "p_holm": None}}},
    ]  # fmt: skip
    row = Measurement.objects.create(
        run=run, protocol="cold-users", shots=5, status="succeeded", people=60,
        metrics={"mae_person": {"value": 0.7, "low": 0.6, "high": 0.8}},
        details={"floors": rows, "floors_notes": ["Nothing is said of items."]},
    )  # fmt: skip
    said = seen(shop, "analyst", reverse("measurement", args=["shop", run.pk, row.pk]))
    for words in ("Beside what is simple", "this run", "p = .002", "−.200", "pulled by 5", "penalty 8, content 0.7",
                  "Nothing is said of items.", "60 people can show no difference",
                  "one drawing", "benchmark learners"):  # fmt: skip
        assert words in said
    assert "factors 16" not in said  # never chosen


def test_a_measurement_without_floors_says_nothing_of_them(shop: Catalog) -> None:
    run = shop.runs.get()
    row = Measurement.objects.create(run=run, protocol="time", status="succeeded", people=60, metrics={})
    assert "Beside what is simple" not in seen(shop, "analyst", reverse("measurement", args=["shop", run.pk, row.pk]))
