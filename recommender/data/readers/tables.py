"""A table is a file of rows with names for its columns; every format is read as tables."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from recommender.data.readers.files import Folder, damage_told, encoding_of, text
from recommender.data.readers.rejects import Rejects
from recommender.data.readers.values import MARK
from recommender.exceptions import BadImport

Row = tuple[int, list[str]]
"""The line on which it begins, and its fields."""

Rows = Callable[[IO[str]], Iterator[Row]]


class Broken(list[str]):
    """A row that its format could not read: no fields, but the reason and the text."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__()
        self.reason, self.text = reason, text


LONGEST_FIELD = 131_072
UNREADABLE = f"its quotes do not close where they should, or a field has more than {LONGEST_FIELD:,} characters"


def split_rows(delimiter: str) -> Rows:
    """Rows of a file without quoting: every line is one, cut at the delimiter."""

    def rows(file: IO[str]) -> Iterator[Row]:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\r\n")
            if line:
                yield number, line.split(delimiter)

    return rows


def csv_rows(delimiter: str) -> Rows:
    """Rows of CSV, quoted line breaks included; a row that the parser refuses is yielded empty."""

    def rows(file: IO[str]) -> Iterator[Row]:
        reader = csv.reader(file, delimiter=delimiter, skipinitialspace=delimiter == " ", strict=True)
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield line, []
                continue
            if row:
                yield line, row

    return rows


@dataclass
class Table:
    """One file of `source`, as rows under `header`.

    `role`: users, items or interactions. `columns` gives the fields that have a meaning of their own (user, item,
    rating, title …) their place; the other fields keep their names, `ignored` ones are left out. A row must have
    `width` fields; `transform` turns it into one under `header`. `types` declares attributes that need not be guessed.
    `expected` is the encoding that the format prescribes where a file is not UTF-8; `delimiter` is that of a file
    whose first line may be a header or not.
    """

    source: Folder
    name: str
    role: str
    rows_of: Rows
    header: list[str]
    columns: Mapping[str, int]
    has_header: bool = True
    width: int = 0
    transform: Callable[[list[str]], list[str]] | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    delimiter: str = ""
    expected: str = "utf-8"
    encoding: str = ""
    read: int = 0
    position: int = 0

    @property
    def size(self) -> int:
        return self.source.size(self.name)

    @property
    def others(self) -> dict[str, int]:
        """Places of the fields without a meaning of their own, by name."""
        taken = set(self.columns.values())
        kept = (pair for pair in enumerate(self.header) if pair[1] and pair[1] not in self.ignored)
        return {name: at for at, name in kept if at not in taken}

    def notes(self) -> list[str]:
        """What is worth knowing about how it was read."""
        if self.encoding == "latin-1" != self.expected:
            return [f"{self.name} is not UTF-8 and was read as Latin-1."]
        return []

    def rows(self, rejects: Rejects | None = None) -> Iterator[Row]:
        """Whole rows after the header; the others go to `rejects`. Counts what it read."""
        self.read = self.position = 0
        self.encoding = self.encoding or encoding_of(self.source, self.name)
        with damage_told(self.name), self.source.open(self.name) as binary, text(binary, self.encoding) as file:
            rows = self.rows_of(file)
            if self.has_header:
                next(rows, None)
            width = self.width or len(self.header)
            for line, row in rows:
                self.read += 1
                if self.read % 1_000 == 0:
                    self.position = binary.tell()
                if len(row) == width:
                    yield line, self.transform(row) if self.transform else row
                elif rejects is not None:
                    self.reject(rejects, line, ragged(row, width), row)
        self.position = self.size

    def reject(self, rejects: Rejects, line: int, reason: str, row: list[str]) -> None:
        text = row.text if isinstance(row, Broken) else ",".join(row).replace(f"{MARK},", ",").replace(MARK, "|")
        rejects.add(self.role, self.name, line, reason, text)


def ragged(row: list[str], width: int) -> str:
    if isinstance(row, Broken):
        return row.reason
    return f"the row has {len(row)} fields instead of {width}" if row else UNREADABLE


def read_header(source: Folder, name: str, rows_of: Rows) -> list[str]:
    """The names of the columns, less spaces around them. Raises BadImport where the file is empty or unreadable."""
    encoding = encoding_of(source, name)
    with damage_told(name), source.open(name) as binary, text(binary, encoding) as file:
        names = [column.strip() for column in next(rows_of(file), (0, []))[1]]
    if not names:
        raise BadImport(f"{name} is empty: a header is expected in its first line.", field="path")
    repeated = sorted({column for column in names if column and names.count(column) > 1})
    if repeated:
        raise BadImport(f"{name} names the column “{repeated[0]}” twice.", field="path")
    if any("\0" in column for column in names):
        raise BadImport(f"{name} is not a text file: its first line holds a NUL byte.", field="path")
    return names
