"""`manage.py import_data` as other programs call it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from recommender.exceptions import BadImport
from recommender.management.commands import import_data as command
from recommender.models import Catalog, DataImport, EndUser, Interaction, Item

pytestmark = pytest.mark.django_db(transaction=True)


def import_data(*arguments: object) -> str:
    out = StringIO()
    call_command("import_data", *map(str, arguments), stdout=out)
    return out.getvalue()


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_csv_with_items_users_and_other_names(tmp_path: Path) -> None:
    path = written(tmp_path / "visits.csv", "visitor_id,item,rating,timestamp,device", "ann,x,4,2024-05-19,phone")
    items = written(tmp_path / "items.csv", "item,title,categories,year", "x,Ex,a|b,1999")
    users = written(tmp_path / "users.csv", "visitor_id,gender", "ann,f")
    arguments = ("--catalog", "shop", "--items", items, "--users", users, "--column", "user=visitor_id", "--json")
    found = json.loads(import_data(path, *arguments))
    assert found["status"] == "succeeded" and found["format"] == "csv" and found["catalog"] == "shop"
    assert found["has_clock"] is True and found["rejects"] is None
    assert [found[role]["new"] for role in ("users", "items", "interactions")] == [1, 1, 1]
    event = Interaction.objects.select_related("user", "item").get()
    assert (event.user.client_id, event.item.title, event.value) == ("ann", "Ex", 4.0)
    assert event.context == {"device": "phone"} and event.time.date().isoformat() == "2024-05-19"


def test_what_was_done_is_told_in_words(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "user,item,rating", "ann,x,4", "ann,y,inf", "bo,x,3")
    told = import_data(path, "--catalog", "shop")
    assert "interactions: 3 read, 2 new, 1 rejected" in told
    assert "1 rows set aside: rating is not a finite number" in told and "rejects" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.csv", "--catalog", "shop"], "There is no file or folder"),
        (["a.csv", "--catalog", "Shop!"], "--catalog Shop!: Small letters, digits and hyphens only."),
        (["a.csv", "--catalog", "admin"], "address of the site"),
        (["a.csv", "--catalog", "shop", "--format", "recbole"], "a.csv is not recbole"),
        (["a.csv", "--catalog", "shop", "--format", "xml"], "--format"),
        (["a.csv", "--catalog", "shop", "--items", "nowhere.csv"], "There is no file or folder"),
        (["a.csv", "--catalog", "shop", "--column", "user"], "write it as user=visitor_id"),
        (["a.csv", "--catalog", "shop", "--column", "user=guest"], "no column “guest”"),
        (["bad.csv", "--catalog", "shop"], "bad.csv is not what it says"),
        (["empty.csv", "--catalog", "shop"], "empty.csv is empty"),
        (["header.csv", "--catalog", "shop"], "header.csv has no rows"),
        (["a.csv"], "--catalog"),
    ],
)
def test_bad_input_is_told_in_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "a.csv", "user,item,rating", "ann,x,4")
    written(tmp_path / "bad.csv", "user,item,rating", "ann,x,good")
    written(tmp_path / "header.csv", "user,item,rating")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(CommandError) as told:
        import_data(*arguments)
    assert message in str(told.value) and "\n" not in str(told.value).strip()
    for model in (Catalog, DataImport, EndUser, Item, Interaction):
        assert not model.objects.exists()


def test_a_failed_import_leaves_the_catalog_that_was_there(tmp_path: Path) -> None:
    Catalog.objects.create(name="shop")
    with pytest.raises(CommandError, match="not what it says"):
        import_data(written(tmp_path / "bad.csv", "user,item,rating", "ann,x,good"), "--catalog", "shop")
    assert Catalog.objects.get().imports.get().status == "failed"


def test_a_catalog_that_others_filled_meanwhile_outlives_the_import_that_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*, import_id: int, **_: object) -> None:
        catalog = DataImport.objects.get(pk=import_id).catalog
        EndUser.objects.create(catalog=catalog, client_id="ann")
        DataImport.objects.filter(pk=import_id).update(status=DataImport.Status.FAILED)
        raise BadImport("It is not what it says.")

    monkeypatch.setattr(command, "run_import", meanwhile)
    with pytest.raises(CommandError, match="not what it says"):
        import_data(written(tmp_path / "a.csv", "user,item,rating", "ben,x,4"), "--catalog", "shop")
    assert EndUser.objects.get().catalog.name == "shop"


def test_a_dry_run_says_what_the_import_then_does(tmp_path: Path) -> None:
    path = written(tmp_path / "visits.csv", "visitor,sku,stars", "ann,x,4", "bo,y,many", "cy,x,3")
    told = import_data(path, "--catalog", "shop", "--dry-run")
    assert "visitor = user: ann · bo · cy" in told and "interactions: 3 read, 2 new, 1 rejected" in told
    assert "visits.csv:3: bo,y,many" in told and "--column interactions.rating=stars" in told
    found = json.loads(import_data(path, "--catalog", "shop", "--dry-run", "--json"))
    assert not Catalog.objects.exists() and not DataImport.objects.exists()
    columns = [part for ours, theirs in found["columns"].items() for part in ("--column", f"{ours}={theirs}")]
    done = json.loads(import_data(path, "--catalog", "shop", *columns, "--json"))
    assert {role: done[role] for role in found["counts"]} == found["counts"]
    with pytest.raises(CommandError, match="no column “user”"):
        import_data(written(tmp_path / "b.csv", "a,b", "x/1,y/1"), "--catalog", "shop", "--dry-run")


def test_undo(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "user,item", "ann,x", "bo,y")
    done = json.loads(import_data(path, "--catalog", "shop", "--json"))
    out = StringIO()
    call_command("undo_import", str(done["import"]), stdout=out)
    assert "2 interactions went" in out.getvalue() and not Item.objects.exists()
    with pytest.raises(CommandError, match="Only an import that is done"):
        call_command("undo_import", str(done["import"]))
    with pytest.raises(CommandError, match="There is no import 999"):
        call_command("undo_import", "999")
