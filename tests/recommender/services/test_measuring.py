"""Measurements: a protocol carried out under a lease, kept per person, forgotten with the person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db.models import F
from django.utils import timezone

from recommender import tasks
from recommender.evaluation.cold_start import beside
from recommender.exceptions import BadInput, Conflict, RecommenderError
from recommender.models import Attribute, Catalog, EndUser, Interaction, Measurement, Run
from recommender.services import checkpoints
from recommender.services.erasure import erase
from recommender.services.evaluating import person_metrics
from recommender.services.measuring import (
    cancel_measurement,
    create_measurement,
    evaluate_run,
    execute_measurement,
)
from recommender.services.training import create_run, execute_run
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import catalog_from

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def films() -> Catalog:
    made = catalog_from(blocks())
    Interaction.objects.update(value=F("item_id") % 5 + 1)
    return made


def done(catalog: Catalog, algorithm: str = "ease", config: dict | None = None) -> Run:
    return Run.objects.create(catalog=catalog, algorithm=algorithm, status="succeeded", config=config or {})


@pytest.mark.parametrize("protocol", ["time", "cold-users", "cold-items", "cold-both", "ties-shuffled"])
def test_each_protocol_gives_its_figures(films: Catalog, protocol: str):
    run = done(films)
    found = evaluate_run(run=run, protocol=protocol)
    row = Measurement.objects.get()
    assert (row.status, row.protocol, row.progress, row.phase) == ("succeeded", protocol, 1.0, "")
    assert found == {"run": run.pk, "protocol": protocol, "people": row.people, "metrics": row.metrics,
                     "details": row.details}  # fmt: skip
    assert {"ndcg@10", "coverage@10", "novelty@10", "gini@10"} <= set(row.metrics)
    assert len(person_metrics(run=row)) == row.people > 0


@pytest.mark.parametrize("protocol", ["cold-users", "cold-items", "cold-both"])
def test_a_cold_protocol_brings_its_floors(films: Catalog, protocol: str):
    details = evaluate_run(run=done(films, "user_knn"), protocol=protocol)["details"]
    assert {(row["of"], row["floor"]) for row in details["floors"]} >= {("lists", "popularity"), ("ratings", "hybrid")}
    assert details["floors_notes"] == [] or all(isinstance(note, str) for note in details["floors_notes"])
    assert details == Measurement.objects.get().details


def test_other_protocols_have_no_floors(films: Catalog):
    assert "floors" not in evaluate_run(run=done(films), protocol="time")["details"]


def test_floors_read_no_attribute_that_the_run_may_not(films: Catalog, monkeypatch: pytest.MonkeyPatch):
    for name, sensitive in (("gender", True), ("town", False)):
        Attribute.objects.create(
            catalog=films, scope="user", name=name, type="category", feature=True, sensitive=sensitive
        )
    EndUser.objects.update(attributes={"gender": "F", "town": "A"})
    seen = []
    monkeypatch.setattr(beside, "beside", lambda found, split, **_: (seen.append(split) or found, beside.Told()))
    evaluate_run(run=done(films), protocol="cold-users")
    assert list(seen[0].before_test.user_fields) == ["town"]
    assert list(seen[0].test.histories.fields) == ["town"]


def test_folds_measure_predicted_ratings(films: Catalog):
    found = evaluate_run(run=done(films, "mf", {"epochs": 1, "factors": 4}), protocol="k-fold")
    assert found["people"] == 60
    assert [fold["ratings"] for fold in found["details"]["folds"]] == [96] * 5
    assert 0 < found["metrics"]["mae"]["low"] <= found["metrics"]["mae"]["value"] <= found["metrics"]["rmse"]["value"]


def test_a_run_that_predicts_ratings_has_its_errors_beside_its_lists(films: Catalog):
    run = create_run(catalog=films, algorithm="user_knn")
    assert execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "succeeded"
    assert {"ndcg@10", "rmse", "auc", "accuracy_person"} <= set(run.metrics)
    assert run.details["threshold"] >= 1


def test_shots_are_kept_with_the_figures(films: Catalog):
    assert evaluate_run(run=done(films), protocol="cold-users", shots=2)["shots"] == 2
    assert (person_metrics(run=Measurement.objects.get())["of_history"] == 2).all()


@pytest.mark.parametrize(
    ("algorithm", "given", "field"),
    [
        ("ease", {"protocol": "x"}, "protocol"),
        ("ease", {"protocol": "time", "shots": 3}, "shots"),
        ("ease", {"protocol": "k-fold"}, "protocol"),
        ("ease", {"protocol": "leave-last-out"}, "protocol"),
    ],
)
def test_what_cannot_be_measured_is_refused_by_field(films: Catalog, algorithm: str, given: dict, field: str):
    with pytest.raises(BadInput) as caught:
        create_measurement(run=done(films, algorithm), **given)
    assert caught.value.field == field


def test_a_run_is_measured_by_its_own_protocol_once(films: Catalog):
    run = done(films)
    with pytest.raises(Conflict, match="no metrics"):
        evaluate_run(run=run)
    run.people, run.metrics = 3, {"ndcg@10": {"value": 0.5, "low": 0.4, "high": 0.6}}
    assert evaluate_run(run=run) == {
        "run": run.pk, "protocol": "leave-last-out", "people": 3, "metrics": run.metrics,
    }  # fmt: skip
    with pytest.raises(Conflict, match="once it is done"):
        create_measurement(run=Run.objects.create(catalog=films, algorithm="ease"), protocol="time")


def test_why_one_failed_is_written_down():
    empty = Catalog.objects.create(name="empty")
    with pytest.raises(RecommenderError, match="same time"):
        evaluate_run(run=done(empty), protocol="time")
    row = Measurement.objects.get()
    assert (row.status, row.phase) == ("failed", "")
    assert "Traceback" in row.traceback


def test_one_that_waits_is_cancelled_at_once_and_never_carried_out(films: Catalog):
    row = create_measurement(run=done(films), protocol="time")
    cancel_measurement(measurement=row)
    assert not execute_measurement(measurement_id=row.pk)
    with pytest.raises(Conflict, match="over"):
        cancel_measurement(measurement=row)


def test_one_whose_worker_died_is_carried_out_by_the_next(films: Catalog):
    row = create_measurement(run=done(films), protocol="time")
    long_ago = timezone.now() - timedelta(days=1)
    Measurement.objects.update(status="running", worker="elsewhere:1:1.0:x", heartbeat=long_ago, attempts=1)
    tasks.reap_measurements()
    assert Measurement.objects.get().status == "queued"
    assert execute_measurement(measurement_id=row.pk)
    assert Measurement.objects.get().status == "succeeded"


def test_an_erased_person_leaves_every_measurement(films: Catalog):
    evaluate_run(run=done(films), protocol="ties-shuffled")
    row = Measurement.objects.get()
    old, gone = row.person_metrics, EndUser.objects.first()
    erase(catalog=films, user_ids=[gone.pk])
    row.refresh_from_db()
    assert gone.pk not in set(person_metrics(run=row)["user"])
    assert len(person_metrics(run=row)) == 59
    assert not default_storage.exists(old)
    checkpoints.sweep(run_id=row.run_id)  # which removes what no row names
    assert default_storage.exists(row.person_metrics)
