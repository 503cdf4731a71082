"""Small files of every format, good and bad, as batches and rejects."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recommender.data import event_keys
from recommender.data.readers import Reading, open_reading
from recommender.data.readers.rows import Batch, Entity
from recommender.exceptions import BadImport


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(reading: Reading) -> list[tuple[Any, ...]]:
    """(user, item, kind, value, time, context) of every interaction that is taken."""
    found = []
    for batch in reading.interactions.batches(reading.rejects):
        for at in range(len(batch)):
            value, times = batch.values[at], batch.times
            found.append(
                (
                    batch.users.words[batch.users.codes[at]],
                    batch.items.words[batch.items.codes[at]],
                    batch.kinds.words[batch.kinds.codes[at]],
                    None if np.isnan(value) else float(value),
                    None if times is None else int(times[at]) // 1_000_000,
                    batch.contexts.words[batch.contexts.codes[at]],
                )
            )
    return found


def keys(reading: Reading) -> list[str]:
    batches: list[Batch] = list(reading.interactions.batches(reading.rejects))
    return [bytes(key).hex() for batch in batches for key in batch.keys]


def entities(reading: Reading, role: str) -> list[Entity]:
    (one,) = getattr(reading, role)
    one.declare({})
    return list(one.rows(reading.rejects))


def rejected(reading: Reading) -> list[tuple[int, str]]:
    reading.rejects.file.seek(0)
    return [(int(row["line"]), row["reason"]) for row in csv.DictReader(reading.rejects.file)]


class TestCsv:
    def test_every_column_has_its_place(self, tmp_path: Path) -> None:
        path = written(
            tmp_path, "a.csv", "item,user,timestamp,rating,kind,device\nx,ann,10,4,rating,phone\ny,bo,20,,click,\n"
        )
        assert rows(open_reading(path)) == [
            ("ann", "x", "rating", 4.0, 10, '{"device": "phone"}'),
            ("bo", "y", "click", None, 20, ""),
        ]

    def test_without_rating_kind_and_clock_it_is_a_view(self, tmp_path: Path) -> None:
        reading = open_reading(written(tmp_path, "a.csv", "user,item\nann,x\n"))
        assert not reading.interactions.has_clock
        assert rows(reading) == [("ann", "x", "view", None, None, "")]

    def test_other_names_are_given_by_column(self, tmp_path: Path) -> None:
        path = written(tmp_path, "a.csv", "visitor_id,sku\nann,x\n")
        assert rows(open_reading(path, columns={"user": "visitor_id", "item": "sku"}))[0][:2] == ("ann", "x")
        with pytest.raises(BadImport, match=r"no column “user”: it has visitor_id, sku.*--column user=visitor_id"):
            open_reading(path)
        with pytest.raises(BadImport, match="no column “guest”"):
            open_reading(path, columns={"user": "guest", "item": "sku"})
        with pytest.raises(BadImport, match="There is no column “person” to name"):
            open_reading(path, columns={"person": "visitor_id"})

    def test_a_file_without_a_header_is_read_by_places(self, tmp_path: Path) -> None:
        path = written(tmp_path, "a.txt", "7 9 4.0\n8 9 2.5\n")
        reading = open_reading(path, columns={"user": "1", "item": "2", "rating": "3"})
        assert [row[:4] for row in rows(reading)] == [("7", "9", "rating", 4.0), ("8", "9", "rating", 2.5)]
        with pytest.raises(BadImport, match="outside"):
            open_reading(path, columns={"user": "1", "item": "4"})

    @pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_delimiters_and_line_ends(self, tmp_path: Path, mark: str, end: str) -> None:
        text = end.join([mark.join(row) for row in (("user", "item", "rating"), ("ann", "x", "3"), ("bo", "y", "4"))])
        assert [row[:4] for row in rows(open_reading(written(tmp_path, "a.csv", text + end)))] == [
            ("ann", "x", "rating", 3.0),
            ("bo", "y", "rating", 4.0),
        ]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
    def test_encodings(self, tmp_path: Path, encoding: str) -> None:
        reading = open_reading(written(tmp_path, "a.csv", "user,item\nZoë,x\n".encode(encoding)))
        assert rows(reading)[0][0] == "Zoë"
        assert reading.notes() == (["a.csv is not UTF-8 and was read as Latin-1."] if encoding == "latin-1" else [])

    def test_quoted_line_breaks_count_as_lines(self, tmp_path: Path) -> None:
        reading = open_reading(written(tmp_path, "a.csv", 'user,item,note\nann,x,"two\nlines"\nbo,y\n'))
        assert rows(reading)[0][5] == '{"note": "two\\nlines"}'
        assert rejected(reading) == [(4, "the row has 2 fields instead of 3")]

    def test_a_hundred_columns_become_context(self, tmp_path: Path) -> None:
        names = [f"c{number}" for number in range(100)]
        text = ",".join(["user", "item", *names]) + "\n" + ",".join(["ann", "x", *map(str, range(100))]) + "\n"
        (row,) = rows(open_reading(written(tmp_path, "a.csv", text)))
        assert '"c99": "99"' in row[5] and row[5].count(":") == 100

    def test_rows_that_cannot_be_taken_are_kept_aside(self, tmp_path: Path) -> None:
        lines = [
            "user,item,rating,timestamp",
            "ann,x,4,100",
            ",x,4,100",
            "ann,a/b,4,100",
            "ann,x,nan,100",
            "ann,x,inf,100",
            "ann,x,many,100",
            "ann,x,4,-5",
            "ann,x,4,4102444800",
            "ann,x,4,yesterday",
            "ann,x,4",
            "ann\0,x,4,100",
            "",
            "=ann,x,1e999,100",
            "bo,y,5,200",
        ]
        reading = open_reading(written(tmp_path, "a.csv", "\n".join(lines) + "\n"))
        assert [row[0] for row in rows(reading)] == ["ann", "bo"]
        reasons = dict(rejected(reading))
        assert sorted(reasons) == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14]
        assert reasons[3].startswith("user is not an id") and reasons[4].startswith("item is not an id")
        assert reasons[5] == reasons[6] == reasons[7] == reasons[14] == "rating is not a finite number"
        assert reasons[8] == reasons[9] == "timestamp is outside 1970 to 2100"
        assert reasons[10].startswith("timestamp is neither") and reasons[11] == "the row has 3 fields instead of 4"
        assert reading.interactions.table.read == 13 and len(reading.rejects) == 11
        reading.rejects.file.seek(0)
        assert "'=ann,x,1e999,100" in reading.rejects.file.read()

    def test_a_huge_field_and_an_open_quote_are_set_aside(self, tmp_path: Path) -> None:
        text = "user,item,note\nann,x," + "a" * 200_000 + "\nbo,y,fine\n"
        reading = open_reading(written(tmp_path, "a.csv", text))
        assert [row[0] for row in rows(reading)] == ["bo"]
        assert "more than 131,072 characters" in rejected(reading)[0][1]

    def test_a_quote_that_never_closes_swallows_nothing_unseen(self, tmp_path: Path) -> None:
        reading = open_reading(written(tmp_path, "a.csv", 'user,item,note\nann,x,fine\nbo,y,"open\ncy,z,1\n'))
        assert [row[0] for row in rows(reading)] == ["ann"]
        assert rejected(reading)[0][0] == 3 and "quotes do not close" in rejected(reading)[0][1]

    def test_a_nul_in_the_context_is_set_aside(self, tmp_path: Path) -> None:
        reading = open_reading(written(tmp_path, "a.csv", "user,item,note\nann,x,a\0b\nbo,y,fine\n"))
        assert [row[0] for row in rows(reading)] == ["bo"]
        assert rejected(reading) == [(2, "a field holds a NUL byte")]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "is empty"),
            (b"\n", "is empty"),
            (b"user,item,user\n", "names the column “user” twice"),
            (b"\x7fELF\0\0\0\0\0", "is not a text file"),
            (b"one,two\n1,2\n", "has no column “user”"),
        ],
    )
    def test_what_is_no_table_is_refused(self, tmp_path: Path, content: bytes, message: str) -> None:
        with pytest.raises(BadImport, match=message):
            open_reading(written(tmp_path, "a.csv", content))

    def test_a_zip_may_hold_people_and_items_too(self, tmp_path: Path) -> None:
        written(tmp_path, "events.csv", "user,item\nann,x\n")
        written(tmp_path, "items.csv", "item,title\nx,Ex\n")
        written(tmp_path, "users.csv", "user,gender\nann,f\n")
        reading = open_reading(tmp_path)
        assert reading.format == "csv" and len(rows(reading)) == 1
        assert entities(reading, "items")[0].fields == {"title": "Ex"}
        written(tmp_path, "more.csv", "user,item\n")
        with pytest.raises(BadImport, match=r"should hold one CSV of interactions; found: events\.csv, more\.csv"):
            open_reading(tmp_path)


class TestKeys:
    def test_they_are_those_of_the_api(self, tmp_path: Path) -> None:
        path = written(tmp_path, "a.csv", "user,item,rating,timestamp\nann,x,4,10\nann,x,4,10\nbo,y,,11.5\n")
        assert keys(open_reading(path)) == [
            event_keys.of_row("ann", "x", "rating", 4.0, 10_000_000, 0).hex,
            event_keys.of_row("ann", "x", "rating", 4.0, 10_000_000, 1).hex,
            event_keys.of_row("bo", "y", "view", None, 11_500_000, 0).hex,
        ]
        path = written(tmp_path, "b.csv", "user,item,event_id\nann,x,e1\nann,x,e1\n")
        assert keys(open_reading(path)) == [event_keys.of_event("e1").hex] * 2

    def test_they_do_not_depend_on_the_size_of_batches(self, tmp_path: Path) -> None:
        lines = [f"{number % 3},{number % 2},{number % 2 + 1}" for number in range(40)]
        path = written(tmp_path, "a.csv", "user,item,rating\n" + "\n".join(lines) + "\n")
        whole, parts = open_reading(path), open_reading(path)
        parts.interactions.batch = 7
        found = keys(whole)
        assert found == keys(parts) and len(set(found)) == 40
        assert whole.interactions.duplicates == parts.interactions.duplicates == 34

    def test_duplicates_and_contradictions_are_counted_and_kept(self, tmp_path: Path) -> None:
        path = written(
            tmp_path, "a.csv", "user,item,rating,timestamp\nann,x,4,10\nann,x,4,10\nann,x,2,10\nann,x,2,99\nbo,x,4,10\n"
        )
        reading = open_reading(path)
        assert len(rows(reading)) == 5
        assert (reading.interactions.duplicates, reading.interactions.contradicting) == (1, 1)

    def test_rows_that_differ_in_context_are_no_duplicates(self, tmp_path: Path) -> None:
        path = written(tmp_path, "a.csv", "user,item,hour\nann,x,1\nann,x,2\nann,x,1\n")
        reading = open_reading(path)
        assert len(set(keys(reading))) == 3 and reading.interactions.duplicates == 1


class TestEntities:
    def test_items_have_fields_and_attributes(self, tmp_path: Path) -> None:
        given = written(tmp_path, "a.csv", "user,item\nann,x\n")
        items = written(
            tmp_path,
            "i.csv",
            "item,title,description,categories,creators,year,price,image,Weight,Colour,tags,fragile\n"
            "x,Ex,Long,a|b|a,Ann|Bo,1999,1.5,https://x.org/a.png,2.5,red,p|q,yes\n"
            "y,,,,,,unknown,,3,blue,,no\n",
        )
        reading = open_reading(given, items=items)
        (one,) = reading.items
        declared = {each.name: (each.type, each.sensitive, each.feature) for each in one.declare({})}
        assert declared == {
            "weight": ("number", False, True),
            "colour": ("category", False, True),
            "tags": ("categories", False, True),
            "fragile": ("flag", False, True),
        }
        first, second = one.rows(reading.rejects)
        assert first.fields == {
            "title": "Ex", "description": "Long", "categories": ["a", "b"], "creators": ["Ann", "Bo"], "year": 1999,
            "price": 1.5, "image": "https://x.org/a.png",
        }  # fmt: skip
        assert first.attributes == {"weight": 2.5, "colour": "red", "tags": ["p", "q"], "fragile": True}
        assert second.fields == {} and second.attributes == {"weight": 3, "colour": "blue", "fragile": False}

    def test_sensitive_attributes_of_people_are_no_features(self, tmp_path: Path) -> None:
        given = written(tmp_path, "a.csv", "user,item\nann,x\n")
        users = written(tmp_path, "u.csv", "user,gender,age,Zip Code,plan\nann,f,30,01234,pro\n")
        reading = open_reading(given, users=users)
        declared = {one.name: (one.type, one.sensitive, one.feature) for one in reading.users[0].declare({})}
        assert declared == {
            "gender": ("category", True, False),
            "age": ("number", True, False),
            "zip code": ("category", True, False),
            "plan": ("category", False, True),
        }

    @pytest.mark.parametrize(
        ("column", "value", "reason"),
        [
            ("year", "last", "year is not a whole number"),
            ("year", "99999", "year is not a whole number"),
            ("price", "-1", "price is not a number from 0 on"),
            ("image", "javascript:alert(1)", "image is not an address"),
            ("title", "t" * 1_001, "title has more than 1,000 characters"),
            ("categories", "c" * 201, "categories has one of more than 200 characters"),
            ("note", "a\0b", "a field holds a NUL byte"),
        ],
    )
    def test_an_impossible_value_sets_the_item_aside(
        self, tmp_path: Path, column: str, value: str, reason: str
    ) -> None:
        given = written(tmp_path, "a.csv", "user,item\nann,x\n")
        reading = open_reading(given, items=written(tmp_path, "i.csv", f"item,{column}\nx,{value}\ny,\n"))
        assert [one.client_id for one in entities(reading, "items")] == ["y"]
        assert rejected(reading)[0][0] == 2 and rejected(reading)[0][1].startswith(reason)

    def test_a_value_that_does_not_fit_its_declared_type_is_left_out_and_told(self, tmp_path: Path) -> None:
        given = written(tmp_path, "a.csv", "user,item\nann,x\n")
        reading = open_reading(given, users=written(tmp_path, "u.csv", "user,age\nann,old\nbo,3\n"))
        (one,) = reading.users
        one.declare({"age": "number"})
        assert [each.attributes for each in one.rows(reading.rejects)] == [{}, {"age": 3}]
        assert reading.notes() == ["u.csv: 1 values of age are no number and were left out."]


class TestRecBole:
    def test_atomic_files(self, tmp_path: Path) -> None:
        tables = {
            "ml.inter": ["user_id:token item_id:token rating:float timestamp:float", "196|242|3|881250949"],
            "ml.user": ["user_id:token age:token gender:token job:token zip_code:token", "196|49|M|writer|55105"],
            "ml.item": [
                "item_id:token movie_title:token_seq release_year:token class:token_seq",
                "242|Ko Lya|1996|A B",
            ],
        }
        for name, (header, row) in tables.items():
            written(tmp_path, name, header.replace(" ", "\t") + "\n" + row.replace("|", "\t") + "\n")
        reading = open_reading(tmp_path)
        assert reading.format == "recbole"
        assert rows(reading) == [("196", "242", "rating", 3.0, 881_250_949, "")]
        assert entities(reading, "users")[0].attributes == {
            "age": 49, "gender": "M", "job": "writer", "zip_code": "55105",
        }  # fmt: skip
        assert entities(reading, "items")[0].fields == {
            "title": "Ko Lya", "year": 1996, "categories": ["A", "B"],
        }  # fmt: skip

    def test_columns_without_types_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadImport, match="has no type such as"):
            open_reading(written(tmp_path, "a.inter", "user_id\titem_id\n1\t2\n"))

    def test_several_data_sets_are_refused(self, tmp_path: Path) -> None:
        for name in ("a.inter", "b.inter"):
            written(tmp_path, name, "user_id:token\titem_id:token\n1\t2\n")
        with pytest.raises(BadImport, match=r"several data sets \(a, b\)"):
            open_reading(tmp_path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("movielens", "is not movielens"),
        ("recbole", "is not recbole"),
        ("parquet", "is not Parquet that can be read"),
        ("xml", "There is no format “xml”"),
    ],
)
def test_a_format_that_does_not_fit_is_refused(tmp_path: Path, given: str, message: str) -> None:
    path = written(tmp_path, "a.csv", "user,item\nann,x\n")
    with pytest.raises(BadImport, match=message):
        open_reading(path, format=given)
