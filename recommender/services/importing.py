"""Files → a catalog: one transaction per import, streamed, the same file twice changes nothing."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from psycopg import Error as PsycopgError
from psycopg.errors import DeadlockDetected, UniqueViolation

from recommender.data.readers import FORMATS
from recommender.exceptions import BadImport, BadInput, Cancelled, Conflict
from recommender.models import Catalog, DataImport
from recommender.services import import_preview, undoing
from recommender.services.import_attempt import LOCK, Import, note_import
from recommender.services.import_progress import Progress, free

__all__ = ["LOCK", "Import", "create_import", "run_import"]
log = logging.getLogger(__name__)

TRIES = 3
PREVIEW_HOURS = 24
Report = Callable[[str, float], None]


def create_import(
    *,
    catalog: Catalog,
    source: str,
    format: str = "",
    options: Mapping[str, Any] | None = None,
    upload: str = "",
    created_by: Any = None,
    aim: str = DataImport.Aim.IMPORT,
) -> DataImport:
    """An import that waits to be run.

    `source` is what was given, in the giver's words. `upload` names a file in the storage; without it, `options` has
    "path" or the source is one. Other options: "users" and "items" (paths) or "users_upload" and "items_upload"
    (names in the storage), "columns" (our names → the file's), "ignored" (by table). Raises BadImport for an
    unknown format.
    """
    if format not in ("", *FORMATS):
        raise BadImport(f"There is no format “{format}”; choose from {', '.join(FORMATS)}.", field="format")
    return DataImport.objects.create(
        catalog=catalog,
        source=source[:500],
        format=format,
        options=dict(options or {}),
        upload=upload,
        created_by=created_by,
        aim=aim,
    )


def store_upload(*, file: File[Any], name: str) -> str:
    """Keeps an uploaded file until it is imported; returns its name in the storage."""
    return default_storage.save(f"imports/uploads/{plain_name(name)}", file)


def plain_name(name: str) -> str:
    """The last part of a file's name, of at most 100 plain characters, its suffix kept."""
    last = re.sub(r"[^\w.-]", "_", PurePosixPath(name.replace("\\", "/")).name).lstrip(".")
    return last[-100:] or "upload"


def run_import(*, import_id: int, report: Report | None = None) -> DataImport:
    """Carries out what an import aims at (preview, import, undo) and returns it; does nothing where another worker has
    it or it is over.

    `report(phase, share done)` is called as it goes on. Raises BadImport where the file is not what it says (then
    nothing has changed but the import's own row; a preview says it there instead) and Conflict where it cannot be
    undone; any other error is noted there as well. One that was cancelled returns.
    """
    if free(import_id=import_id, lease_seconds=settings.LEASE_SECONDS):
        done = DataImport.objects.select_related("catalog").get(pk=import_id)
        try:
            with Progress(import_id, report, cancelled=done.cancel_requested) as progress:
                AIMS[done.aim](done, progress)
        except Cancelled:
            end_cancelled(done)
        except (BadInput, Conflict) as error:
            fail(done, str(error))
            raise
        except KeyboardInterrupt:
            fail(done, "It was stopped; nothing was changed.")
            raise
        except Exception as error:
            fail(done, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}")
            raise
    return DataImport.objects.get(pk=import_id)


def put_in(done: DataImport, progress: Progress) -> None:
    with local_files(done) as paths:
        attempt(done, paths, progress)
    discard_uploads(done)


def look(done: DataImport, progress: Progress) -> None:
    """Says what it would do; the files are kept until that is confirmed or dropped."""
    with local_files(done) as paths:
        import_preview.preview(done, paths, progress)


AIMS: dict[str, Callable[[DataImport, Progress], None]] = {
    DataImport.Aim.IMPORT: put_in,
    DataImport.Aim.PREVIEW: look,
    DataImport.Aim.UNDO: undoing.undo,
}


def cancel_import(*, row: DataImport) -> None:
    """Stops one that waits at once, one that runs within seconds, as if it had never begun.

    Raises Conflict where it is over.
    """
    mine = DataImport.objects.filter(pk=row.pk)
    if mine.filter(status=DataImport.Status.QUEUED).update(status=DataImport.Status.RUNNING, heartbeat=Now()):
        end_cancelled(DataImport.objects.get(pk=row.pk))
    elif not mine.filter(status=DataImport.Status.RUNNING).update(cancel_requested=True):
        row.refresh_from_db()
        raise Conflict(f"The import is over ({row.get_status_display()}); there is nothing to cancel.")
    row.refresh_from_db()


def confirm_import(*, row: DataImport) -> None:
    """What was previewed is to be put in. Raises Conflict where it cannot be, or was decided already."""
    if row.preview.get("error"):
        raise Conflict(f"It cannot be put in as it is: {row.preview['error']}")
    decide(row, aim=DataImport.Aim.IMPORT)


def look_again(*, row: DataImport, columns: Mapping[str, str], ignored: Mapping[str, list[str]]) -> None:
    """Previews it again with other meanings of its columns. Raises Conflict where it was decided already."""
    options = {**row.options, "columns": dict(columns), "ignored": dict(ignored)}
    decide(row, aim=DataImport.Aim.PREVIEW, options=options)


def decide(row: DataImport, **changes: Any) -> None:
    waiting = {"status": DataImport.Status.QUEUED, "progress": 0.0, "phase": "", "preview": {}, **changes}
    waiting["cancel_requested"] = False  # one that came as the look ended meant the look
    previewed = DataImport.objects.filter(pk=row.pk, status=DataImport.Status.PREVIEWED)
    if not previewed.update(**waiting):
        raise Conflict("This upload has been decided on already; put the file in again.")
    row.refresh_from_db()


def drop_preview(*, row: DataImport) -> None:
    """Drops an upload that was only looked at, with its files. Raises Conflict where it was decided already."""
    if not DataImport.objects.filter(pk=row.pk, status=DataImport.Status.PREVIEWED).delete()[0]:
        raise Conflict("This upload has been decided on already.")
    discard_uploads(row)


def forget_previews() -> None:
    """Drops uploads that nobody decided on for a day: they hold what people did."""
    late = timezone.now() - timedelta(hours=PREVIEW_HOURS)
    for row in DataImport.objects.filter(status=DataImport.Status.PREVIEWED, created__lt=late):
        with suppress(Conflict):
            drop_preview(row=row)


def end_cancelled(done: DataImport) -> None:
    """What was to be undone stays done."""
    kept = done.aim == DataImport.Aim.UNDO
    if not kept:
        discard_uploads(done)
    DataImport.objects.filter(pk=done.pk).update(
        status=DataImport.Status.SUCCEEDED if kept else DataImport.Status.CANCELLED,
        aim=DataImport.Aim.IMPORT,
        cancel_requested=False,
        preview={},
        finished=done.finished if kept else timezone.now(),
        phase="",
    )


def attempt(done: DataImport, paths: dict[str, Path], progress: Progress) -> None:
    """Imports; again from the start where a concurrent event got in the way."""
    staged = False
    for left in reversed(range(TRIES)):
        try:
            Import(done, paths, progress, staged=staged).run()
        except (IntegrityError, OperationalError, UniqueViolation, DeadlockDetected) as error:
            told = error if isinstance(error, PsycopgError) else error.__cause__  # COPY's errors reach us unwrapped
            if not left or not isinstance(told, UniqueViolation | DeadlockDetected):
                raise
            log.info("import %s begins again: %s", done.pk, error)
            staged = True
        else:
            return


def fail(done: DataImport, reason: str) -> None:
    """Notes why; an import that could not be undone stays done."""
    undone = done.aim == DataImport.Aim.UNDO
    if not undone:
        discard_uploads(done)
    with transaction.atomic():
        DataImport.objects.filter(pk=done.pk).update(
            status=DataImport.Status.SUCCEEDED if undone else DataImport.Status.FAILED,
            aim=DataImport.Aim.IMPORT,
            error=reason[:1_000],
            preview={},
            finished=done.finished if undone else timezone.now(),
            phase="",
        )
        if not undone:
            note_import(DataImport.objects.select_related("catalog").get(pk=done.pk), "import-failed")


def discard_uploads(done: DataImport) -> None:
    """An upload is kept no longer than it is needed: it holds what people did."""
    for name in (done.upload, done.options.get("users_upload"), done.options.get("items_upload")):
        if name:
            default_storage.delete(name)


@contextmanager
def local_files(done: DataImport) -> Iterator[dict[str, Path]]:
    """Paths of the import's files ("path", "users", "items"); uploads are copied out of the storage for the time."""
    given = done.options
    with tempfile.TemporaryDirectory() as place:
        paths = {name: Path(given[name]) for name in ("path", "users", "items") if given.get(name)}
        stored = {"path": done.upload, "users": given.get("users_upload"), "items": given.get("items_upload")}
        for name, upload in stored.items():
            if upload:
                own = done.source if name == "path" else upload
                paths[name] = fetched(upload, Path(place) / name / plain_name(own))
        paths.setdefault("path", Path(done.source))
        yield paths


def fetched(upload: str, path: Path) -> Path:
    path.parent.mkdir()
    try:
        with default_storage.open(upload, "rb") as source, path.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
    except FileNotFoundError as error:
        raise BadImport("The uploaded file is no longer there; upload it again.", field="path") from error
    return path


def dead_imports() -> list[int]:
    """Uploads to be enqueued again because their worker is dead or their message was lost.

    An import from a path is its caller's own process; when that is gone it is marked as failed.
    """
    late = Now() - timedelta(seconds=settings.LEASE_SECONDS)
    dead = DataImport.objects.filter(status=DataImport.Status.RUNNING, heartbeat__lt=late)
    apart = ~Q(upload="") | Q(aim=DataImport.Aim.UNDO)
    dead.exclude(apart).update(
        status=DataImport.Status.FAILED,
        error="The process that ran it has ended; start the import again.",
        finished=timezone.now(),
        phase="",
        aim=DataImport.Aim.IMPORT,
    )
    waiting = DataImport.objects.filter(status=DataImport.Status.QUEUED, created__lt=late).filter(apart)
    return [*dead.values_list("pk", flat=True), *waiting.values_list("pk", flat=True)]
