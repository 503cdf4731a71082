"""Erasure reaches explanations, also those that are being worked out at that moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from explain.models import Examination, Explanation
from explain.services import bulk, examining
from explain.services.asking import Question
from explain.services.explaining import explain
from recommender import hooks
from recommender.models import Catalog, EndUser, Run
from recommender.services import evaluating
from recommender.services.erasure import erase
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import catalog_from
from tests.support import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def films(deploy: Callable[..., Run]) -> Catalog:
    made = catalog_from(blocks())
    deploy(made, "ease")
    return made


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[threading.Thread]:
    """`work` in a thread with a connection of its own; what it raises fails the test."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # told to the test
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield thread
    thread.join(30)
    assert not thread.is_alive()
    assert not errors, errors


def test_an_explanation_kept_in_the_middle_of_an_erasure_neither_stops_it_nor_stays(
    films: Catalog, monkeypatch: pytest.MonkeyPatch
):
    person = EndUser.objects.get(client_id="p0")
    Run.objects.update(person_metrics="some.parquet")
    locked, explained = threading.Event(), threading.Event()

    def listener(**_: object) -> None:
        locked.set()
        explained.wait(10)

    monkeypatch.setattr(hooks, "erasure_listeners", [*hooks.erasure_listeners, listener])
    monkeypatch.setattr(evaluating, "forget_people", lambda **_: 0)
    with beside(lambda: erase(catalog=films, user_ids=[person.pk])):
        assert locked.wait(10)
        assert explain(Question(films.pk, "p0", "i20"))["user"] == "p0"
        explained.set()
    assert not EndUser.objects.filter(pk=person.pk).exists()
    assert not Explanation.objects.exists()


def test_a_file_that_is_written_while_someone_is_erased_does_not_stay(films: Catalog, monkeypatch: pytest.MonkeyPatch):
    row = bulk.create_bulk(catalog=films, users=["p0", "p1"], n=1)
    person = EndUser.objects.get(client_id="p0")

    def listener(**_: object) -> None:
        """A worker takes up what waits before the erasure is committed, and is done with it in a moment."""
        thread = threading.Thread(
            target=lambda: (examining.execute_examination(examination_id=row.pk), connection.close())
        )
        thread.start()
        thread.join(30)

    monkeypatch.setattr(hooks, "erasure_listeners", [listener])
    erase(catalog=films, user_ids=[person.pk])
    after = Examination.objects.get(pk=row.pk)
    assert after.path == ""
    folder = f"runs/{row.run_id}/examinations"
    until(lambda: not default_storage.exists(folder) or default_storage.listdir(folder)[1] == [])


def test_ids_by_which_a_file_was_asked_for_go_with_their_people(films: Catalog):
    one = bulk.create_bulk(catalog=films, users=["p0", "p1"], n=1)
    alone = bulk.create_bulk(catalog=films, users=["p0"], n=1)
    everyone = bulk.create_bulk(catalog=films, n=1)
    erase(catalog=films, user_ids=[EndUser.objects.get(client_id="p0").pk])
    kept = {row.pk: row.settings["users"] for row in Examination.objects.all()}
    assert kept == {one.pk: ["p1"], alone.pk: [], everyone.pk: None}
