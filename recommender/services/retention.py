"""How long things are kept: files go with their rows, and old weights, impressions and uploads go by night.

Whoever deletes a run, an import or a catalog, by whatever way, has their files removed once that is committed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.functions import Now
from django.db.models.signals import post_delete
from django.dispatch import receiver
from django.utils import timezone

from recommender.exceptions import Conflict
from recommender.models import Batch, Catalog, DataImport, Deployment, Impression, Run
from recommender.services import audit

logger = logging.getLogger(__name__)
UPLOADS, BATCHES = "imports/uploads", "batches"
RETURNS = 2
"""Runs that served last in a catalog keep their weights, so that one can go back to the one before."""
BATCH = 10_000
YOUNG = timedelta(days=1)
"""A file whose row is not there may be one that is just being written."""


@transaction.atomic
def delete_run(*, run: Run, by: Any = None) -> None:
    """Delete a run with its files. Raises Conflict where it works, serves, or another is made of it."""
    locked = Run.objects.select_for_update().get(pk=run.pk)
    if locked.status in Run.LIVE:
        raise Conflict(f"Run {run.pk} is not over. Cancel it first.")
    latest = Deployment.objects.filter(catalog=locked.catalog).order_by("-id").first()
    if latest is not None and latest.run_id == run.pk:
        raise Conflict(f"Run {run.pk} is in service. Put another run into service first.")
    if made := Run.objects.filter(parents=locked).order_by("pk").first():
        raise Conflict(f"{made} is made of run {run.pk}. Delete that one first.")
    audit.note(catalog=locked.catalog, login=by, action="run-deleted", subject=str(locked))
    locked.delete()


@transaction.atomic
def delete_catalog(*, catalog: Catalog, by: Any = None) -> None:
    """Delete a catalog with all that is in it. Raises Conflict while something works in it."""
    locked = Catalog.objects.select_for_update().get(pk=catalog.pk)
    busy = DataImport.objects.filter(catalog=locked, status__in=["queued", "running"]).exists()
    if busy or Run.objects.filter(catalog=locked, status__in=Run.LIVE).exists():
        raise Conflict(f"Imports or runs work in {locked.name}. Wait for them, or cancel them first.")
    counts = {"people": locked.users.count(), "items": locked.items.count(), "runs": locked.runs.count()}
    audit.note(catalog=locked, login=by, action="catalog-deleted", subject=locked.name, details=counts)
    locked.delete()


@receiver(post_delete, sender=Run)
def remove_files_of_run(instance: Run, **_: object) -> None:
    transaction.on_commit(partial(remove_tree, f"runs/{instance.pk}"))


@receiver(post_delete, sender=DataImport)
def remove_files_of_import(instance: DataImport, **_: object) -> None:
    transaction.on_commit(partial(remove_tree, f"imports/{instance.pk}"))
    for name in uploads_of(instance):
        transaction.on_commit(partial(default_storage.delete, name))


@receiver(post_delete, sender=Batch)
def remove_file_of_batch(instance: Batch, **_: object) -> None:
    if instance.path:
        transaction.on_commit(partial(default_storage.delete, instance.path))


def uploads_of(row: DataImport) -> list[str]:
    names = (row.upload, row.options.get("users_upload"), row.options.get("items_upload"))
    return [name for name in names if name]


def remove_tree(folder: str) -> None:
    """Remove a folder of the storage with all in it; what cannot be removed is found again by `prune`."""
    try:
        folders, files = default_storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError, NotImplementedError):
        return
    for name in folders:
        remove_tree(f"{folder}/{name}")
    for name in files:
        default_storage.delete(f"{folder}/{name}")
    with suppress(OSError):
        default_storage.delete(folder)


def prune() -> dict[str, int]:
    """Remove what is kept no longer; {"runs", "impressions", "uploads", "batches", "orphans"} say how many.

    `runs`: weights of runs beyond the newest KEEP_RUNS of each algorithm of a catalog that neither serve, served
    before last, nor are part of a run that keeps its own; their figures stay. `impressions`: shown more than
    KEEP_IMPRESSIONS_DAYS ago. `uploads`: files of imports that are over. `batches`: files that no batch names.
    `orphans`: folders of runs that are gone.
    """
    return {
        "runs": prune_runs(),
        "impressions": prune_impressions(),
        "uploads": prune_uploads(),
        "batches": prune_batches(),
        "orphans": prune_orphans(),
    }


def prune_runs() -> int:
    old = Run.objects.filter(status=Run.Status.SUCCEEDED, checkpoints__isnull=False).exclude(pk__in=kept_runs())
    return sum(prune_run(run_id) for run_id in list(old.distinct().order_by("pk").values_list("pk", flat=True)))


def prune_run(run_id: int) -> bool:
    """Drop a run's weights unless it must keep them after all: it may have been put into service meanwhile. Who
    deploys it waits here, and then finds no weights."""
    with transaction.atomic():
        run = Run.objects.select_for_update().filter(pk=run_id, status=Run.Status.SUCCEEDED).first()
        if run is None or run_id in kept_runs():
            return False
        paths = list(run.checkpoints.values_list("path", flat=True))
        run.checkpoints.all().delete()
        run.adapted_states.all().delete()  # of weights that are gone
    for path in paths:
        remove_tree(path)
    return True


def kept_runs() -> set[int]:
    """Runs whose weights stay."""
    kept: set[int] = set()
    for catalog in Catalog.objects.all():
        served = list(catalog.deployments.order_by("-id").values_list("run_id", flat=True)[:100])
        kept |= set(list(dict.fromkeys(served))[:RETURNS])
        done = catalog.runs.filter(status=Run.Status.SUCCEEDED).order_by("-id").values_list("algorithm", "pk")
        met: dict[str, int] = {}
        for algorithm, run_id in done:
            met[algorithm] = met.get(algorithm, 0) + 1
            if met[algorithm] <= settings.KEEP_RUNS:
                kept.add(run_id)
    return kept | parts_of(kept | set(Run.objects.filter(status__in=Run.LIVE).values_list("pk", flat=True)))


def parts_of(runs: Iterable[int]) -> set[int]:
    """The runs that these are made of, to any depth."""
    found: set[int] = set()
    coming = set(runs)
    while coming:
        coming = set(Run.parents.through.objects.filter(from_run__in=coming).values_list("to_run", flat=True)) - found
        found |= coming
    return found


def prune_impressions() -> int:
    """In batches: a long delete would hold up the writing of new ones."""
    late = Impression.objects.filter(time__lt=Now() - timedelta(days=settings.KEEP_IMPRESSIONS_DAYS))
    total = 0
    while ids := list(late.order_by().values_list("pk", flat=True)[:BATCH]):
        total += Impression.objects.filter(pk__in=ids).delete()[0]
    return total


def prune_uploads() -> int:
    """Uploads that no import waits for; young ones may belong to an import that is just being made."""
    rows = DataImport.objects.exclude(status__in=[DataImport.Status.SUCCEEDED, DataImport.Status.FAILED])
    wanted = {name for row in rows for name in uploads_of(row)}
    return sum(remove_if_old(f"{UPLOADS}/{name}", wanted) for name in listed(UPLOADS)[1])


def prune_batches() -> int:
    """Files of lists whose worker died before its batch named them."""
    wanted = set(Batch.objects.exclude(path="").values_list("path", flat=True))
    return sum(remove_if_old(f"{BATCHES}/{name}", wanted) for name in listed(BATCHES)[1])


def prune_orphans() -> int:
    """Folders under runs/ whose run is not there."""
    folders = [name for name in listed("runs")[0] if name.isdecimal()]
    there = set(Run.objects.filter(pk__in=map(int, folders)).values_list("pk", flat=True))
    gone = [name for name in folders if int(name) not in there]
    for name in gone:
        remove_tree(f"runs/{name}")
    return len(gone)


def listed(folder: str) -> tuple[list[str], list[str]]:
    try:
        return default_storage.listdir(folder)
    except (FileNotFoundError, NotImplementedError):
        return [], []


def remove_if_old(name: str, wanted: set[str]) -> bool:
    with suppress(OSError, NotImplementedError):
        if name not in wanted and default_storage.get_modified_time(name) < timezone.now() - YOUNG:
            default_storage.delete(name)
            return True
    return False
