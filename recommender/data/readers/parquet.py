"""Parquet: the columns that CSV has, with lists for several values. Read a batch of rows at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recommender.data.readers.columns import Columns, files_by_role, placed
from recommender.data.readers.files import Folder, damage_told
from recommender.data.readers.jsonlines import INSIDE, as_text, plain
from recommender.data.readers.rejects import Rejects
from recommender.data.readers.tables import Row, Table
from recommender.exceptions import BadImport

SUFFIXES = (".parquet",)
SIGNATURE = b"PAR1"
ROWS = 20_000
NO_TEXT = "a field is not UTF-8"


def tables(source: Folder, columns: Columns) -> list[Table]:
    return [table(source, name, role, columns) for role, name in files_by_role(source, SUFFIXES, "Parquet").items()]


def table(source: Folder, name: str, role: str, columns: Columns) -> Table:
    with opened(source, name) as file:
        schema = flat(pa.Table.from_batches([], schema_of(file, name)), INSIDE[role]).schema
    header = [str(column) for column in schema.names]
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated or not header:
        what = f"names the column “{repeated[0]}” twice" if repeated else "has no columns"
        raise BadImport(f"{name} {what}.", field="path")
    found = ParquetTable(source, name, role, no_rows, header, placed(name, header, role, columns), has_header=False)
    kinds = {column.strip().lower(): declared(kind) for column, kind in zip(header, schema.types, strict=True)}
    found.types = {column: kind for column, kind in kinds.items() if kind}
    return found


def no_rows(file: IO[str]) -> Iterator[Row]:
    """A Parquet file has no lines of text."""
    return iter(())


@dataclass
class ParquetTable(Table):
    """Rows by their number from 1, which stands for the line."""

    def rows(self, rejects: Rejects | None = None) -> Iterator[Row]:
        self.read = self.position = 0
        told = plain if self.role == "interactions" else as_text
        with damage_told(self.name), opened(self.source, self.name) as file:
            whole = reader(file, self.name)
            total = max(1, whole.metadata.num_rows)
            for batch in self._batches(whole):
                columns = [texts(column, told) for column in flat(batch, INSIDE[self.role]).columns]
                for row in zip(*columns, strict=True):
                    self.read += 1
                    if None not in row:
                        yield self.read, cast(list[str], list(row))
                    elif rejects is not None:
                        self.reject(rejects, self.read, NO_TEXT, ["�" if one is None else one for one in row])
                self.position = self.size * self.read // total
        self.position = self.size

    def _batches(self, whole: pq.ParquetFile) -> Iterator[pa.Table]:
        try:
            for batch in whole.iter_batches(batch_size=ROWS):
                yield pa.Table.from_batches([batch])
        except (pa.ArrowException, OSError) as error:
            raise BadImport(f"{self.name} is damaged: {first_line(error)}.", field="path") from error


def opened(source: Folder, name: str) -> IO[bytes]:
    """The file where one can jump about in it: a member of a zip is unpacked into a temporary file first."""
    file = source.open(name)
    if type(file).__name__ != "ZipExtFile":
        return file
    copy = cast(IO[bytes], tempfile.TemporaryFile())  # noqa: SIM115
    with file, damage_told(name):
        while block := file.read(1 << 20):
            copy.write(block)
    copy.seek(0)
    return copy


def reader(file: IO[bytes], name: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise BadImport(f"{name} is not Parquet that can be read: {first_line(error)}.", field="path") from error


def schema_of(file: IO[bytes], name: str) -> pa.Schema:
    return reader(file, name).schema_arrow


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def flat(table: pa.Table, inside: str) -> pa.Table:
    """What the column `inside` holds, where it is a structure, as columns of their own."""
    at = table.schema.get_field_index(inside)
    if at < 0 or not pa.types.is_struct(table.schema.field(at).type):
        return table
    taken = table.select([inside]).flatten()
    rest = table.drop_columns([inside])
    for name, column in zip(taken.schema.names, taken.columns, strict=True):
        if name.removeprefix(f"{inside}.") not in rest.schema.names:
            rest = rest.append_column(name.removeprefix(f"{inside}."), column)
    return rest


def declared(kind: pa.DataType) -> str:
    """The type of an attribute that a column's type makes sure; "" where the values say more."""
    if pa.types.is_dictionary(kind):
        return declared(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return "categories"
    if pa.types.is_boolean(kind):
        return "flag"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    return "text" if pa.types.is_nested(kind) else ""


def texts(column: pa.ChunkedArray, told: Callable[[Any], str]) -> list[str | None]:
    """A column as fields of rows; "" where it holds nothing, None where the bytes are no text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_timestamp(kind):
        return moments(column)
    if pa.types.is_floating(kind):
        return [number(one) for one in column.to_pylist()]
    if is_bytes(kind):
        return [decoded(one) for one in column.cast(pa.large_binary()).to_pylist()]
    try:
        return [told(one) for one in column.to_pylist()]
    except UnicodeDecodeError:
        return [None] * len(column)


def is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    )


def number(value: float | None) -> str:
    """4.0 as “4”: an id that became a float because others are missing keeps its name."""
    if value is None or value != value:
        return ""
    return str(int(value)) if abs(value) < 2**53 and value == int(value) else repr(value)


def decoded(raw: bytes | None) -> str | None:
    try:
        return "" if raw is None else raw.decode()
    except UnicodeDecodeError:
        return None


def moments(column: pa.ChunkedArray) -> list[str | None]:
    """ISO 8601 in UTC."""
    plain_times = column.cast(pa.timestamp("us", column.type.tz), safe=False).to_numpy(zero_copy_only=False)
    found = np.datetime_as_string(plain_times.astype("datetime64[us]"))
    return ["" if one == "NaT" else f"{one}Z" for one in found.tolist()]
