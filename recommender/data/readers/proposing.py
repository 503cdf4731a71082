"""What the columns of a file seem to mean: by their names, then by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from recommender.data.readers import values
from recommender.data.readers.columns import KNOWN, NEEDED, Unsettled
from recommender.data.readers.reading import Reading, open_reading
from recommender.data.readers.tables import Table

SAMPLE, SHOWN, LONGEST = 200, 5, 200
NAMES: dict[str, dict[str, str]] = {
    "interactions": {
        "user": "user userid user_id uid visitor visitorid customer customerid client clientid person personid member "
        "memberid session sessionid account accountid reviewerid",
        "item": "item itemid item_id iid product productid sku asin movie movieid film book bookid isbn article "
        "articleid track trackid song video content contentid businessid",
        "rating": "rating score stars value overall vote grade points",
        "timestamp": "timestamp time date datetime ts when created createdat unixtime unixreviewtime ratedat day",
        "kind": "kind event eventtype action type behavior behaviour interaction",
        "event_id": "eventid eventkey transactionid reviewid",
    },
    "items": {
        "item": "item itemid id iid product productid sku asin movie movieid bookid isbn articleid trackid contentid",
        "title": "title name itemname productname movietitle booktitle label",
        "description": "description plot summary overview abstract text about",
        "categories": "categories category genres genre class classes topics subjects",
        "creators": "creators creator authors author directors director artists artist brand publisher",
        "year": "year releaseyear publicationyear originalpublicationyear",
        "released": "released releasedate publicationdate published",
        "price": "price cost amount",
        "image": "image imageurl picture poster thumbnail cover",
    },
    "users": {
        "user": "user userid id uid visitor visitorid customer customerid client person personid member memberid"
    },
}
FIXED = ("movielens", "recbole")
"""Formats whose columns are known."""


@dataclass(frozen=True)
class Look:
    """The beginning of a table. `meaning` has for each column our name, or "" where it becomes context or attribute."""

    role: str
    name: str
    encoding: str
    delimiter: str
    header: list[str]
    rows: list[list[str]]
    meaning: list[str]
    ignored: list[str]
    has_header: bool
    fixed: bool


def looks(reading: Reading) -> list[Look]:
    """The first rows of every table, interactions first."""
    order = ("interactions", "items", "users")
    return [look(table, reading.format) for table in sorted(reading.tables, key=lambda one: order.index(one.role))]


def look(table: Table, format: str) -> Look:
    meaning = {at: ours for ours, at in table.columns.items()}
    rows = [[shown(field) for field in row] for _, row in islice(table.rows(), SHOWN)]
    fixed = table.transform is not None or (table.role == "interactions" and format in FIXED)
    return Look(
        table.role, table.name, table.encoding, table.delimiter, list(table.header), rows,
        [meaning.get(at, "") for at in range(len(table.header))], sorted(table.ignored), table.has_header, fixed,
    )  # fmt: skip


def shown(field: str) -> str:
    text = field.replace("\0", "�").removesuffix(values.MARK).replace(values.MARK, "|")
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def proposed_columns(path: Path, *, given: Mapping[str, str] | None = None, **options: Any) -> dict[str, str]:
    """Columns with which open_reading may succeed: those `given`, and for the rest what names and values suggest."""
    reading = open_reading(path, columns=Unsettled(given or {}), **options)
    found = dict(given or {})
    for table in reading.tables:
        if look_is_open(table, reading.format):
            found |= {name: theirs for name, theirs in proposal(table).items() if name not in found}
    return found


def look_is_open(table: Table, format: str) -> bool:
    return table.transform is None and not (table.role == "interactions" and format in FIXED)


def proposal(table: Table) -> dict[str, str]:
    """“role.ours” → the file's name of columns that are not called ours; the place where the first line holds data."""
    table.ignored = frozenset()
    sample = [row for _, row in islice(table.rows(), SAMPLE)]
    header = table.header
    if table.delimiter and headless(header, table.role):
        places = by_content(table.role, [header, *sample], {})
        return {f"{table.role}.{ours}": f"#{at + 1}" for ours, at in places.items()}
    places = by_content(table.role, sample, by_name(table.role, header) | dict(table.columns))
    return {f"{table.role}.{ours}": header[at] for ours, at in places.items() if header[at] != ours}


def plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def by_name(role: str, header: Sequence[str]) -> dict[str, int]:
    """Our name → place, by the names that others use, the likeliest first."""
    names = [plain(name) for name in header]
    found: dict[str, int] = {}
    for ours, words in NAMES[role].items():
        for word in map(plain, [ours, *words.split()]):
            if word in names and names.index(word) not in found.values():
                found[ours] = names.index(word)
                break
    return found


def headless(header: Sequence[str], role: str) -> bool:
    """Whether the first line holds data: all numbers or times, and no name that anyone uses."""
    return not by_name(role, header) and all(values.number(cell) == values.number(cell) for cell in header)


def by_content(role: str, rows: Sequence[Sequence[str]], known: Mapping[str, int]) -> dict[str, int]:
    """`known` and what the values suggest: a time, a rating, ids."""
    found = dict(known)
    columns = [[cell for row in rows if (cell := row[at].strip())] for at in range(len(rows[0]) if rows else 0)]
    free = [at for at in range(len(columns)) if at not in found.values() and columns[at]]
    if role == "interactions":
        ids = len([name for name in NEEDED[role] if name not in found])
        for ours, fits in (("timestamp", is_time), ("rating", is_rating)):
            rest = free[ids:] if ours == "rating" else free
            at = next((one for one in rest if fits(columns[one])), None)
            if ours not in found and at is not None:
                found[ours] = at
                free.remove(at)
    for ours in NEEDED[role]:
        fitting = [at for at in free if is_ids(columns[at], unique=role != "interactions")]
        if ours not in found and fitting:
            found[ours] = fitting[0]
            free.remove(fitting[0])
    return {ours: found[ours] for ours in KNOWN[role] if ours in found}


def is_time(cells: Sequence[str]) -> bool:
    """All are times, and numbers are of this century or the end of the last."""
    array = np.array(cells, dtype=object)
    moments = values.microseconds(array)
    return bool(np.all(moments >= 3e14) and np.all(moments < values.LATEST))


def is_rating(cells: Sequence[str]) -> bool:
    """Few different numbers of a small scale."""
    numbers = [values.number(cell) for cell in cells]
    return all(-100 <= one <= 100 for one in numbers) and len(set(numbers)) <= 21


def is_ids(cells: Sequence[str], *, unique: bool) -> bool:
    fits = all(values.is_client_id(cell) and len(cell) <= 64 for cell in cells)
    return fits and (not unique or len(set(cells)) == len(cells))
