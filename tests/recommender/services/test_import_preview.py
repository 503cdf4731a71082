"""A preview says to the letter what the import then does, and writes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recommender.exceptions import BadImport, Conflict
from recommender.models import Attribute, Catalog, DataImport, EndUser, ImportTrace, Interaction, Item
from recommender.services import importing
from recommender.services.importing import run_import
from tests.recommender.imports import prepared, put_in, written

pytestmark = pytest.mark.django_db(transaction=True)
COUNTS = ("users", "items", "interactions")


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.objects.create(name="films")


def previewed(catalog: Catalog, path: Path, **options: Any) -> DataImport:
    row = prepared(catalog, path, **options)
    DataImport.objects.filter(pk=row.pk).update(aim="preview", options=row.options | {"columns": None})
    return run_import(import_id=row.pk)


def everything() -> list[Any]:
    models = (EndUser, Item, Interaction, Attribute, ImportTrace)
    return [list(model.objects.order_by("pk").values()) for model in models]


def confirmed(row: DataImport) -> DataImport:
    importing.confirm_import(row=row)
    return run_import(import_id=row.pk)


def files(folder: Path) -> dict[str, Path]:
    """Rows that are new, known, twice in the file, and wrong; people and items new, changed, same, bare and wrong."""
    events = ["visitor,sku,stars,when,device"]
    events += ["ann,x,4,2024-05-01,phone", "ann,x,4,2024-05-01,phone", "bo,y,5,2024-05-02,", "cy,z,9e999,2024-05-02,"]
    events += ["di,w,3,2024-05-03,tv", "di,w,3,yesterday,tv", "eve,x,1,2024-05-04,tv", "bo,y,2,2024-05-02,"]
    users = ["id,plan,gender", "ann,pro,f", "bo,free,m", "new,free,m", "bad/id,pro,f"]
    items = ["id,name,year", "x,Ex,1999", "y,Why,2001", "w,We,last", "v,Vee,2003", "v,Vee again,2003"]
    return {
        "path": written(folder / "events.csv", *events),
        "users": written(folder / "users.csv", *users),
        "items": written(folder / "items.csv", *items),
    }


@pytest.mark.parametrize("filled", [False, True])
def test_it_counts_what_the_import_then_does(catalog: Catalog, tmp_path: Path, filled: bool) -> None:
    if filled:
        users = written(tmp_path / "u.csv", "user,plan", "ann,pro", "bo,old")
        items = written(tmp_path / "i.csv", "item,title,year", "x,Ex,1999", "y,Old,2001")
        path = written(tmp_path / "e.csv", "user,item,rating,timestamp", "ann,x,4,2024-05-01", "eve,x,1,2024-05-04")
        put_in(catalog, path, users=users, items=items)
    given = files(tmp_path)
    before = everything()
    row = previewed(catalog, given.pop("path"), **given)
    assert row.status == "previewed" and everything() == before and row.preview.get("error", "") == ""
    told = row.preview
    done = confirmed(row)
    assert done.status == "succeeded" and done.preview == {}
    for role in COUNTS:
        assert told["counts"][role] == done.counts[role], role
    assert told["reasons"] == done.counts["reasons"] and told["notes"] == done.counts["notes"]
    assert done.counts["interactions"]["new"] == (4 if filled else 6)
    assert done.counts["users"]["new"] == (1 if filled else 3)
    assert done.counts["items"].get("changed") == (1 if filled else 0)
    declared = {(one["scope"], one["name"]) for one in told["declared"]}
    assert declared == ({("user", "gender")} if filled else {("user", "gender"), ("user", "plan")})


def test_first_rows_meaning_and_samples(catalog: Catalog, tmp_path: Path) -> None:
    given = files(tmp_path)
    row = previewed(catalog, given.pop("path"), **given)
    events, items, users = row.preview["tables"]
    assert (events["name"], events["delimiter"], events["encoding"], events["fixed"]) == (
        "events.csv", ",", "utf-8", False,
    )  # fmt: skip
    assert events["header"] == ["visitor", "sku", "stars", "when", "device"] and len(events["rows"]) == 5
    assert events["meaning"] == ["user", "item", "rating", "timestamp", ""]
    assert items["meaning"] == ["item", "title", "year"] and users["meaning"] == ["user", "", ""]
    assert {"file": "events.csv", "line": 7, "reason": "timestamp is neither seconds, milliseconds, microseconds nor "
            "ISO 8601", "row": "di,w,3,yesterday,tv"} in row.preview["samples"]  # fmt: skip


def test_a_file_without_header_in_another_encoding(catalog: Catalog, tmp_path: Path) -> None:
    lines = [f"{number} {number % 7 + 100} {number % 5 + 1} {978300000 + number}" for number in range(30)]
    row = previewed(catalog, written(tmp_path / "a.txt", *lines))
    (table,) = row.preview["tables"]
    assert table["meaning"] == ["user", "item", "rating", "timestamp"] and not table["has_header"]
    assert row.preview["counts"]["interactions"]["new"] == 30 and confirmed(row).counts["interactions"]["new"] == 30
    path = tmp_path / "b.csv"
    path.write_bytes("Customer ID;Product\nZoë;x\n".encode("latin-1"))
    (table,) = previewed(catalog, path).preview["tables"]
    assert (table["encoding"], table["delimiter"], table["rows"]) == ("latin-1", ";", [["Zoë", "x"]])
    assert table["meaning"] == ["user", "item"]


def test_what_cannot_be_guessed_is_asked_and_looked_at_again(catalog: Catalog, tmp_path: Path) -> None:
    row = previewed(catalog, written(tmp_path / "a.csv", "who,what,how", "a/b,x,?/?", "ann,y,?/?", "bo,x,?/?"))
    assert "no column “item”" in row.preview["error"] and row.preview["tables"][0]["rows"][0] == ["a/b", "x", "?/?"]
    with pytest.raises(Conflict, match="cannot be put in as it is"):
        importing.confirm_import(row=row)
    columns = {"interactions.user": "who", "interactions.item": "what"}
    importing.look_again(row=row, columns=columns, ignored={"interactions": ["how"]})
    again = run_import(import_id=row.pk)
    assert again.preview["counts"]["interactions"] | {"duplicates": 0} == {
        "read": 3, "new": 2, "same": 0, "rejected": 1, "duplicates": 0, "contradicting": 0,
    }  # fmt: skip
    assert confirmed(again).counts["interactions"]["new"] == 2
    assert not Interaction.objects.exclude(context=None).exists()
    with pytest.raises(Conflict, match="decided on already"):
        importing.confirm_import(row=again)


def test_known_formats_keep_their_columns(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "ml").mkdir()
    written(tmp_path / "ml" / "u.data", "1\t10\t5\t978300760", "2\t10\t4\t978300761")
    written(tmp_path / "books.jsonl", json.dumps({"isbn": "10", "name": "Ten"}))
    row = previewed(catalog, tmp_path / "ml", items=tmp_path / "books.jsonl")
    assert row.format == "movielens" and [table["fixed"] for table in row.preview["tables"]] == [True, False]
    assert confirmed(row).counts["items"]["new"] == 1 and Item.objects.get().title == "Ten"


def test_nothing_that_can_be_read_fails_at_once(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    row = prepared(catalog, tmp_path / "a.parquet")
    DataImport.objects.update(aim="preview")
    with pytest.raises(BadImport, match="is not Parquet"):
        run_import(import_id=row.pk)
    assert DataImport.objects.get().status == "failed"


def test_a_preview_is_dropped_by_hand_or_after_a_day(catalog: Catalog, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "user,item", "ann,x")
    importing.drop_preview(row=previewed(catalog, path))
    assert not DataImport.objects.exists()
    row = previewed(catalog, path)
    importing.forget_previews()
    DataImport.objects.update(created=row.created - importing.timedelta(hours=25))
    importing.forget_previews()
    assert not DataImport.objects.exists()


def test_a_wish_to_cancel_that_came_as_the_look_ended_does_not_stop_the_import(
    catalog: Catalog, tmp_path: Path
) -> None:
    row = previewed(catalog, written(tmp_path / "a.csv", "user,item", "ann,x"))
    DataImport.objects.update(cancel_requested=True)
    importing.confirm_import(row=row)
    assert run_import(import_id=row.pk).status == "succeeded"


def test_real_data(catalog: Catalog, ml_100k: Path) -> None:
    row = previewed(catalog, ml_100k)
    assert row.preview["counts"]["interactions"]["new"] == 100_000
    assert [row.preview["counts"][role]["new"] for role in ("users", "items")] == [943, 1_682]


def test_rows_of_a_file_that_is_not_what_it_says_are_shown(catalog: Catalog, tmp_path: Path) -> None:
    row = previewed(catalog, written(tmp_path / "a.csv", "user,item,rating", "ann,x,good", "bo,y,bad", "cy,z,4"))
    assert "2 of 3 rows cannot be taken" in row.preview["error"]
    assert [one["row"] for one in row.preview["samples"]] == ["ann,x,good", "bo,y,bad"]
