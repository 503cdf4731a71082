"""Real data sets and small files through the import, down to the rows."""

from __future__ import annotations

import csv
import io
import threading
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from recommender.data import event_keys
from recommender.exceptions import BadImport
from recommender.models import Attribute, Catalog, DataImport, EndUser, Interaction, Item
from recommender.services import feedback, importing
from recommender.services.feedback import Event
from recommender.services.import_progress import Progress
from recommender.services.importing import run_import
from tests.recommender.imports import prepared, put_in, written
from tests.support import until

pytestmark = pytest.mark.django_db(transaction=True)


def rejects_of(done: DataImport) -> list[dict[str, str]]:
    with default_storage.open(done.rejects) as file:
        return list(csv.DictReader(io.StringIO(file.read().decode())))


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    """Runs `work` beside the test on a connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.objects.create(name="films")


class TestRealData:
    def test_ml_100k_arrives_whole_and_a_second_time_changes_nothing(self, catalog: Catalog, ml_100k: Path) -> None:
        done = put_in(catalog, ml_100k)
        assert done.status == "succeeded" and done.format == "movielens" and done.has_clock and not done.rejects
        assert done.counts["interactions"] == {
            "read": 100_000, "new": 100_000, "same": 0, "rejected": 0, "duplicates": 0, "contradicting": 0,
        }  # fmt: skip
        assert EndUser.objects.count() == 943 and Item.objects.count() == 1_682
        first = Interaction.objects.order_by("id").first()
        assert first is not None
        assert (first.user.client_id, first.item.client_id, first.kind, first.value) == ("196", "242", "rating", 3.0)
        assert first.time.timestamp() == 881_250_949 and first.data_import == done
        assert first.event_key == event_keys.of_row("196", "242", "rating", 3.0, 881_250_949_000_000, 0)
        self.describes_people_and_items()

        again = put_in(catalog, ml_100k)
        assert again.counts["interactions"]["same"] == 100_000 and again.counts["interactions"]["new"] == 0
        assert again.counts["users"]["same"] == 943 and again.counts["items"]["same"] == 1_682
        assert Interaction.objects.count() == 100_000

    def describes_people_and_items(self) -> None:
        person = EndUser.objects.get(client_id="1")
        assert person.attributes == {"age": 24, "gender": "M", "occupation": "technician", "zip": "85711"}
        film = Item.objects.get(client_id="1")
        assert (film.title, film.year, str(film.released)) == ("Toy Story", 1995, "1995-01-01")
        assert film.categories == ["Animation", "Children's", "Comedy"]
        assert Item.objects.get(client_id="543").title == "Misérables, Les"
        sensitive = Attribute.objects.filter(scope="user", sensitive=True, feature=False)
        assert set(sensitive.values_list("name", flat=True)) == {"age", "gender", "occupation", "zip"}

    def test_ml_latest_small_as_a_zip(self, catalog: Catalog, datasets: Path, tmp_path: Path) -> None:
        folder = datasets / "ml-latest-small"
        if not folder.is_dir():
            pytest.skip(f"needs MovieLens latest-small in {folder}")
        with zipfile.ZipFile(tmp_path / "ml.zip", "w", zipfile.ZIP_DEFLATED) as target:
            for path in folder.iterdir():
                target.write(path, f"ml-latest-small/{path.name}")
        done = put_in(catalog, tmp_path / "ml.zip")
        assert done.counts["interactions"]["new"] == 100_836 and done.counts["users"] == {"bare": 610}
        film = Item.objects.get(client_id="1")
        assert film.attributes == {"tags": ["pixar", "fun"], "imdb": "0114709", "tmdb": "862"}

    def test_shilling_without_header_and_clock(self, catalog: Catalog, datasets: Path) -> None:
        path = datasets / "shilling" / "averageattack" / "ratings.txt"
        if not path.is_file():
            pytest.skip(f"needs {path}")
        done = put_in(catalog, path, columns={"user": "1", "item": "2", "rating": "3"})
        assert done.counts["interactions"]["new"] == 44_825 and not done.has_clock
        assert EndUser.objects.count() == 1_658
        assert Interaction.objects.values("time").distinct().count() == 1
        assert (
            put_in(catalog, path, columns={"user": "1", "item": "2", "rating": "3"}).counts["interactions"]["new"] == 0
        )


class TestRefusals:
    def test_a_file_of_something_else_changes_nothing(self, catalog: Catalog, tmp_path: Path) -> None:
        path = written(tmp_path / "letters.csv", "user,item,rating", *["a,b,good"] * 30)
        with pytest.raises(BadImport, match="30 of 30 rows cannot be taken"):
            put_in(catalog, path)
        failed = DataImport.objects.get()
        assert failed.status == "failed" and "rating is not a finite number" in failed.error and failed.finished
        assert len(rejects_of(failed)) == 30
        assert not EndUser.objects.exists() and not Item.objects.exists() and not Attribute.objects.exists()

    def test_bad_items_undo_the_people_that_came_before(self, catalog: Catalog, tmp_path: Path) -> None:
        path = written(tmp_path / "a.csv", "user,item", "ann,x")
        users = written(tmp_path / "u.csv", "user,gender", "ann,f")
        items = written(tmp_path / "i.csv", "item,year", "x,last", "y,first")
        with pytest.raises(BadImport, match=r"i\.csv is not what it says"):
            put_in(catalog, path, users=users, items=items)
        assert not EndUser.objects.exists() and not Attribute.objects.exists()

    @pytest.mark.parametrize(("lines", "message"), [(["user,item"], "has no rows"), ([""], "is empty")])
    def test_a_file_without_rows(self, catalog: Catalog, tmp_path: Path, lines: list[str], message: str) -> None:
        with pytest.raises(BadImport, match=message):
            put_in(catalog, written(tmp_path / "a.csv", *lines))
        assert message in DataImport.objects.get().error

    def test_a_few_bad_rows_are_kept_aside_with_line_and_reason(self, catalog: Catalog, tmp_path: Path) -> None:
        done = put_in(catalog, written(tmp_path / "a.csv", "user,item,rating", "ann,x,4", "bo,x,inf", "cy,y,5", "di,y"))
        assert done.counts["interactions"]["rejected"] == 2 and done.counts["interactions"]["new"] == 2
        assert [(row["file"], row["line"], row["row"]) for row in rejects_of(done)] == [
            ("a.csv", "5", "di,y"),
            ("a.csv", "3", "bo,x,inf"),
        ]
        assert not EndUser.objects.filter(client_id="bo").exists()


class TestWhatIsThere:
    def test_unknown_ids_become_bare_rows(self, catalog: Catalog, tmp_path: Path) -> None:
        users = written(tmp_path / "u.csv", "user,plan", "ann,pro")
        done = put_in(catalog, written(tmp_path / "a.csv", "user,item", "ann,x", "bo,x"), users=users)
        assert done.counts["users"]["bare"] == 1 and done.counts["items"] == {"bare": 1}
        assert EndUser.objects.get(client_id="bo").attributes == {}

    def test_what_a_file_does_not_give_stays(self, catalog: Catalog, tmp_path: Path) -> None:
        path = written(tmp_path / "a.csv", "user,item", "ann,x")
        first = written(tmp_path / "i.csv", "item,title,year,colour", "x,Ex,1999,red", "x,Ex again,,")
        put_in(catalog, path, items=first)
        item = Item.objects.get()
        assert (item.title, item.year) == ("Ex again", None)
        Item.objects.update(hidden=True, year=1999)
        done = put_in(catalog, path, items=written(tmp_path / "j.csv", "item,title,size", "x,Other,3"))
        item.refresh_from_db()
        assert (item.title, item.year, item.hidden) == ("Other", 1999, True)
        assert item.attributes == {"size": 3}
        assert done.counts["items"] == {"read": 1, "new": 0, "changed": 1, "same": 0, "rejected": 0, "bare": 0}

    def test_declared_attributes_keep_their_settings(self, catalog: Catalog, tmp_path: Path) -> None:
        Attribute.objects.create(
            catalog=catalog, scope="user", name="age", type="category", sensitive=False, feature=True
        )
        users = written(tmp_path / "u.csv", "user,age,plan", "ann,30,pro")
        put_in(catalog, written(tmp_path / "a.csv", "user,item", "ann,x"), users=users)
        assert Attribute.objects.get(name="age").feature and Attribute.objects.count() == 2
        assert EndUser.objects.get().attributes == {"age": "30", "plan": "pro"}

    def test_context_and_values_are_stored_as_given(self, catalog: Catalog, tmp_path: Path) -> None:
        lines = ["user,item,rating,kind,hour", "ann,x,2.5,rating,7", "ann,y,,click,", "bo,x,-9,buy,Zoë"]
        put_in(catalog, written(tmp_path / "b.csv", *lines))
        found = Interaction.objects.order_by("id").values_list("user__client_id", "kind", "value", "context")
        assert list(found) == [
            ("ann", "rating", 2.5, {"hour": "7"}),
            ("ann", "click", None, None),
            ("bo", "buy", -9.0, {"hour": "Zoë"}),
        ]

    def test_a_second_file_adds_what_is_new(self, catalog: Catalog, tmp_path: Path) -> None:
        put_in(catalog, written(tmp_path / "a.csv", "user,item,timestamp", "ann,x,1", "ann,y,2"))
        done = put_in(catalog, written(tmp_path / "b.csv", "user,item,timestamp", "ann,y,2", "ann,x,1", "bo,x,3"))
        assert (done.counts["interactions"]["new"], done.counts["interactions"]["same"]) == (1, 2)
        assert Interaction.objects.count() == 3

    def test_exact_and_contradicting_duplicates_are_kept_and_counted(self, catalog: Catalog, tmp_path: Path) -> None:
        path = written(tmp_path / "a.csv", "user,item,rating", "ann,x,4", "ann,x,4", "ann,x,2", "bo,x,4")
        for new in (4, 0):
            counts = put_in(catalog, path).counts["interactions"]
            assert (counts["new"], counts["duplicates"], counts["contradicting"]) == (new, 1, 1)
        assert Interaction.objects.count() == 4

    def test_an_event_id_given_twice_is_one_event(self, catalog: Catalog, tmp_path: Path) -> None:
        done = put_in(catalog, written(tmp_path / "a.csv", "user,item,event_id", "ann,x,e", "ann,y,e", "bo,x,f"))
        assert done.counts["interactions"]["new"] == 2 and done.counts["interactions"]["duplicates"] == 1
        assert Interaction.objects.filter(event_key=event_keys.of_event("e")).count() == 1


class TestSideBySide:
    def test_two_imports_into_one_catalog_go_one_after_the_other(self, catalog: Catalog, tmp_path: Path) -> None:
        path = written(tmp_path / "a.csv", "user,item", *[f"u{number},i{number % 7}" for number in range(2_000)])
        rows = [prepared(catalog, path) for _ in range(3)]
        threads = [in_thread(lambda row=row: run_import(import_id=row.pk)) for row in rows]
        for thread in threads:
            thread.join()
        new = sorted(row.counts["interactions"]["new"] for row in DataImport.objects.all())
        assert new == [0, 0, 2_000] and Interaction.objects.count() == 2_000

    def test_the_same_import_started_twice_runs_once(self, catalog: Catalog, tmp_path: Path) -> None:
        row = prepared(catalog, written(tmp_path / "a.csv", "user,item", "ann,x"))
        threads = [in_thread(lambda: run_import(import_id=row.pk)) for _ in range(3)]
        for thread in threads:
            thread.join()
        first = DataImport.objects.get()
        assert first.status == "succeeded" and first.counts["interactions"]["new"] == 1
        assert run_import(import_id=row.pk).finished == first.finished

    def test_an_import_whose_worker_died_is_done_from_the_start(self, catalog: Catalog, tmp_path: Path) -> None:
        row = prepared(catalog, written(tmp_path / "a.csv", "user,item", "ann,x"))
        DataImport.objects.update(status="running", heartbeat=timezone.now())
        assert run_import(import_id=row.pk).status == "running"
        DataImport.objects.update(heartbeat=timezone.now() - timedelta(hours=1))
        assert run_import(import_id=row.pk).status == "succeeded"

    def test_an_event_that_comes_during_the_import_is_kept_and_stops_nothing(
        self, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The event has the key of a row that the import, which saw an empty catalog, is about to copy."""
        path = written(tmp_path / "a.csv", "user,item,timestamp", "ann,x,1", "bo,y,2")
        write, sent = importing.Import._write, []

        def event_first(self: importing.Import, cursor: Any, batch: Any, now: int) -> int:
            if not sent:
                sent.append(in_thread(lambda: send_event(catalog, "ann", "x", 1)))
                sent[0].join()
            return write(self, cursor, batch, now)

        monkeypatch.setattr(importing.Import, "_write", event_first)
        done = put_in(catalog, path)
        assert done.counts["interactions"]["new"] == 1 and done.counts["interactions"]["same"] == 1
        assert Interaction.objects.count() == 2

    def test_events_that_come_by_api_meanwhile_are_all_kept(self, catalog: Catalog, tmp_path: Path) -> None:
        """They name the people and items that the import is about to make, and some of its very rows."""
        rows = [f"u{number % 300},i{number % 40},{number}" for number in range(6_000)]
        row = prepared(catalog, written(tmp_path / "a.csv", "user,item,timestamp", *rows))
        taken: list[int] = []

        def send() -> None:
            for start in range(5_900, 6_100, 20):
                moments = [(n, datetime.fromtimestamp(n, tz=UTC)) for n in range(start, start + 20)]
                events = [(0, Event(f"u{n % 300}", f"i{n % 40}", "view", None, time)) for n, time in moments]
                taken.append(feedback.record(catalog=catalog, events=events).accepted)

        threads = [in_thread(send), in_thread(lambda: run_import(import_id=row.pk)), in_thread(send)]
        for thread in threads:
            thread.join()
        done = DataImport.objects.get()
        assert done.status == "succeeded", done.error
        assert len(taken) == 20
        assert done.counts["interactions"]["new"] + sum(taken) == Interaction.objects.count() == 6_100

    def test_progress_and_heartbeat_are_seen_while_it_runs(self, catalog: Catalog, tmp_path: Path) -> None:
        row = prepared(catalog, written(tmp_path / "a.csv", "user,item", "ann,x"))
        seen: list[DataImport] = []
        with transaction.atomic():
            lock(catalog)
            thread = in_thread(lambda: run_import(import_id=row.pk))

            def beating() -> bool:
                seen.append(DataImport.objects.get())
                return "another import" in seen[-1].phase

            until(beating, what="the phase")
            assert seen[-1].status == "running" and seen[-1].heartbeat is not None
        thread.join()
        assert DataImport.objects.get().status == "succeeded"

    def test_a_row_that_someone_holds_does_not_hold_up_the_import(self, catalog: Catalog, tmp_path: Path) -> None:
        """A catalog that is deleted meanwhile holds the import's row and waits for the import."""
        row = prepared(catalog, written(tmp_path / "a.csv", "user,item", "ann,x"))
        held, ended = threading.Event(), threading.Event()

        def delete_catalog() -> None:
            with transaction.atomic():
                DataImport.objects.select_for_update().get(pk=row.pk)
                held.set()
                ended.wait(30)

        DataImport.objects.update(status="running")
        progress = Progress(row.pk)
        thread = in_thread(delete_catalog)
        assert held.wait(30)
        with progress:
            until(someone_waits, what="a write that meets the lock")
        ended.set()
        thread.join()


def send_event(catalog: Catalog, user: str, item: str, second: int) -> None:
    person = EndUser.objects.create(catalog=catalog, client_id=user)
    thing = Item.objects.create(catalog=catalog, client_id=item)
    Interaction.objects.create(
        catalog=catalog, user=person, item=thing, kind="view",
        time=datetime.fromtimestamp(second, tz=UTC),
        event_key=event_keys.of_row(user, item, "view", None, second * 1_000_000, 0),
    )  # fmt: skip


def someone_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


def lock(catalog: Catalog) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [importing.LOCK, catalog.pk])


def test_the_database_refuses_an_interaction_between_catalogs(catalog: Catalog, tmp_path: Path) -> None:
    put_in(catalog, written(tmp_path / "a.csv", "user,item", "ann,x"))
    other = Catalog.objects.create(name="books")
    with pytest.raises(IntegrityError):
        Interaction.objects.update(catalog=other)
