"""An import taken back leaves the catalog as it was, but for what others rely on."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.utils import timezone

from recommender.exceptions import Conflict
from recommender.models import Attribute, Catalog, DataImport, EndUser, ImportTrace, Impression, Interaction, Item, Run
from recommender.services import checkpoints, erasure, evaluating, feedback, importing, training, undoing
from recommender.services.feedback import Event
from recommender.services.import_progress import Progress
from recommender.services.importing import run_import
from tests.recommender.imports import prepared, put_in, written

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.objects.create(name="films")


def first(catalog: Catalog, folder: Path) -> DataImport:
    path = written(folder / "a.csv", "user,item,timestamp", "ann,x,1", "bo,y,2")
    users = written(folder / "u.csv", "user,plan", "ann,pro")
    items = written(folder / "i.csv", "item,title,year,released,colour", "x,Ex,1999,1999-01-02,red", "z,Zed,,,")
    return put_in(catalog, path, users=users, items=items)


def second(catalog: Catalog, folder: Path) -> DataImport:
    """Changes ann and x, adds cy, w and interactions."""
    path = written(folder / "b.csv", "user,item,timestamp", "cy,w,3", "ann,w,4", "ann,y,5")
    users = written(folder / "v.csv", "user,plan,age", "ann,free,30")
    items = written(folder / "j.csv", "item,title,year,released,size", "x,Other,2000,2000-05-05,9", "v,Vee,,,")
    return put_in(catalog, path, users=users, items=items)


def undone(row: DataImport) -> DataImport:
    undoing.ask_to_undo(row=row)
    return run_import(import_id=row.pk)


def state() -> list[Any]:
    columns = ("client_id", "title", "year", "released", "categories", "price", "attributes", "hidden")
    return [
        list(Item.objects.order_by("client_id").values_list(*columns)),
        list(EndUser.objects.order_by("client_id").values_list("client_id", "attributes")),
        list(Interaction.objects.order_by("id").values_list("user", "item", "time", "event_key")),
        list(Attribute.objects.order_by("name").values_list("scope", "name", "type")),
    ]


def test_everything_is_as_it_was(catalog: Catalog, tmp_path: Path) -> None:
    first(catalog, tmp_path)
    before = state()
    later = second(catalog, tmp_path)
    assert later.counts["built_on"] != {}
    assert undoing.sizes(later) == {
        "interactions": 3, "people_made": 1, "people_changed": 1, "items_made": 2, "items_changed": 1,
    }  # fmt: skip
    done = undone(later)
    assert done.status == "undone" and state() == before and not later.traces.exists()
    assert done.counts["undone"] == {
        "interactions": 3, "attributes": 2,
        "items": {"restored": 1, "changed_since": 0, "deleted": 2, "kept": 0},
        "users": {"restored": 1, "changed_since": 0, "deleted": 1, "kept": 0},
    }  # fmt: skip


def test_the_first_import_of_all_leaves_an_empty_catalog(catalog: Catalog, tmp_path: Path) -> None:
    undone(first(catalog, tmp_path))
    assert state() == [[], [], [], []]
    again = first(catalog, tmp_path)
    assert again.counts["interactions"]["new"] == 2


def test_imports_that_overlap_go_newest_first(catalog: Catalog, tmp_path: Path) -> None:
    earlier = first(catalog, tmp_path)
    later = second(catalog, tmp_path)
    with pytest.raises(Conflict, match=rf"Import {later.pk} \(b\.csv\) met 2 rows of this one.*Undo it first"):
        undone(earlier)
    undone(later)
    same = put_in(catalog, tmp_path / "a.csv")
    assert same.counts["built_on"] == {str(earlier.pk): 2}
    with pytest.raises(Conflict, match=f"Import {same.pk}"):
        undone(earlier)
    undone(same)
    assert undone(earlier).status == "undone" and state() == [[], [], [], []]


def test_what_others_use_or_changed_since_stays(catalog: Catalog, tmp_path: Path) -> None:
    first(catalog, tmp_path)
    later = second(catalog, tmp_path)
    moment = timezone.now()
    events = [(0, Event("cy", "v", "view", None, moment)), (1, Event("new", "x", "view", None, moment))]
    assert feedback.record(catalog=catalog, events=events).accepted == 2
    item = Item.objects.get(client_id="x")
    item.title, item.attributes["size"] = "By hand", 12
    item.save()
    Impression.objects.create(
        catalog=catalog, user=EndUser.objects.get(client_id="cy"), items=[], scores=[], propensities=[], time=moment
    )
    done = undone(later)
    item.refresh_from_db()
    assert (item.title, item.year, str(item.released)) == ("By hand", 1999, "1999-01-02")
    assert item.attributes == {"colour": "red", "size": 12}
    assert set(EndUser.objects.values_list("client_id", flat=True)) == {"ann", "bo", "cy", "new"}
    assert set(Item.objects.values_list("client_id", flat=True)) == {"x", "y", "z", "v"}
    assert done.counts["undone"]["items"] == {"restored": 1, "changed_since": 1, "deleted": 1, "kept": 1}
    assert Interaction.objects.count() == 4 and Attribute.objects.filter(name="size").exists()


def test_it_is_refused_with_the_reason(catalog: Catalog, tmp_path: Path, settings: Any) -> None:
    done = first(catalog, tmp_path)
    finished = done.finished
    assert finished is not None
    DataImport.objects.update(finished=finished - timedelta(days=31))
    done.refresh_from_db()
    with pytest.raises(Conflict, match="kept for 30 days"):
        undoing.ask_to_undo(row=done)
    assert undoing.forget_traces() == 5 and not ImportTrace.objects.exists()
    DataImport.objects.update(finished=finished, counts={"interactions": {}})
    done.refresh_from_db()
    with pytest.raises(Conflict, match="before earlier values were kept"):
        undoing.ask_to_undo(row=done)
    DataImport.objects.update(status="failed")
    done.refresh_from_db()
    with pytest.raises(Conflict, match="Only an import that is done"):
        undoing.ask_to_undo(row=done)


def test_what_came_between_asking_and_doing_is_seen(catalog: Catalog, tmp_path: Path) -> None:
    earlier = first(catalog, tmp_path)
    undoing.ask_to_undo(row=earlier)
    put_in(catalog, tmp_path / "a.csv")
    before = state()
    with pytest.raises(Conflict, match="relies on them"):
        run_import(import_id=earlier.pk)
    earlier.refresh_from_db()
    assert earlier.status == "succeeded" and "relies on them" in earlier.error and state() == before


def test_erased_people_leave_no_trace(catalog: Catalog, tmp_path: Path) -> None:
    first(catalog, tmp_path)
    later = second(catalog, tmp_path)
    ann = EndUser.objects.get(client_id="ann")
    erasure.erase(catalog=catalog, user_ids=[ann.pk])
    assert not ImportTrace.objects.filter(scope="user", key=ann.pk).exists()
    assert undone(later).status == "undone"


def test_people_who_go_are_forgotten_by_weights_and_metrics(catalog: Catalog, tmp_path: Path) -> None:
    first(catalog, tmp_path)
    later = second(catalog, tmp_path)
    run = training.create_run(catalog=catalog, algorithm="user_knn")
    training.execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "succeeded", run.error
    people = {one.client_id: one.pk for one in EndUser.objects.all()}
    table = pd.DataFrame({"user": [people["ann"], people["cy"]], "ndcg@10": [0.1, 0.2]})
    run.person_metrics = evaluating.put_person_metrics(run_id=run.pk, table=table)
    run.save()
    assert people["cy"] in remembered(run)
    assert undone(later).status == "undone"
    run.refresh_from_db()
    assert remembered(run) == {people["ann"], people["bo"]}
    assert list(evaluating.person_metrics(run=run)["user"]) == [people["ann"]]


def remembered(run: Run) -> set[int]:
    content = checkpoints.load_checkpoint(run_id=run.pk, purpose="final")
    assert content is not None
    return set(content.state["people"].tolist())


class TestCancelling:
    def test_one_that_waits(self, catalog: Catalog, tmp_path: Path) -> None:
        row = prepared(catalog, written(tmp_path / "a.csv", "user,item", "ann,x"))
        importing.cancel_import(row=row)
        assert row.status == "cancelled" and run_import(import_id=row.pk).status == "cancelled"
        with pytest.raises(Conflict, match="is over"):
            importing.cancel_import(row=row)

    def test_one_that_runs_changes_nothing(
        self, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = prepared(catalog, written(tmp_path / "a.csv", "user,item", *[f"u{n},i" for n in range(50)]))
        seen = threading.Event()
        write, own = importing.Import._write, Progress._write

        def cancelled_between(self: importing.Import, cursor: Any, batch: Any, now: int) -> int:
            found = write(self, cursor, batch, now)
            monkeypatch.setattr(Progress, "_write", told)
            assert seen.wait(30)
            return found

        def told(self: Progress, connection: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE recommender_dataimport SET cancel_requested = true")
            own(self, connection)
            seen.set()

        monkeypatch.setattr(importing.Import, "_write", cancelled_between)
        assert run_import(import_id=row.pk).status == "cancelled"
        assert not EndUser.objects.exists() and not Interaction.objects.exists()

    def test_an_undo_that_is_cancelled_leaves_the_import_done(self, catalog: Catalog, tmp_path: Path) -> None:
        row = first(catalog, tmp_path)
        undoing.ask_to_undo(row=row)
        importing.cancel_import(row=row)
        assert row.status == "succeeded" and Interaction.objects.count() == 2 and undone(row).status == "undone"
