"""Erasing a person leaves no trace in rows, queues, caches or files."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from recommender import hooks
from recommender.models import Catalog, DataImport, EndUser, Impression, Interaction, Run
from recommender.services import (
    checkpoints,
    erasure,
    evaluating,
    feedback,
    impressions,
    loaded,
    memory,
    popular,
    serving,
    training,
)
from recommender.services.feedback import Event

TIME = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def catalog(db: None) -> Catalog:
    memory.client().delete(impressions.LIST)
    catalog = Catalog.objects.create(name="films")
    events = [Event(user, item, "view", None, TIME) for user in ("u", "v") for item in ("a", "b")]
    feedback.record(catalog=catalog, events=list(enumerate(events)))
    return catalog


def person(name: str) -> EndUser:
    return EndUser.objects.get(client_id=name)


def measured(catalog: Catalog) -> Run:
    table = pd.DataFrame({"user": [person("u").pk, person("v").pk], "ndcg@10": [0.1, 0.2]})
    run = Run.objects.create(catalog=catalog, algorithm="ease", status=Run.Status.SUCCEEDED)
    run.person_metrics = evaluating.put_person_metrics(run_id=run.pk, table=table)
    run.save()
    return run


def test_rows_that_an_import_set_aside_go_where_they_name_the_person(catalog, django_capture_on_commit_callbacks):
    rows = 'file,line,reason,row\r\na.csv,2,no item,"u,,5"\r\na.csv,3,no item,"unlike,v"\r\n'
    row = DataImport.objects.create(catalog=catalog, source="a.csv", status="succeeded")
    row.rejects = default_storage.save(f"imports/{row.pk}/rejects.csv", ContentFile(rows.encode()))
    row.save()
    old = row.rejects
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase(catalog=catalog, user_ids=[person("u").pk])
    row.refresh_from_db()
    with default_storage.open(row.rejects) as file:
        assert file.read().decode().splitlines() == ["file,line,reason,row", 'a.csv,3,no item,"unlike,v"']
    assert not default_storage.exists(old)
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase(catalog=catalog, user_ids=[person("v").pk])
    row.refresh_from_db()
    with default_storage.open(row.rejects) as file:
        assert file.read().decode().splitlines() == ["file,line,reason,row"]


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_all_traces_go(catalog, django_capture_on_commit_callbacks):
    run, old = measured(catalog), None
    old = run.person_metrics
    serving.recommend(serving.Question(catalog.pk, "u"))
    impressions.drain()
    serving.recommend(serving.Question(catalog.pk, "u"))
    heard = []
    listener = lambda **given: heard.append(given)  # noqa: E731
    hooks.erasure_listeners.append(listener)
    key = person("u").pk
    try:
        with django_capture_on_commit_callbacks(execute=True):
            erasure.erase(catalog=catalog, user_ids=[key])
    finally:
        hooks.erasure_listeners.remove(listener)
    impressions.drain()
    assert heard == [{"catalog": catalog, "user_ids": [key]}]
    assert not EndUser.objects.filter(pk=key).exists() and not Impression.objects.exists()
    assert Interaction.objects.count() == 2 and set(popular.popular(catalog_id=catalog.pk).counts) == {1.0}
    run.refresh_from_db()
    assert list(evaluating.person_metrics(run=run)["user"]) == [person("v").pk]
    assert not default_storage.exists(old)


def remembering(catalog: Catalog) -> Run:
    run = training.create_run(catalog=catalog, algorithm="user_knn")
    training.execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.SUCCEEDED, run.error
    return run


def people_in(run: Run) -> list[set[int]]:
    kept = [checkpoints.load_checkpoint(run_id=run.pk, purpose=row.purpose) for row in run.checkpoints.all()]
    return [set(content.state["people"].tolist()) for content in kept if content]


def test_weights_that_remember_people_forget_them(catalog, django_capture_on_commit_callbacks):
    run = remembering(catalog)
    served, old = loaded.get(run.pk), [row.path for row in run.checkpoints.all()]
    gone, stays = person("u").pk, person("v").pk
    assert people_in(run) == [{gone, stays}] * 2
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase(catalog=catalog, user_ids=[gone])
    assert people_in(run) == [{stays}] * 2
    assert not any(default_storage.exists(f"{path}/{checkpoints.WEIGHTS}") for path in old)
    again = loaded.get(run.pk)  # what a process holds in memory is read anew
    assert again is not served and again.model.state()["people"].tolist() == [stays]
    assert loaded.get(run.pk) is again


def test_who_is_erased_while_such_a_run_trains_is_not_in_its_weights(catalog, monkeypatch):
    gone, stays = person("u").pk, person("v").pk
    keep, left = checkpoints.save_checkpoint, [gone]

    def erased_meanwhile(**given):
        if left:
            erasure.erase(catalog=catalog, user_ids=[left.pop()])
        keep(**given)

    monkeypatch.setattr(checkpoints, "save_checkpoint", erased_meanwhile)
    assert people_in(remembering(catalog)) == [{stays}] * 2


def test_when_one_part_fails_nothing_is_erased(catalog):
    run = measured(catalog)

    def refuse(**_: object) -> None:
        raise RuntimeError("not now")

    hooks.erasure_listeners.append(refuse)
    try:
        with pytest.raises(RuntimeError):
            erasure.erase(catalog=catalog, user_ids=[person("u").pk])
    finally:
        hooks.erasure_listeners.remove(refuse)
    assert Interaction.objects.count() == 4
    run.refresh_from_db()
    assert len(evaluating.person_metrics(run=run)) == 2


def test_a_file_that_is_gone_does_not_stop_it(catalog):
    run = measured(catalog)
    default_storage.delete(run.person_metrics)
    erasure.erase(catalog=catalog, user_ids=[person("u").pk])
    assert not EndUser.objects.filter(client_id="u").exists()


def test_nobody_of_another_catalog_is_erased(catalog):
    other = Catalog.objects.create(name="songs")
    erasure.erase(catalog=other, user_ids=[person("u").pk])
    assert person("u")
