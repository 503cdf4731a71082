"""One import's worth of files: which format they are in, and what they hold."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from recommender.data.readers import delimited, jsonlines, movielens, parquet, recbole
from recommender.data.readers.columns import Columns, of_interactions, refuse_columns
from recommender.data.readers.entities import Entities
from recommender.data.readers.files import Folder, damage_told, folder
from recommender.data.readers.interactions import Interactions
from recommender.data.readers.rejects import Rejects
from recommender.data.readers.tables import Table
from recommender.exceptions import BadImport

FORMATS = ("movielens", "recbole", "csv", "jsonl", "parquet")
READERS: dict[str, Any] = {"jsonl": jsonlines, "parquet": parquet, "csv": delimited}
"""Formats of one table a file, whose columns may be called otherwise."""


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
    columns: Columns | None = None,
    ignored: Mapping[str, Sequence[str]] | None = None,
) -> Reading:
    """Opens the files at `path`, finding out their format where none is given.

    `ignored` names columns to leave out, by table. Raises BadImport where the files are missing, empty or of another
    format; reads headers, not rows (JSON lines have none and are read through).
    """
    columns = {} if columns is None else columns
    refuse_columns(columns)
    source = folder(path)
    format, tables = recognised(source, format, columns)
    for extra, role in ((users, "users"), (items, "items")):
        if extra is not None:
            tables = [table for table in tables if table.role != role]
            tables.append(extra_table(extra, role, columns))
    for table in tables:
        table.ignored = frozenset((ignored or {}).get(table.role, ()))
    interactions = next(table for table in tables if table.role == "interactions")
    if interactions.size == 0:
        raise BadImport(f"{interactions.name} is empty.", field="path")
    return Reading(
        format=format,
        users=[Entities(table) for table in tables if table.role == "users"],
        items=[Entities(table) for table in tables if table.role == "items"],
        interactions=limited(interactions, format),
    )


def extra_table(path: Path, role: str, columns: Columns) -> Table:
    """A file of people or items beside the interactions, in whichever format it is."""
    place = folder(path)
    if len(place.names()) != 1:
        raise BadImport(f"{path.name} should be one file of {role}.", field=role)
    name = place.names()[0]
    if role == "items" and name == movielens.EXTRA_INFORMATION:
        return movielens.extra_information(place)
    return cast(Table, READERS[format_of(place, name)].table(place, name, role, columns))


def format_of(source: Folder, name: str) -> str:
    """jsonl, parquet or csv, by the name's end, else by the first bytes."""
    known = next((kind for kind in ("jsonl", "parquet") if name.lower().endswith(READERS[kind].SUFFIXES)), "")
    if known or name.lower().endswith(delimited.SUFFIXES):
        return known or "csv"
    with damage_told(name), source.open(name) as file:
        start = file.read(1_000)
    if start.startswith(parquet.SIGNATURE):
        return "parquet"
    return "jsonl" if start.lstrip(BOM_UTF8).lstrip().startswith(b"{") else "csv"


def limited(table: Table, format: str) -> Interactions:
    if format == "movielens":
        return Interactions(table, ratings=movielens.RATINGS, rating_needed=True)
    return Interactions(table)


def recognised(source: Folder, format: str, columns: Columns) -> tuple[str, list[Table]]:
    if format not in ("", *FORMATS):
        raise BadImport(f"There is no format “{format}”; choose from {', '.join(FORMATS)}.", field="format")
    readers = {"movielens": movielens.tables, "recbole": recbole.tables}
    for name, reader in readers.items():
        if (
            format in ("", name)
            and not (name == "movielens" and of_interactions(columns))
            and (tables := reader(source)) is not None
        ):
            return name, tables
        if format == name:
            raise BadImport(f"{source.name} is not {name}: it holds {listed(source)}.", field="format")
    format = format or general_format(source)
    return format, READERS[format].tables(source, columns)


def general_format(source: Folder) -> str:
    """What most of the files are that are no read-me: a folder is of one format."""
    names = source.names()
    if len(names) == 1:
        return format_of(source, names[0])
    for kind in ("jsonl", "parquet"):
        if any(name.lower().endswith(READERS[kind].SUFFIXES) for name in names):
            return kind
    return "csv"


def listed(source: Folder) -> str:
    names = source.names()
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") if names else "no files"
