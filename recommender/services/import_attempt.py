"""One attempt at an import: files → rows of a catalog, in one transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils import timezone
from numpy.typing import NDArray

from recommender.data.readers import Reading, open_reading
from recommender.data.readers.ahead import ahead
from recommender.data.readers.entities import Entities
from recommender.data.readers.rows import Batch, Column, Entity
from recommender.data.readers.tables import Table
from recommender.exceptions import BadImport, BadInput
from recommender.models import Catalog, DataImport, EndUser, Interaction, Item
from recommender.services import audit, copying, popular, upserting
from recommender.services.import_progress import Progress
from recommender.services.upserting import Trace, Upserted

log = logging.getLogger(__name__)

LOCK = 7_001
"""First half of the advisory lock that imports take on a catalog: two into one catalog go one after the other."""

LOOK = 1_000
"""Rows of people or items between two looks at whether the import is still wanted."""


@dataclass
class Import:
    """One attempt at an import."""

    row: DataImport
    paths: dict[str, Path]
    progress: Progress
    staged: bool = False
    known: dict[str, dict[str, int]] = field(default_factory=lambda: {"users": {}, "items": {}})
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    declared: list[int] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.trace = Trace(self.row.pk)

    @property
    def catalog(self) -> Catalog:
        return self.row.catalog

    def run(self) -> None:
        reading = open_reading(**reading_options(self.row, self.paths))
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
            found = self._put_in(entities, self._watched(entities.rows(reading.rejects), reading, role))
            refuse_nonsense(table, reading)
            self.counts[role] = {"read": table.read, **found.counts(), "rejected": reading.rejects.tables[role]}
        for model in (EndUser, Item):
            self._refresh(model)

    def _put_in(self, entities: Entities, rows: Iterator[Entity]) -> Upserted:
        declared = entities.declare(upserting.declared_types(catalog=self.catalog, scope=entities.scope))
        self.declared += upserting.declare_attributes(catalog=self.catalog, declared=declared)
        if entities.table.role == "users":
            return upserting.upsert_users(catalog=self.catalog, users=rows, trace=self.trace)
        return upserting.upsert_items(catalog=self.catalog, items=rows, trace=self.trace)

    def _watched(self, rows: Iterator[Entity], reading: Reading, role: str) -> Iterator[Entity]:
        for at, row in enumerate(rows):
            if at % LOOK == 0:
                self.progress.at(f"reading {role}", reading.done)
            yield row

    def _refresh(self, model: type[Any]) -> None:
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
        cursor.execute(MET, [self.catalog.pk, self.row.pk])
        self.trace.built_on.update(dict(cursor.fetchall()))
        cursor.execute(TAKE_OVER)
        new: int = cursor.rowcount
        cursor.execute("TRUNCATE arriving")
        return new

    def _keys(self, role: str, model: type[EndUser] | type[Item], column: Column) -> NDArray[np.int64]:
        """(n,) database keys of the rows' people or items; bare rows are made for ids not seen before."""
        known = self.known[role]
        used = np.unique(column.codes).tolist()
        if new := sorted({column.words[code] for code in used} - known.keys()):
            found, made = self._ensured(model, new)
            known.update(found)
            counts = self.counts.setdefault(role, {})
            counts["bare"] = counts.get("bare", 0) + made
            if made:
                self._refresh(model)
        table = np.zeros(len(column.words), dtype=np.int64)
        table[used] = [known[column.words[code]] for code in used]
        return table[column.codes]

    def _ensured(self, model: type[EndUser] | type[Item], new: list[str]) -> tuple[dict[str, int], int]:
        return upserting.ensure_ids(model=model, catalog=self.catalog, client_ids=new, trace=self.trace)

    def _keep_rejects(self, reading: Reading) -> None:
        rejects = reading.rejects
        self.row.counts = {
            **self.counts,
            "reasons": dict(rejects.reasons.most_common(50)),
            "notes": reading.notes(),
            "declared": self.declared,
            "built_on": {str(key): count for key, count in self.trace.built_on.items()},
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


MET = (
    f"SELECT old.data_import_id, count(*) FROM arriving JOIN {INTERACTIONS} old ON old.catalog_id = %s "
    "AND old.event_key = arriving.event_key WHERE old.data_import_id <> %s GROUP BY 1"
)
"""How many of the rows are here already, by the import that brought them."""


def note_import(row: DataImport, action: str) -> None:
    """In the audit trail: which file, and how many rows were new. No reason of a failure: it may quote a row."""
    new = {
        role: counts.get("new", 0) for role, counts in row.counts.items() if role in ("users", "items", "interactions")
    }
    details = {"import": row.pk, "format": row.format, **({"new": new} if new else {})}
    audit.note(catalog=row.catalog, login=row.created_by, action=action, subject=row.source, details=details)


def reading_options(row: DataImport, paths: dict[str, Path]) -> dict[str, Any]:
    """What open_reading is to be asked for an import."""
    given = {name: paths.get(name) for name in ("path", "users", "items")}
    return {**given, "format": row.format, **{name: row.options.get(name) for name in ("columns", "ignored")}}


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
