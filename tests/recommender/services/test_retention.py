"""Files go with their rows; what is kept no longer goes, what is needed stays."""

from __future__ import annotations

import os
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from recommender.exceptions import Conflict
from recommender.models import AuditEntry, Catalog, DataImport, Deployment, Impression, Run
from recommender.services import checkpoints, retention
from tests.recommender.pages import films

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    return films()


def with_weights(catalog: Catalog, algorithm: str, **more: Any) -> Run:
    """A run that succeeded and has a file of weights (whose content nobody reads here)."""
    run = Run.objects.create(catalog=catalog, algorithm=algorithm, status="succeeded", **more)
    path = f"runs/{run.pk}/final-{uuid.uuid4().hex}"
    checkpoints.put(f"{path}/weights.safetensors", b"weights")
    run.checkpoints.create(purpose="final", path=path)
    return run


def has_files(run: Run) -> bool:
    try:
        return any(default_storage.listdir(f"runs/{run.pk}"))
    except FileNotFoundError:
        return False


def test_the_files_of_a_deleted_run_go_with_it(catalog: Catalog, django_capture_on_commit_callbacks: Any) -> None:
    run = with_weights(catalog, "ease")
    with django_capture_on_commit_callbacks(execute=True):
        retention.delete_run(run=run)
    assert not has_files(run)
    assert AuditEntry.objects.latest("id").action == "run-deleted"


def test_the_files_of_a_deleted_catalog_go_with_it(catalog: Catalog, django_capture_on_commit_callbacks: Any) -> None:
    run = with_weights(catalog, "ease")
    catalog.runs.filter(status__in=Run.LIVE).delete()
    upload = default_storage.save("imports/uploads/secret.csv", ContentFile(b"user,item"))
    row = DataImport.objects.create(catalog=catalog, source="secret.csv", status="failed", upload=upload)
    default_storage.save(f"imports/{row.pk}/rejects.csv", ContentFile(b"row"))
    with django_capture_on_commit_callbacks(execute=True):
        retention.delete_catalog(catalog=catalog)
    assert not has_files(run)
    assert not default_storage.exists(upload)
    assert not default_storage.exists(f"imports/{row.pk}/rejects.csv")
    assert AuditEntry.objects.latest("id").action == "catalog-deleted"


def test_a_run_that_works_serves_or_is_part_of_another_stays(catalog: Catalog) -> None:
    part, serving = with_weights(catalog, "ease"), with_weights(catalog, "ials")
    whole = with_weights(catalog, "ensemble")
    whole.parents.add(part)
    Deployment.objects.create(catalog=catalog, run=serving)
    for run, why in (
        (catalog.runs.get(status="running"), "Cancel it"), (serving, "in service"), (part, "is made of run")
    ):  # fmt: skip
        with pytest.raises(Conflict, match=why):
            retention.delete_run(run=run)
    with pytest.raises(Conflict, match="work in films"):
        retention.delete_catalog(catalog=catalog)


def test_old_weights_go_and_those_in_use_stay(catalog: Catalog, settings: Any) -> None:
    settings.KEEP_RUNS = 2
    serving, part, before = (with_weights(catalog, name) for name in ("ease", "ease", "ease"))
    old = with_weights(catalog, "ease")
    newest = [with_weights(catalog, "ease") for _ in range(2)]
    whole = with_weights(catalog, "ensemble")
    whole.parents.add(part)
    for run in (before, serving):
        Deployment.objects.create(catalog=catalog, run=run)
    assert retention.prune()["runs"] == 1
    assert not has_files(old)
    assert Run.objects.filter(pk=old.pk, checkpoints=None).exists()
    assert all(has_files(run) for run in (serving, part, before, whole, *newest))
    assert retention.prune()["runs"] == 0


def test_a_run_put_into_service_while_old_ones_are_looked_for_stays(
    catalog: Catalog, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KEEP_RUNS = 1
    old, older, _ = with_weights(catalog, "ease"), with_weights(catalog, "ease"), with_weights(catalog, "ease")
    look = retention.kept_runs

    def then_deployed() -> set[int]:
        kept = look()
        Deployment.objects.get_or_create(catalog=catalog, run=old)
        return kept

    monkeypatch.setattr(retention, "kept_runs", then_deployed)
    assert retention.prune_runs() == 1
    assert has_files(old) and old.checkpoints.exists() and not has_files(older)


def test_old_impressions_go(catalog: Catalog, settings: Any) -> None:
    settings.KEEP_IMPRESSIONS_DAYS = 30
    for days in (29, 31, 400):
        moment = timezone.now() - timedelta(days=days)
        Impression.objects.create(catalog=catalog, items=[1], scores=[1], propensities=[1], time=moment)
    assert retention.prune()["impressions"] == 2


def test_uploads_that_nobody_waits_for_go(catalog: Catalog) -> None:
    names = [default_storage.save(f"imports/uploads/{name}.csv", ContentFile(b"x")) for name in ("old", "wanted")]
    DataImport.objects.create(catalog=catalog, source="wanted.csv", status="queued", upload=names[1])
    young = default_storage.save("imports/uploads/young.csv", ContentFile(b"x"))
    for name in names:
        os.utime(default_storage.path(name), (time.time() - 2 * 86_400,) * 2)
    retention.prune()
    assert [default_storage.exists(name) for name in (*names, young)] == [False, True, True]
    default_storage.delete(names[1])
    default_storage.delete(young)


def test_files_of_lists_that_no_batch_names_go(catalog: Catalog) -> None:
    left = default_storage.save("batches/7-left.csv", ContentFile(b"user,item"))
    assert retention.prune_batches() == 0  # it may be just being written
    old = time.time() - 2 * 86_400
    os.utime(default_storage.path(left), (old, old))
    run = with_weights(catalog, "ease")
    named = default_storage.save("batches/8-named.csv", ContentFile(b"user,item"))
    os.utime(default_storage.path(named), (old, old))
    run.batches.create(catalog=catalog, path=named, status="succeeded")
    assert retention.prune()["batches"] == 1
    assert default_storage.exists(named) and not default_storage.exists(left)


def test_folders_of_runs_that_are_gone_are_removed(catalog: Catalog) -> None:
    checkpoints.put("runs/987654321/final-x/weights.safetensors", b"weights")
    assert retention.prune()["orphans"] >= 1
    assert not default_storage.exists("runs/987654321")


def test_a_catalog_is_only_deleted_on_a_plain_yes(catalog: Catalog) -> None:
    with pytest.raises(CommandError, match="--yes"):
        call_command("delete_catalog", "films")
    assert Catalog.objects.filter(pk=catalog.pk).exists()
