"""What an import would do, counted by the import's own code, without a row being written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from recommender.data.readers import Reading, open_reading
from recommender.data.readers.columns import Unsettled
from recommender.data.readers.entities import Entities
from recommender.data.readers.proposing import looks, proposed_columns
from recommender.data.readers.rows import Batch, Declared, Entity
from recommender.exceptions import BadInput
from recommender.models import Attribute, DataImport, EndUser, Item
from recommender.services import copying, upserting
from recommender.services.import_attempt import INTERACTIONS, Import, reading_options
from recommender.services.import_progress import Progress
from recommender.services.upserting import Upserted

COUNTED = "CREATE TEMPORARY TABLE counted (event_key uuid PRIMARY KEY) ON COMMIT DROP"
COUNT = (
    "INSERT INTO counted SELECT event_key FROM arriving WHERE NOT EXISTS "
    f"(SELECT FROM {INTERACTIONS} old WHERE old.catalog_id = %s AND old.event_key = arriving.event_key) "
    "ON CONFLICT DO NOTHING"
)
"""Counts what TAKE_OVER would put in."""


def preview(row: DataImport, paths: dict[str, Path], progress: Progress) -> None:
    """Fills `row.preview`."""
    found = previewed(row, paths, progress)
    progress.stop()
    DataImport.objects.filter(pk=row.pk, status=DataImport.Status.RUNNING).update(
        preview=found, options=row.options, format=found["format"], status=DataImport.Status.PREVIEWED, phase="",
        has_clock=row.has_clock, progress=1.0,
    )  # fmt: skip


def previewed(row: DataImport, paths: dict[str, Path], progress: Progress | None = None) -> dict[str, Any]:
    """First rows, meaning of the columns and what the import would do; `row` need not be stored.

    Where it was not said what the columns mean, what they seem to mean is put into its options. What keeps the file
    from being imported stands in "error": the columns may be chosen otherwise. Raises BadImport where nothing can be
    read at all.
    """
    progress = progress or Progress(0)
    options = reading_options(row, paths)
    if row.options.get("columns") is None:
        options["columns"] = proposed_columns(**{name: one for name, one in options.items() if name != "columns"})
        row.options["columns"] = options["columns"]
    found = first_rows(options)
    dry = DryImport(row, paths, progress)
    try:
        dry.run()
    except BadInput as error:
        found |= {"error": str(error), "samples": dry.reading.rejects.samples if dry.reading else []}
    return found | dry.told


def first_rows(options: dict[str, Any]) -> dict[str, Any]:
    """Format and first rows by table. Raises BadImport where the files are nothing that can be read."""
    reading = open_reading(**options | {"columns": Unsettled(options["columns"] or {})})
    return {"format": reading.format, "tables": [asdict(one) for one in looks(reading)]}


@dataclass
class DryImport(Import):
    """The import up to, and without, its writing: staged in temporary tables, counted by the same conditions."""

    new_ids: dict[str, dict[str, int]] = field(default_factory=lambda: {"users": {}, "items": {}})
    would_declare: list[Declared] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)
    """{"counts", "reasons", "samples", "notes", "declared"}, once it has run."""
    reading: Reading | None = None

    def run(self) -> None:
        reading = self.reading = open_reading(**reading_options(self.row, self.paths))
        self.row.has_clock = reading.interactions.has_clock
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(COUNTED)
            self._entities(reading)
            self._interactions(reading)
        self.told = self._told(reading)

    def _told(self, reading: Reading) -> dict[str, Any]:
        for role in ("users", "items"):
            self.counts.setdefault(role, {})
        return {
            "counts": self.counts,
            "reasons": dict(reading.rejects.reasons.most_common(50)),
            "samples": reading.rejects.samples,
            "notes": reading.notes(),
            "declared": [asdict(one) for one in self.would_declare],
        }

    def _put_in(self, entities: Entities, rows: Iterator[Entity]) -> Upserted:
        known = upserting.declared_types(catalog=self.catalog, scope=entities.scope)
        declared = entities.declare(known)
        self.would_declare += [one for one in declared if one.name not in known]
        model = EndUser if entities.scope == Attribute.Scope.USER else Item
        done, new = upserting.would_upsert(model=model, catalog=self.catalog, entities=rows)
        self.new_ids[entities.table.role] = {client_id: -1 - at for at, client_id in enumerate(new)}
        return done

    def _refresh(self, model: type[Any]) -> None:
        """Nothing has grown."""

    def _ensured(self, model: type[EndUser] | type[Item], new: list[str]) -> tuple[dict[str, int], int]:
        staged = self.new_ids["users" if model is EndUser else "items"]
        found = upserting.find_ids(model=model, catalog=self.catalog, client_ids=new)
        found |= {one: staged[one] for one in new if one in staged}
        bare = [one for one in new if one not in found]
        return found | dict.fromkeys(bare, 0), len(bare)

    def _write(self, cursor: Any, batch: Batch, now: int) -> int:
        if not len(batch):
            return 0
        items = self._keys("items", Item, batch.items)
        users = self._keys("users", EndUser, batch.users)
        if not self.staged:
            return len(batch)
        fixed = copying.fixed_part(batch, self.catalog.pk, self.row.pk or 0, users, items, now)
        copying.copy_rows(cursor, "arriving", copying.stream(fixed, *copying.tails(batch)))
        cursor.execute(COUNT, [self.catalog.pk])
        new: int = cursor.rowcount
        cursor.execute("TRUNCATE arriving")
        return new
