"""JSON lines: one object a line, with the names that CSV has in its header; lists for several values.

The objects `context` (of interactions) and `attributes` (of people and items), as REST takes them, count as if what
they hold stood beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from recommender.data.readers.columns import Columns, files_by_role, placed
from recommender.data.readers.files import Folder, damage_told, encoding_of, text
from recommender.data.readers.tables import Broken, Row, Rows, Table
from recommender.data.readers.values import MARK
from recommender.exceptions import BadImport

SUFFIXES = (".jsonl", ".ndjson")
INSIDE = {"interactions": "context", "users": "attributes", "items": "attributes"}
MOST_COLUMNS = 1_000
AS_WRITTEN: dict[str, Any] = {"parse_int": str, "parse_float": str, "parse_constant": str}
NO_OBJECT = "the line is not a JSON object"
NO_TEXT = "a field holds half of a surrogate pair"
TYPES = {
    frozenset({"list"}): "categories", frozenset({"list", "str"}): "categories", frozenset({"bool"}): "flag",
    frozenset({"int"}): "number", frozenset({"float"}): "number", frozenset({"int", "float"}): "number",
    frozenset({"dict"}): "text",
}  # fmt: skip


def tables(source: Folder, columns: Columns) -> list[Table]:
    return [table(source, name, role, columns) for role, name in files_by_role(source, SUFFIXES, "JSON file").items()]


def table(source: Folder, name: str, role: str, columns: Columns) -> Table:
    """The names of all objects are the header, so the file is read through once before its rows are."""
    kinds = survey(source, name, INSIDE[role])
    header = list(kinds)
    found = Table(source, name, role, json_rows(header, role), header, {}, has_header=False)
    found.columns = placed(name, header, role, columns)
    found.types = {column.strip().lower(): TYPES[frozenset(seen)] for column, seen in kinds.items() if seen in SURE}
    return found


SURE = [set(seen) for seen in TYPES]


def survey(source: Folder, name: str, inside: str) -> dict[str, set[str]]:
    """The names in the order in which they come, with the kinds of their values. Raises BadImport where there are
    none, or too many."""
    kinds: dict[str, set[str]] = {}
    with damage_told(name), source.open(name) as binary, text(binary, encoding_of(source, name)) as file:
        for at, line in enumerate(file):
            if at == 0 and line.lstrip().startswith("["):
                raise BadImport(f"{name} is one JSON list; write one object a line instead.", field="path")
            found = parsed(line, inside)
            for key, value in found.items() if isinstance(found, dict) else ():
                seen = kinds.setdefault(key, set())
                if value is not None:
                    seen.add(type(value).__name__)
            if len(kinds) > MOST_COLUMNS:
                raise BadImport(f"{name} has more than {MOST_COLUMNS:,} different names.", field="path")
    if not kinds:
        raise BadImport(f"{name} is empty: one JSON object a line is expected.", field="path")
    return kinds


def json_rows(header: list[str], role: str) -> Rows:
    """Rows under `header`; a line that is no object is yielded broken."""
    inside = INSIDE[role]
    told = plain if role == "interactions" else as_text

    def rows(file: IO[str]) -> Iterator[Row]:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            found = parsed(line, inside, as_written=True)
            if isinstance(found, str):
                yield number, Broken(found, line.rstrip("\r\n"))
            else:
                yield number, [told(found.get(name)) for name in header]

    return rows


def parsed(line: str, inside: str, *, as_written: bool = False) -> dict[str, Any] | str:
    """The object in a line, or why there is none. `as_written` keeps the digits of numbers."""
    try:
        found = json.loads(line, **(AS_WRITTEN if as_written else {}))
    except (ValueError, RecursionError):
        return NO_OBJECT
    if not isinstance(found, dict):
        return NO_OBJECT
    if "\\u" in line and half_a_pair(found):
        return NO_TEXT
    return flattened(found, inside)


def half_a_pair(found: Any) -> bool:
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def flattened(found: dict[str, Any], inside: str) -> dict[str, Any]:
    nested = found.get(inside)
    if not isinstance(nested, Mapping):
        return found
    return {**nested, **{name: value for name, value in found.items() if name != inside}}


def as_text(value: Any) -> str:
    """A value as a field of a row; of a list each part ends with MARK."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "".join(f"{plain(part)}{MARK}" for part in value if part is not None)
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict) else str(value)


def plain(value: Any) -> str:
    """The same with bars between the parts of a list, for what is kept as one text."""
    if isinstance(value, list):
        return "|".join(plain(part) for part in value if part is not None)
    return as_text(value)
