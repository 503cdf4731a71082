"""Parquet, good and bad, as batches, entities and rejects."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recommender.data.readers import open_reading
from recommender.exceptions import BadImport
from tests.recommender.data.readers.test_reading import entities, keys, rejected, rows, written


def stored(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


MOMENTS = [datetime(1970, 1, 1, 0, 0, 10, tzinfo=UTC), None, datetime(2024, 5, 19, tzinfo=UTC)]


def test_every_column_has_its_place(tmp_path: Path) -> None:
    columns = {
        "item": pa.array([7, 8, 9]),
        "user": pa.array(["ann", "bo", None]),
        "rating": pa.array([4.0, None, 2.5]),
        "timestamp": pa.array(MOMENTS, pa.timestamp("ns", "UTC")),
        "context": pa.array([{"hour": 7, "device": None}, None, None]),
        "where": pa.array(["home", None, "work"]).dictionary_encode(),
    }
    reading = open_reading(stored(tmp_path / "a.parquet", columns))
    assert reading.format == "parquet" and reading.interactions.has_clock
    assert rows(reading) == [("ann", "7", "rating", 4.0, 10, '{"hour": "7", "where": "home"}')]
    assert [row[0] for row in rejected(reading)] == [2, 3] and reading.done == 1.0


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_rows_have_the_keys_that_csv_gives_them(tmp_path: Path, unit: str) -> None:
    times = pa.array([datetime(2024, 5, 19), datetime(2024, 5, 20)], pa.timestamp(unit))
    columns = {"user": ["1", "2"], "item": pa.array([1.0, 2.0]), "rating": pa.array([4, 5]), "timestamp": times}
    path = stored(tmp_path / "a.parquet", columns)
    same = written(tmp_path, "a.csv", "user,item,rating,timestamp\n1,1,4,2024-05-19\n2,2,5,2024-05-20\n")
    assert keys(open_reading(path)) == keys(open_reading(same))


def test_it_is_known_by_its_first_bytes_and_read_in_batches_also_in_a_zip(tmp_path: Path) -> None:
    users = [f"u{number}" for number in range(300)]
    path = stored(tmp_path / "upload", {"user": users, "item": ["x"] * 300}, row_group_size=100)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as target:
        target.write(path, "events.parquet")
    for place in (path, tmp_path / "all.zip"):
        reading = open_reading(place)
        reading.interactions.batch = 70
        assert [len(batch) for batch in reading.interactions.batches(reading.rejects)] == [70, 70, 70, 70, 20]


def test_items_with_lists_and_types(tmp_path: Path) -> None:
    columns = {
        "item": ["x", "y"],
        "categories": pa.array([["a|b", "c", None], []]),
        "creators": ["Ann|Bo", None],
        "released": pa.array([date(1999, 5, 31), None]),
        "price": pa.array([Decimal("1.50"), None], pa.decimal128(8, 2)),
        "tags": pa.array([["p"], None]),
        "fragile": pa.array([True, False]),
        "weight": pa.array([2.5, 3.0]),
        "attributes": pa.array([{"colour": "red"}, {"colour": "blue"}]),
    }
    given = written(tmp_path, "a.csv", "user,item\nann,x\n")
    reading = open_reading(given, items=stored(tmp_path / "i.parquet", columns))
    first, second = entities(reading, "items")
    assert first.fields == {
        "categories": ["a|b", "c"], "creators": ["Ann", "Bo"], "released": date(1999, 5, 31), "price": 1.5,
    }  # fmt: skip
    assert first.attributes == {"tags": ["p"], "fragile": True, "weight": 2.5, "colour": "red"}
    assert second.fields == {} and second.attributes == {"fragile": False, "weight": 3, "colour": "blue"}


def test_bytes_that_are_no_text_set_the_row_aside(tmp_path: Path) -> None:
    columns = {"user": pa.array([b"ann", b"Zo\xeb", b"bo"]).view(pa.string()), "item": ["x", "y", "z"]}
    reading = open_reading(stored(tmp_path / "a.parquet", columns))
    assert [row[0] for row in rows(reading)] == ["ann", "bo"]
    assert rejected(reading) == [(2, "a field is not UTF-8")]


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadImport, match="is not Parquet that can be read"):
        open_reading(written(tmp_path, "a.parquet", b"PAR1 and then nothing"))
    with pytest.raises(BadImport, match="has no column “item”"):
        open_reading(stored(tmp_path / "b.parquet", {"user": ["ann"]}))
    whole = stored(tmp_path / "c.parquet", {"user": [f"u{n}" for n in range(5_000)], "item": ["x"] * 5_000})
    content = bytearray(whole.read_bytes())
    content[100:2_000] = bytes(1_900)
    reading = open_reading(written(tmp_path, "d.parquet", bytes(content)))
    with pytest.raises(BadImport, match="is damaged"):
        rows(reading)
