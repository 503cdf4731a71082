"""CSV with a header `user,item[,rating][,timestamp][,kind][,event_id][,…context]`, and files of items and people."""

from __future__ import annotations

import csv

from recommender.data.readers.columns import NEEDED, Columns, files_by_role, given_for, placed
from recommender.data.readers.files import Folder, encoding_of, text
from recommender.data.readers.tables import Table, csv_rows, read_header
from recommender.exceptions import BadImport

SUFFIXES = (".csv", ".tsv", ".txt", ".dat")


def tables(source: Folder, columns: Columns) -> list[Table]:
    """The interactions of a folder or zip of CSV, with its users.csv and items.csv where it has them."""
    return [table(source, name, role, columns) for role, name in files_by_role(source, SUFFIXES, "CSV").items()]


def table(source: Folder, name: str, role: str, columns: Columns) -> Table:
    """`columns` gives other names for ours ({"user": "visitor_id"}), or places (“1”, “#1”) where there is no header."""
    mark = delimiter_of(source, name)
    rows_of = csv_rows(mark)
    header = read_header(source, name, rows_of)
    given = given_for(role, columns)
    if is_headless(header, list(given.values())):
        return headless(
            source, name, role, len(header), {ours: int(place.lstrip("#")) for ours, place in given.items() if place}
        )
    return Table(source, name, role, rows_of, header, placed(name, header, role, columns), delimiter=mark)


def is_headless(header: list[str], given: list[str]) -> bool:
    """Whether the names given for columns are places in fact: “2” where no column is called so, “#2” in any case."""
    named = [theirs for theirs in given if theirs]
    sure = all(theirs.startswith("#") and theirs[1:].isdecimal() for theirs in named)
    return bool(named) and (sure or all(theirs.isdecimal() and theirs not in header for theirs in named))


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
    mark = delimiter_of(source, name)
    return Table(source, name, role, csv_rows(mark), header, columns, has_header=False, delimiter=mark)


def delimiter_of(source: Folder, name: str) -> str:
    """The one of comma, tab, semicolon and bar that cuts the first line most often; space where none of them does."""
    with source.open(name) as binary, text(binary, encoding_of(source, name)) as file:
        first = file.readline(100_000)
    counts = {mark: len(next(csv.reader([first], delimiter=mark), [])) for mark in (",", "\t", ";", "|")}
    best = max(counts, key=lambda mark: counts[mark])
    return " " if counts[best] < 2 and " " in first.strip() else best
