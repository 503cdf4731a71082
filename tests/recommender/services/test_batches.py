"""Recommendations for everyone as a file: whole or not at all, by a worker, gone with whoever is erased."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from recommender import tasks
from recommender.exceptions import BadInput, Conflict
from recommender.models import Batch, EndUser
from recommender.services import batches, erasure, leases
from tests.recommender.api.conftest import (  # noqa: F401 (fixtures)
    api,
    catalog,
    deploy,
    filled,
    nothing_loaded,
    other,
)  # fmt: skip
from tests.recommender.api.support import fields_of, problem_of


def done(row):
    assert batches.execute_batch(batch_id=row.pk)
    row.refresh_from_db()
    return row


@pytest.fixture
def ready(transactional_db, filled, deploy):  # noqa: F811
    deploy(filled, "item_knn")
    return filled


def test_everyone_has_the_list_that_the_api_gives(api, ready):  # noqa: F811
    row = done(batches.create_batch(catalog=ready, n=5))
    assert (row.status, row.people, row.progress) == ("succeeded", 30, 1.0)
    rows = list(csv.DictReader(io.StringIO(default_storage.open(row.path).read().decode())))
    assert len(rows) == row.rows == 150
    asked = api("read").list_for("u3", n=5)["items"]
    assert [each["item"] for each in rows if each["user"] == "u3"] == [each["item"] for each in asked]
    lines = default_storage.open(done(batches.create_batch(catalog=ready, n=5, format="jsonl")).path).read().decode()
    as_objects = [json.loads(line) for line in lines.splitlines()]
    assert [each["item"] for each in as_objects] == [each["item"] for each in rows]
    assert as_objects[0]["rank"] == 1 and isinstance(as_objects[0]["score"], float)


def test_what_cannot_be_asked_is_named(ready, other, deploy):  # noqa: F811
    for wrong, field in (({"n": 0}, "n"), ({"format": "xml"}, "format"), ({"run_id": 10**9}, "run")):
        with pytest.raises(BadInput) as caught:
            batches.create_batch(catalog=ready, **wrong)
        assert caught.value.field == field
    with pytest.raises(Conflict, match="Nothing is in service"):
        batches.create_batch(catalog=other)


def test_a_batch_whose_worker_died_is_begun_anew_and_nobody_does_it_twice(ready):
    row = batches.create_batch(catalog=ready, n=3)
    old = timezone.now() - timezone.timedelta(hours=1)
    Batch.objects.filter(pk=row.pk).update(status="running", worker="elsewhere:1:1.0:a", heartbeat=old, attempts=1)
    assert leases.free_dead_runs(Batch) == [row.pk]
    assert done(row).status == "succeeded"
    assert not batches.execute_batch(batch_id=row.pk)


def test_a_batch_that_fails_says_why_and_leaves_no_file(ready):
    row = batches.create_batch(catalog=ready)
    row.run.checkpoints.all().delete()
    row = done(row)
    assert row.status == "failed" and "train it again" in row.error and row.path == ""


def test_files_go_when_someone_is_erased(ready):
    row = done(batches.create_batch(catalog=ready, n=3))
    path = row.path
    erasure.erase(catalog=ready, user_ids=[EndUser.objects.get(client_id="u0").pk])
    row.refresh_from_db()
    assert not default_storage.exists(path) and row.path == "" and "erased" in row.error
    assert done(batches.create_batch(catalog=ready, n=3)).people == 29


def test_one_that_is_being_written_when_someone_is_erased_begins_anew(ready, monkeypatch):
    """Whatever the moment: the file that holds the erased person goes, and no row names it."""
    row = batches.create_batch(catalog=ready, n=3)
    save, written = default_storage.save, []

    def erase_then_save(name, content):
        monkeypatch.setattr(default_storage._wrapped, "save", save)
        erasure.erase(catalog=ready, user_ids=[EndUser.objects.get(client_id="u0").pk])
        written.append(save(name, content))
        return written[0]

    monkeypatch.setattr(default_storage._wrapped, "save", erase_then_save)
    batches.execute_batch(batch_id=row.pk)
    row.refresh_from_db()
    assert (row.status, row.path) == ("queued", "") and not default_storage.exists(written[0])
    assert done(row).people == 29


def test_an_erasure_that_fails_leaves_the_files(ready, monkeypatch):
    row = done(batches.create_batch(catalog=ready, n=3))
    monkeypatch.setattr(erasure.audit, "note", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        erasure.erase(catalog=ready, user_ids=[EndUser.objects.get(client_id="u0").pk])
    row.refresh_from_db()
    assert row.path and default_storage.exists(row.path)


def test_a_file_goes_with_its_run(ready):
    row = done(batches.create_batch(catalog=ready, n=3))
    ready.deployments.all().delete()
    row.run.delete()
    assert not default_storage.exists(row.path) and not Batch.objects.exists()


def test_a_batch_over_rest(api, ready, monkeypatch):  # noqa: F811
    monkeypatch.setattr(tasks, "send", lambda *given, **more: None)
    client = api("manage")
    made = client.post("batches", body={"n": 3, "format": "jsonl"})
    assert made.status_code == 201 and made.json()["status"] == "queued" and made.json()["file"] is None
    key = made.json()["id"]
    assert "has no file" in problem_of(client.get("batches", str(key), "file"), 409)["detail"]
    batches.execute_batch(batch_id=key)
    document = client.get("batches", str(key)).json()
    assert document["status"] == "succeeded" and document["rows"] == 90
    file = client.client.get(document["file"])
    assert file.status_code == 200 and len(b"".join(file.streaming_content).splitlines()) == 90
    assert f"recommendations-{key}.jsonl" in file.headers["Content-Disposition"]
    assert [each["id"] for each in client.get("batches").json()["results"]] == [key]
    assert fields_of(problem_of(client.post("batches", body={"n": 5000}), 400)) == ["n"]
    problem_of(client.get("batches", "999999"), 404)


def test_the_previous_deployment_over_rest(api, ready, deploy):  # noqa: F811
    client = api("manage")
    problem_of(client.post("deployments", "previous", body=None), 409)
    before = ready.deployments.first().run_id
    deploy(ready, "popularity")
    assert client.post("deployments", "previous", body=None).json()["id"] == before
