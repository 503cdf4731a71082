"""CSV with a header `user,item[,rating][,timestamp][,kind][,event_id][,…context]`, and files of items and people."""

from __future__ import annotations

import csv
from collections.abc import Mapping

from recommender.data.readers.entities import ITEM_NAMES, USER_NAMES
from recommender.data.readers.files import Folder, encoding_of, text
from recommender.data.readers.interactions import NAMES
from recommender.data.readers.tables import Table, csv_rows, read_header
from recommender.exceptions import BadImport

KNOWN: dict[str, tuple[str, ...]] = {"interactions": NAMES, "items": ITEM_NAMES, "users": USER_NAMES}
NEEDED: dict[str, tuple[str, ...]] = {"interactions": ("user", "item"), "items": ("item",), "users": ("user",)}
SUFFIXES = (".csv", ".tsv", ".txt", ".dat")


def tables(source: Folder, columns: Mapping[str, str]) -> list[Table]:
    """The interactions of a folder or zip of CSV, with its users.csv and items.csv where it has them."""
    names = [name for name in source.names() if name.lower().endswith(SUFFIXES) and "readme" not in name.lower()]
    stems = {name.lower().rsplit(".", 1)[0]: name for name in names}
    extra: dict[str, str] = {role: stems[role] for role in ("users", "items") if role in stems and len(names) > 1}
    rest = [name for name in names if name not in extra.values()]
    if len(source.names()) == 1:
        rest = source.names()
    if len(rest) != 1:
        found = ", ".join(rest) if rest else "none"
        raise BadImport(f"{source.name} should hold one CSV of interactions; found: {found}.", field="path")
    roles: dict[str, str] = {"interactions": rest[0], **extra}
    return [table(source, name, role, columns) for role, name in roles.items()]


def table(source: Folder, name: str, role: str, columns: Mapping[str, str]) -> Table:
    """`columns` gives other names for ours ({"user": "visitor_id"}), or places from 1 where there is no header."""
    rows_of = csv_rows(delimiter_of(source, name))
    header = read_header(source, name, rows_of)
    own = {ours: columns.get(ours, ours) for ours in KNOWN[role]}
    given = [theirs for ours, theirs in columns.items() if ours in KNOWN[role]]
    if given and all(theirs.isdecimal() and theirs not in header for theirs in given):
        return headless(source, name, role, len(header), {ours: int(columns[ours]) for ours in own if ours in columns})
    places = {ours: header.index(theirs) for ours, theirs in own.items() if theirs in header}
    for ours in own:
        needed = ours in NEEDED[role] or (ours in columns and ours not in ("user", "item"))
        if ours not in places and needed:
            raise missing(name, header, ours, own[ours])
    return Table(source, name, role, rows_of, header, places)


def headless(source: Folder, name: str, role: str, width: int, places: dict[str, int]) -> Table:
    for ours in NEEDED[role]:
        if ours not in places:
            raise BadImport(
                f"{name} is read without a header: say where “{ours}” is (--column {ours}=1).", field="column"
            )
    if max(places.values()) > width or min(places.values()) < 1:
        raise BadImport(f"{name} has {width} columns; --column names a place outside them.", field="column")
    header = [f"column_{at + 1}" for at in range(width)]
    columns = {ours: at - 1 for ours, at in places.items()}
    return Table(source, name, role, csv_rows(delimiter_of(source, name)), header, columns, has_header=False)


def missing(name: str, header: list[str], ours: str, theirs: str) -> BadImport:
    shown = ", ".join(header[:20]) + (", …" if len(header) > 20 else "")
    advice = "" if theirs != ours else f" Name it with --column {ours}={header[0] or 'name'}, say."
    return BadImport(f"{name} has no column “{theirs}”: it has {shown[:500]}.{advice}", field="column")


def delimiter_of(source: Folder, name: str) -> str:
    """The one of comma, tab, semicolon, space and bar that cuts the first line most often, the header's being sure."""
    with source.open(name) as binary, text(binary, encoding_of(source, name)) as file:
        first = file.readline(100_000)
    counts = {mark: len(next(csv.reader([first], delimiter=mark), [])) for mark in (",", "\t", ";", "|", " ")}
    return max(counts, key=lambda mark: counts[mark])
