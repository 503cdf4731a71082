"""Retraining by night: begun once a day, judged on the same people, deployed only if better, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection

from recommender import tasks
from recommender.exceptions import Conflict
from recommender.models import AuditEntry, Catalog, Deployment, EndUser, Item, Retraining, Run
from recommender.selectors.runs import deployed_run
from recommender.services import deploying, feedback, retraining, training
from recommender.services.feedback import Event
from tests.support import until

NIGHT = datetime(2026, 5, 5, 3, 7, tzinfo=UTC)


@pytest.fixture
def catalog(transactional_db: None) -> Catalog:
    """80 people who walk through 30 items in order, each from a place of their own: item_knn can learn that."""
    made = Catalog.objects.create(name="films")
    events = [
        Event(f"u{person}", f"i{(person + step) % 30}", "view", None, NIGHT.replace(minute=step))
        for person in range(80) for step in range(8)
    ]  # fmt: skip
    feedback.record(catalog=made, events=list(enumerate(events)))
    return made


def trained(catalog: Catalog, algorithm: str, **config: object) -> Run:
    run = training.create_run(catalog=catalog, algorithm=algorithm, config=config)
    training.execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "succeeded", run.error
    return run


def judged(catalog: Catalog, run: Run, against: Run) -> Retraining:
    row = Retraining.objects.create(catalog=catalog, run=run, against=against)
    return retraining.decide(retraining_id=row.pk)


def test_a_better_run_is_put_into_service_and_the_way_back_is_one_call(catalog):
    chance, knn = trained(catalog, "random"), trained(catalog, "item_knn")
    deploying.deploy_run(run=chance)
    row = judged(catalog, knn, chance)
    assert row.decision == "deployed" and deployed_run(catalog=catalog) == knn
    assert f"{knn} is better than {chance} on the same 80 people: NDCG@10 +" in row.reason
    assert retraining.decide(retraining_id=row.pk).decided == row.decided and Deployment.objects.count() == 2
    assert deploying.deploy_previous(catalog=catalog).run == chance == deployed_run(catalog=catalog)
    assert AuditEntry.objects.filter(action="return", catalog_key=catalog.pk).count() == 1
    assert deploying.deploy_previous(catalog=catalog).run == knn


def test_a_run_that_is_not_surely_better_stays_out_of_service(catalog):
    knn, same = trained(catalog, "item_knn"), trained(catalog, "item_knn")
    deploying.deploy_run(run=knn)
    row = judged(catalog, same, knn)
    assert row.decision == "kept" and deployed_run(catalog=catalog) == knn
    assert "is not better than" in row.reason and "p 1.000" in row.reason
    worse = judged(catalog, trained(catalog, "random"), knn)
    assert worse.decision == "kept" and "NDCG@10 -" in worse.reason


def test_both_are_asked_about_todays_held_out_items_even_those_the_old_one_does_not_know(catalog):
    old = trained(catalog, "item_knn")
    deploying.deploy_run(run=old)
    events = [Event(f"u{at}", f"new{at % 5}", "view", None, NIGHT.replace(hour=5 + step)) for at in range(80)
              for step in range(2)]  # fmt: skip
    feedback.record(catalog=catalog, events=list(enumerate(events)))
    new = trained(catalog, "item_knn")
    found = retraining.compared(run=new, against=old)
    assert found.people == 80 and np.isfinite(found.difference)
    retraining.compared(run=old, against=new)  # the other way round: erased and unknown items are no fault


def test_what_happens_meanwhile_is_told(catalog):
    knn, chance, third = trained(catalog, "item_knn"), trained(catalog, "random"), trained(catalog, "popularity")
    deploying.deploy_run(run=chance)
    failed = Run.objects.create(catalog=catalog, algorithm="ease", status="failed", error="Too few people.")
    assert judged(catalog, failed, chance).reason == f"{failed} did not end well: Too few people."
    deploying.deploy_run(run=third)
    assert "Another run was put into service" in judged(catalog, knn, chance).reason
    third.checkpoints.filter(purpose="measured").delete()
    assert "has no measured weights" in judged(catalog, knn, third).reason
    assert deployed_run(catalog=catalog) == third


def test_what_an_operator_deploys_during_the_comparison_stays(catalog, monkeypatch):
    knn, chance, third = trained(catalog, "item_knn"), trained(catalog, "random"), trained(catalog, "popularity")
    deploying.deploy_run(run=chance)
    compared = retraining.compared

    def deploy_meanwhile(**given):
        deploying.deploy_run(run=third)
        return compared(**given)

    monkeypatch.setattr(retraining, "compared", deploy_meanwhile)
    row = judged(catalog, knn, chance)
    assert row.decision == "kept" and "Another run was put into service" in row.reason
    assert deployed_run(catalog=catalog) == third


def test_a_plan_is_carried_out_once_a_day_at_its_hour(catalog):
    retraining.set_plan(catalog=catalog, on=True, hour=3)
    assert retraining.due(NIGHT.replace(hour=2)) == []
    assert retraining.due(NIGHT) == [catalog] and retraining.due(NIGHT) == []
    assert retraining.due(NIGHT.replace(day=6)) == [catalog]
    retraining.set_plan(catalog=catalog, on=False, hour=3)
    assert retraining.due(NIGHT.replace(day=7)) == []


def test_while_one_worker_compares_another_leaves_it_alone(catalog):
    knn, chance = trained(catalog, "item_knn"), trained(catalog, "random")
    deploying.deploy_run(run=chance)
    row = Retraining.objects.create(catalog=catalog, run=knn, against=chance)
    elsewhere = connection.copy()
    with elsewhere.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [retraining.LOCK, row.pk])
    assert retraining.decide(retraining_id=row.pk).decision == "open"
    elsewhere.close()
    until(lambda: retraining.decide(retraining_id=row.pk).decision == "deployed", 10, "the decision")


def test_a_catalog_that_cannot_be_retrained_costs_the_others_nothing(catalog, monkeypatch):
    monkeypatch.setattr(tasks, "send", lambda *given, **more: None)
    other = Catalog.objects.create(name="books")
    for each in (catalog, other):
        retraining.set_plan(catalog=each, on=True, hour=3)
    deploying.deploy_run(run=trained(catalog, "popularity"))
    broken = Run.objects.create(catalog=other, algorithm="gone", status="succeeded")
    Deployment.objects.create(catalog=other, run=broken)
    monkeypatch.setattr(retraining, "due", lambda now: [other, catalog])
    tasks.retrain()
    assert [row.catalog for row in Retraining.objects.all()] == [catalog]


def test_the_deployed_runs_settings_are_trained_again_and_judged_once_over(catalog):
    assert tasks.start_retraining(catalog=catalog) is None
    deploying.deploy_run(run=trained(catalog, "item_knn", neighbours=7))
    row = tasks.start_retraining(catalog=catalog)
    assert row.run.config["neighbours"] == 7 and row.run.status == "queued" and retraining.open_decisions() == []
    training.execute_run(run_id=row.run_id)
    assert retraining.open_decisions() == [row.pk]
    tasks.judge(row.pk)
    row.refresh_from_db()
    assert row.decision == "kept" and retraining.open_decisions() == []


def test_the_command_puts_the_previous_run_back(catalog, capsys):
    first, second = trained(catalog, "random"), trained(catalog, "popularity")
    deploying.deploy_run(run=first)
    with pytest.raises(Conflict, match="No other run served"):
        deploying.deploy_previous(catalog=catalog)
    deploying.deploy_run(run=second)
    call_command("deploy", "--previous", "--catalog", "films")
    assert f"Run {first.pk}" in capsys.readouterr().out and deployed_run(catalog=catalog) == first
    assert Item.objects.count() == 30 and EndUser.objects.count() == 80
