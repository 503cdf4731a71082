"""Files → a catalog: one transaction per import, streamed, the same file twice changes nothing."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from numpy.typing import NDArray
from psycopg import Error as PsycopgError
from psycopg.errors import DeadlockDetected, UniqueViolation

from recommender.data.readers import FORMATS, Reading, open_reading
from recommender.data.readers.ahead import ahead
from recommender.data.readers.rows import Batch, Column
from recommender.data.readers.tables import Table
from recommender.exceptions import BadImport, BadInput
from recommender.models import Catalog, DataImport, EndUser, Interaction, Item
from recommender.services import audit, copying, popular, upserting
from recommender.services.import_progress import Progress, free

log = logging.getLogger(__name__)

LOCK = 7_001
"""First half of the advisory lock that imports take on a catalog: two into one catalog go one after the other."""

TRIES = 3
Report = Callable[[str, float], None]


def create_import(
    *,
    catalog: Catalog,
    source: str,
    format: str = "",
    options: Mapping[str, Any] | None = None,
    upload: str = "",
    created_by: Any = None,
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
    )


def store_upload(*, file: File[Any], name: str) -> str:
    """Keeps an uploaded file until it is imported; returns its name in the storage."""
    return default_storage.save(f"imports/uploads/{plain_name(name)}", file)


def plain_name(name: str) -> str:
    """The last part of a file's name, of at most 100 plain characters, its suffix kept."""
    last = re.sub(r"[^\w.-]", "_", PurePosixPath(name.replace("\\", "/")).name).lstrip(".")
    return last[-100:] or "upload"


def run_import(*, import_id: int, report: Report | None = None) -> DataImport:
    """Carries an import out and returns it; does nothing where another worker has it or it is over.

    `report(phase, share done)` is called as it goes on. Raises BadImport where the file is not what it says (then
    nothing has changed but the import's own row); any other error is noted there as well.
    """
    if free(import_id=import_id, lease_seconds=settings.LEASE_SECONDS):
        done = DataImport.objects.select_related("catalog").get(pk=import_id)
        try:
            with Progress(import_id, report) as progress, local_files(done) as paths:
                attempt(done, paths, progress)
        except BadInput as error:
            fail(import_id, str(error))
            raise
        except KeyboardInterrupt:
            fail(import_id, "It was stopped; nothing was changed.")
            raise
        except Exception as error:
            fail(import_id, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}")
            raise
        discard_uploads(done)
    return DataImport.objects.get(pk=import_id)


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


def fail(import_id: int, reason: str) -> None:
    failed = DataImport.objects.select_related("catalog").get(pk=import_id)
    discard_uploads(failed)
    with transaction.atomic():
        DataImport.objects.filter(pk=import_id).update(
            status=DataImport.Status.FAILED, error=reason[:1_000], finished=timezone.now(), phase=""
        )
        note_import(failed, "import-failed")


def note_import(row: DataImport, action: str) -> None:
    """In the audit trail: which file, and how many rows were new. No reason of a failure: it may quote a row."""
    new = {
        role: counts.get("new", 0) for role, counts in row.counts.items() if role in ("users", "items", "interactions")
    }
    details = {"import": row.pk, "format": row.format, **({"new": new} if new else {})}
    audit.note(catalog=row.catalog, login=row.created_by, action=action, subject=row.source, details=details)


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
    dead.filter(upload="").update(
        status=DataImport.Status.FAILED,
        error="The process that ran it has ended; start the import again.",
        finished=timezone.now(),
        phase="",
    )
    waiting = DataImport.objects.filter(status=DataImport.Status.QUEUED, created__lt=late).exclude(upload="")
    return [*dead.values_list("pk", flat=True), *waiting.values_list("pk", flat=True)]


@dataclass
class Import:
    """One attempt at an import."""

    row: DataImport
    paths: dict[str, Path]
    progress: Progress
    staged: bool = False
    known: dict[str, dict[str, int]] = field(default_factory=lambda: {"users": {}, "items": {}})
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    @property
    def catalog(self) -> Catalog:
        return self.row.catalog

    def run(self) -> None:
        reading = open_reading(
            self.paths["path"],
            format=self.row.format,
            users=self.paths.get("users"),
            items=self.paths.get("items"),
            columns=self.row.options.get("columns"),
            ignored=self.row.options.get("ignored"),
        )
        self.row.format, self.row.has_clock = reading.format, reading.interactions.has_clock
        try:
            with transaction.atomic():
                if not self._lock():
                    return
                self._entities(reading)
                self._interactions(reading)
                self.progress.stop()
                self._keep_rejects(reading)
                self._succeed(reading)
        except BadInput:
            self._keep_rejects(reading)
            self.row.save(update_fields=["rejects", "counts", "format"])
            raise
        refresh_statistics(Interaction)
        popular.changed(catalog_id=self.catalog.pk)

    def _lock(self) -> bool:
        """One import into a catalog at a time; references are checked as rows come, not all at the end.

        False where another worker, whose lease had run out, has done this import meanwhile.
        """
        self.progress.at("waiting for another import into this catalog", 0.0)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, self.catalog.pk])
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        return DataImport.objects.filter(pk=self.row.pk, status=DataImport.Status.RUNNING).exists()

    def _entities(self, reading: Reading) -> None:
        for entities in (*reading.items, *reading.users):  # as the API does, so that the two seldom meet head-on
            role, table = entities.table.role, entities.table
            self.progress.at(f"reading {role}", reading.done)
            declared = entities.declare(upserting.declared_types(catalog=self.catalog, scope=entities.scope))
            upserting.declare_attributes(catalog=self.catalog, declared=declared)
            rows = entities.rows(reading.rejects)
            if role == "users":
                found = upserting.upsert_users(catalog=self.catalog, users=rows)
            else:
                found = upserting.upsert_items(catalog=self.catalog, items=rows)
            refuse_nonsense(table, reading)
            self.counts[role] = {"read": table.read, **found.counts(), "rejected": reading.rejects.tables[role]}
        for model in (EndUser, Item):
            refresh_statistics(model, only_if_grown=True)

    def _interactions(self, reading: Reading) -> None:
        table, source = reading.interactions.table, reading.interactions
        self.staged = self.staged or source.has_event_ids or self._has_interactions()
        now = int(time.time() * 1_000_000)
        new = taken = 0
        with connection.cursor() as cursor:
            if self.staged:
                cursor.execute("DROP TABLE IF EXISTS arriving")
                cursor.execute(ARRIVING)
            for batch in ahead(source.batches(reading.rejects)):
                new += self._write(cursor, batch, now)
                taken += len(batch)
                self.progress.at("reading interactions", reading.done)
        if not table.read:
            raise BadImport(f"{table.name} has no rows.", field="path")
        refuse_nonsense(table, reading)
        self.counts["interactions"] = {
            "read": table.read,
            "new": new,
            "same": taken - new,
            "rejected": reading.rejects.tables["interactions"],
            "duplicates": source.duplicates,
            "contradicting": source.contradicting,
        }

    def _has_interactions(self) -> bool:
        return Interaction.objects.filter(catalog=self.catalog).exists()

    def _write(self, cursor: Any, batch: Batch, now: int) -> int:
        """Writes a batch; returns how many of its rows were new."""
        if not len(batch):
            return 0
        items = self._keys("items", Item, batch.items)
        users = self._keys("users", EndUser, batch.users)
        fixed = copying.fixed_part(batch, self.catalog.pk, self.row.pk, users, items, now)
        rows = copying.stream(fixed, *copying.tails(batch))
        if not self.staged:
            copying.copy_rows(cursor, INTERACTIONS, rows)
            return len(batch)
        copying.copy_rows(cursor, "arriving", rows)
        cursor.execute(TAKE_OVER)
        new: int = cursor.rowcount
        cursor.execute("TRUNCATE arriving")
        return new

    def _keys(self, role: str, model: type[EndUser] | type[Item], column: Column) -> NDArray[np.int64]:
        """(n,) database keys of the rows' people or items; bare rows are made for ids not seen before."""
        known = self.known[role]
        used = np.unique(column.codes).tolist()
        if new := sorted({column.words[code] for code in used} - known.keys()):
            found, made = upserting.ensure_ids(model=model, catalog=self.catalog, client_ids=new)
            known.update(found)
            counts = self.counts.setdefault(role, {})
            counts["bare"] = counts.get("bare", 0) + made
            if made:
                refresh_statistics(model, only_if_grown=True)
        table = np.zeros(len(column.words), dtype=np.int64)
        table[used] = [known[column.words[code]] for code in used]
        return table[column.codes]

    def _keep_rejects(self, reading: Reading) -> None:
        rejects = reading.rejects
        self.row.counts = {
            **self.counts,
            "reasons": dict(rejects.reasons.most_common(50)),
            "notes": reading.notes(),
            "durations": {"total": round(time.monotonic() - self.started, 2)},
        }
        if len(rejects):
            rejects.file.seek(0)
            with File(rejects.file) as file:
                file.mode = "rb"
                self.row.rejects = default_storage.save(f"imports/{self.row.pk}/rejects.csv", file)

    def _succeed(self, reading: Reading) -> None:
        self.row.status, self.row.progress, self.row.phase = DataImport.Status.SUCCEEDED, 1.0, ""
        self.row.finished = timezone.now()
        self.row.save()
        note_import(self.row, "import")
        shown = {role: counts for role, counts in self.counts.items() if isinstance(counts, dict)}
        log.debug("import %s of %s into %s: %s", self.row.pk, self.row.source, self.catalog.name, shown)


INTERACTIONS = Interaction._meta.db_table
ARRIVING = (
    f"CREATE TEMPORARY TABLE arriving ON COMMIT DROP AS SELECT {copying.COLUMNS} FROM {INTERACTIONS} WITH NO DATA"
)
TAKE_OVER = (
    f"INSERT INTO {INTERACTIONS} ({copying.COLUMNS}) SELECT {copying.COLUMNS} FROM arriving "
    "ON CONFLICT (catalog_id, event_key) DO NOTHING"
)


def refuse_nonsense(table: Table, reading: Reading) -> None:
    """Raises BadImport where more than half of a file's rows cannot be taken: then it is not what it says."""
    refused = reading.rejects.tables[table.role]
    if 2 * refused > table.read:
        reason, count = reading.rejects.reasons.most_common(1)[0]
        raise BadImport(
            f"{table.name} is not what it says: {refused:,} of {table.read:,} rows cannot be taken, {count:,} because "
            f"{reason}. Nothing was changed.",
            field="path",
        )


def refresh_statistics(model: type[Any], *, only_if_grown: bool = False) -> None:
    """Tells PostgreSQL's planner of new rows. On a table it believes empty it checks references by reading it whole.

    Inside a transaction ANALYZE keeps others from analysing the table until the end, hence `only_if_grown`: only
    where the table has more than twice the rows of its statistics.
    """
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if only_if_grown:
            cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
            (known,) = cursor.fetchone()
            cursor.execute(f"SELECT count(*) FROM (SELECT FROM {table} LIMIT %s) AS part", [2 * max(0, int(known)) + 1])
            if cursor.fetchone()[0] <= 2 * max(0, known):
                return
        cursor.execute(f"ANALYZE {table}")
