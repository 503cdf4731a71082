"""One import's worth of files: which format they are in, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recommender.data.readers import delimited, movielens, recbole
from recommender.data.readers.entities import ITEM_NAMES, Entities
from recommender.data.readers.files import Folder, folder
from recommender.data.readers.interactions import NAMES, Interactions
from recommender.data.readers.rejects import Rejects
from recommender.data.readers.tables import Table
from recommender.exceptions import BadImport

FORMATS = ("movielens", "recbole", "csv", "jsonl", "parquet")
LATER = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


@dataclass
class Reading:
    """What is to be put in: `users` and `items` tables, then `interactions`, with one list of rejects."""

    format: str
    users: list[Entities]
    items: list[Entities]
    interactions: Interactions
    rejects: Rejects = field(default_factory=Rejects)

    @property
    def tables(self) -> list[Table]:
        return [*(one.table for one in (*self.users, *self.items)), self.interactions.table]

    @property
    def done(self) -> float:
        """Share of the bytes that were read."""
        total = sum(table.size for table in self.tables)
        return min(1.0, sum(table.position for table in self.tables) / total) if total else 1.0

    def notes(self) -> list[str]:
        found = [note for table in self.tables for note in table.notes()]
        return found + [note for one in (*self.users, *self.items) for note in one.notes()]


def open_reading(
    path: Path,
    *,
    format: str = "",
    users: Path | None = None,
    items: Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> Reading:
    """Opens the files at `path`, finding out their format where none is given.

    Raises BadImport where they are missing, empty or of another format; reads headers, not rows.
    """
    columns = dict(columns or {})
    refuse_columns(columns)
    source = folder(path)
    format, tables = recognised(source, format, columns)
    for extra, role in ((users, "users"), (items, "items")):
        if extra is not None:
            place = folder(extra)
            if len(place.names()) != 1:
                raise BadImport(f"{extra.name} should be one CSV file of {role}.", field=role)
            tables = [table for table in tables if table.role != role]
            tables.append(delimited.table(place, place.names()[0], role, columns))
    interactions = next(table for table in tables if table.role == "interactions")
    if interactions.size == 0:
        raise BadImport(f"{interactions.name} is empty.", field="path")
    return Reading(
        format=format,
        users=[Entities(table) for table in tables if table.role == "users"],
        items=[Entities(table) for table in tables if table.role == "items"],
        interactions=limited(interactions, format),
    )


def limited(table: Table, format: str) -> Interactions:
    if format == "movielens":
        return Interactions(table, ratings=movielens.RATINGS, rating_needed=True)
    return Interactions(table)


def recognised(source: Folder, format: str, columns: Mapping[str, str]) -> tuple[str, list[Table]]:
    if format not in ("", *FORMATS):
        raise BadImport(f"There is no format “{format}”; choose from {', '.join(FORMATS)}.", field="format")
    later = format or next((LATER[Path(name).suffix] for name in source.names() if Path(name).suffix in LATER), "")
    if later in LATER.values():
        raise BadImport(f"{later} files cannot be imported yet; give CSV.", field="format")
    readers = {"movielens": movielens.tables, "recbole": recbole.tables}
    for name, reader in readers.items():
        if format in ("", name) and not (name == "movielens" and columns) and (tables := reader(source)) is not None:
            return name, tables
        if format == name:
            raise BadImport(f"{source.name} is not {name}: it holds {listed(source)}.", field="format")
    return "csv", delimited.tables(source, columns)


def listed(source: Folder) -> str:
    names = source.names()
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") if names else "no files"


def refuse_columns(columns: Mapping[str, str]) -> None:
    known = dict.fromkeys((*NAMES, *ITEM_NAMES))
    for ours in columns:
        if ours not in known:
            raise BadImport(f"There is no column “{ours}” to name; choose from {', '.join(known)}.", field="column")
