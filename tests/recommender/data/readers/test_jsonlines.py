"""JSON lines, good and bad, as batches, entities and rejects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recommender.data.readers import open_reading
from recommender.exceptions import BadImport
from tests.recommender.data.readers.test_reading import entities, keys, rejected, rows, written

EVENTS = """{"user": "ann", "item": "x", "rating": 4, "timestamp": 10, "context": {"device": "phone", "hour": 7}}
{"item": "y", "user": "bo", "timestamp": "1970-01-01T00:00:20Z", "kind": "click", "rating": null}
"""


def test_every_name_has_its_place_and_context_is_taken_apart(tmp_path: Path) -> None:
    reading = open_reading(written(tmp_path, "a.jsonl", EVENTS))
    assert reading.format == "jsonl" and reading.interactions.has_clock
    assert rows(reading) == [
        ("ann", "x", "rating", 4.0, 10, '{"device": "phone", "hour": "7"}'),
        ("bo", "y", "click", None, 20, ""),
    ]


def test_rows_have_the_keys_that_csv_gives_them(tmp_path: Path) -> None:
    lines = [{"user": "ann", "item": 7, "rating": 4.0, "timestamp": 10}, {"user": "bo", "item": "x", "rating": 3}]
    path = written(tmp_path, "a.jsonl", "\n".join(json.dumps(line | {"timestamp": 10}) for line in lines))
    same = written(tmp_path, "a.csv", "user,item,rating,timestamp\nann,7,4,10\nbo,x,3,10\n")
    assert keys(open_reading(path)) == keys(open_reading(same))


def test_the_format_is_found_by_the_first_sign_too(tmp_path: Path) -> None:
    reading = open_reading(written(tmp_path, "upload", '\ufeff{"user": "Zoë", "item": 1}\r\n\r\n'))
    assert reading.format == "jsonl" and rows(reading)[0][:3] == ("Zoë", "1", "view")


def test_lines_that_cannot_be_taken_are_kept_aside(tmp_path: Path) -> None:
    lines = [
        '{"user": "ann", "item": "x", "rating": 4}',
        '{"user": "ann", "item": "x", "rating": 4',
        '["ann", "x"]',
        '{"user": "ann", "item": "x", "rating": NaN}',
        '{"user": "ann", "rating": 4}',
        '{"user": "a\\ud800", "item": "x", "rating": 4}',
        '{"user": ["ann"], "item": "x|y", "rating": [4, 5]}',
        "[" * 100_000,
        '{"user": "bo", "item": "y", "rating": 1' + "0" * 5_000 + "}",
        '{"user": "a\\u0000", "item": "x", "rating": 4}',
        '{"user": "cy", "item": "x", "rating": 1e0}',
    ]
    reading = open_reading(written(tmp_path, "a.jsonl", "\n".join(lines)))
    assert [(row[0], row[3]) for row in rows(reading)] == [("ann", 4.0), ("cy", 1.0)]
    reasons = dict(rejected(reading))
    assert sorted(reasons) == list(range(2, 11))
    assert reasons[2] == reasons[3] == reasons[8] == "the line is not a JSON object"
    assert reasons[4] == reasons[7] == reasons[9] == "rating is not a finite number"
    assert reasons[5].startswith("item is not an id") and reasons[10].startswith("user is not an id")
    assert reasons[6] == "a field holds half of a surrogate pair"


def test_a_file_that_is_not_utf_8_is_read_as_latin_1_and_told(tmp_path: Path) -> None:
    reading = open_reading(written(tmp_path, "a.jsonl", '{"user": "Zoë", "item": "x"}'.encode("latin-1")))
    assert rows(reading)[0][0] == "Zoë"
    assert reading.notes() == ["a.jsonl is not UTF-8 and was read as Latin-1."]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("no json\n", "is empty"),
        ('[{"user": "ann"}]', "one JSON list"),
        ('{"visitor": "ann", "item": "x"}', "has no column “user”"),
        (json.dumps({f"c{number}": 1 for number in range(1_001)}), "more than 1,000 different names"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(BadImport, match=message):
        open_reading(written(tmp_path, "a.jsonl", content))


def test_items_with_lists_attributes_and_types(tmp_path: Path) -> None:
    lines = [
        {"item": "x", "title": "Ex", "categories": ["a|b", "c", None], "creators": "Ann|Bo", "year": 1999,
         "released": "1999-05-31", "attributes": {"tags": ["p"], "fragile": True}, "weight": 2.50, "code": "007"},
        {"item": "y", "title": ["two", "titles"]},
        {"item": "z", "weight": "heavy", "tags": [], "note": {"a": 1}},
    ]  # fmt: skip
    items = written(tmp_path, "i.jsonl", "\n".join(map(json.dumps, lines)))
    reading = open_reading(written(tmp_path, "a.csv", "user,item\nann,x\n"), items=items)
    first, last = entities(reading, "items")
    assert reading.items[0].declared == {
        "tags": "categories", "fragile": "flag", "weight": "category", "code": "category", "note": "text",
    }  # fmt: skip
    assert first.fields | {"released": str(first.fields["released"])} == {
        "title": "Ex", "categories": ["a|b", "c"], "creators": ["Ann", "Bo"], "year": 1999, "released": "1999-05-31",
    }  # fmt: skip
    assert first.attributes == {"tags": ["p"], "fragile": True, "weight": "2.5", "code": "007"}
    assert last.client_id == "z" and last.attributes == {"weight": "heavy", "note": '{"a": "1"}'}
    assert rejected(reading) == [(2, "title is a list, not one value")]


def test_a_folder_with_people_and_items(tmp_path: Path) -> None:
    written(tmp_path, "events.jsonl", '{"user": "ann", "item": "x"}\n')
    written(tmp_path, "items.jsonl", '{"item": "x", "title": "Ex"}\n')
    written(tmp_path, "users.jsonl", '{"user": "ann", "gender": "f"}\n')
    written(tmp_path, "README.txt", "hello")
    reading = open_reading(tmp_path)
    assert reading.format == "jsonl" and len(rows(reading)) == 1
    assert entities(reading, "items")[0].fields == {"title": "Ex"}
    assert entities(reading, "users")[0].attributes == {"gender": "f"}


def test_columns_of_one_table_can_be_named_left_out_or_kept_as_attributes(tmp_path: Path) -> None:
    written(tmp_path, "events.jsonl", '{"visitor": "ann", "sku": "x", "secret": 1}\n')
    written(tmp_path, "items.jsonl", '{"id": "x", "name": "Ex", "year": "of the dog"}\n')
    columns = {"user": "visitor", "item": "sku", "items.item": "id", "items.title": "name", "items.year": ""}
    reading = open_reading(tmp_path, columns=columns, ignored={"interactions": ["secret"]})
    assert rows(reading)[0][:2] == ("ann", "x") and rows(reading)[0][5] == ""
    (item,) = entities(reading, "items")
    assert item.fields == {"title": "Ex"} and item.attributes == {"year": "of the dog"}
    with pytest.raises(BadImport, match="needs a column for “user”"):
        open_reading(tmp_path, columns=columns | {"interactions.user": ""})
    with pytest.raises(BadImport, match="from the same column “sku”"):
        open_reading(tmp_path, columns=columns | {"interactions.user": "sku"})
