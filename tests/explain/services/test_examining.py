"""Examinations: carried out under a lease, their files forgotten with whoever is in them."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from explain import tasks
from explain.models import Examination
from explain.services import examining
from explain.services.examining import Done, cancel_examination, create_examination, execute_examination
from recommender.exceptions import BadInput, Conflict
from recommender.models import EndUser, Run
from recommender.services.erasure import erase
from recommender.services.progress import Progress
from recommender.services.retention import delete_run
from tests.recommender.services.catalogs import catalog_of

pytestmark = pytest.mark.django_db(transaction=True)


def counted(row: Examination, told: Progress) -> Done:
    told.say("counting", 0.5)
    return Done({"asked": row.settings}, people=2, content=b"rows", ending="parquet")


def deleting(row: Examination, told: Progress) -> Done:
    Run.objects.filter(pk=row.run_id).delete()
    return counted(row, told)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setitem(examining.CARRIED_OUT, "trust", f"{__name__}:counted")
    monkeypatch.setitem(examining.CARRIED_OUT, "global", f"{__name__}:deleting")
    catalog = catalog_of([[0, 1], [1, 2]], 3)
    return Run.objects.create(catalog=catalog, algorithm="ease", status="succeeded")


def test_what_was_found_is_kept_with_its_file(run: Run):
    row = create_examination(run=run, kind="trust", settings={"people": 5})
    assert execute_examination(examination_id=row.pk)
    row.refresh_from_db()
    assert (row.status, row.progress, row.people) == ("succeeded", 1.0, 2)
    assert row.results == {"asked": {"people": 5}}
    assert default_storage.open(row.path).read() == b"rows"
    assert not execute_examination(examination_id=row.pk), "a message that comes twice does nothing"


def test_erasing_someone_deletes_the_files_and_leaves_the_figures(run: Run):
    row = create_examination(run=run, kind="trust")
    execute_examination(examination_id=row.pk)
    row.refresh_from_db()
    erase(catalog=run.catalog, user_ids=[EndUser.objects.first().pk])
    after = Examination.objects.get(pk=row.pk)
    assert (after.path, after.status) == ("", "succeeded")
    assert "erased" in after.error
    assert after.results == row.results
    assert not default_storage.exists(row.path)


def test_a_run_deleted_meanwhile_leaves_nothing_behind(run: Run):
    row = create_examination(run=run, kind="global")
    assert execute_examination(examination_id=row.pk)
    assert not Examination.objects.exists()
    folder = f"runs/{row.run_id}/examinations"
    assert not default_storage.exists(folder) or default_storage.listdir(folder)[1] == []


def test_deleting_a_run_takes_its_examinations_and_their_files(run: Run):
    row = create_examination(run=run, kind="trust")
    execute_examination(examination_id=row.pk)
    row.refresh_from_db()
    delete_run(run=run)
    assert not Examination.objects.exists()
    assert not default_storage.exists(row.path)


def test_a_file_that_no_row_names_is_swept_once_it_is_old(run: Run):
    row = create_examination(run=run, kind="trust")
    execute_examination(examination_id=row.pk)
    row.refresh_from_db()
    folder = f"runs/{run.pk}/examinations"
    old, young = (default_storage.save(f"{folder}/{name}.parquet", ContentFile(b"rows")) for name in ("old", "young"))
    for name in (row.path, old):
        os.utime(default_storage.path(name), (time.time() - 2 * 86_400,) * 2)
    tasks.sweep_explanations()
    assert [default_storage.exists(name) for name in (row.path, old, young)] == [True, False, True]


def test_one_whose_worker_died_is_taken_up_again(run: Run):
    row = create_examination(run=run, kind="trust")
    Examination.objects.update(status="running", worker="gone", heartbeat=timezone.now() - timedelta(hours=1))
    tasks.reap_examinations()
    assert Examination.objects.get().status == "queued"
    assert execute_examination(examination_id=row.pk)


def test_one_that_waits_is_cancelled_and_never_carried_out(run: Run):
    row = create_examination(run=run, kind="trust")
    cancel_examination(examination=row)
    assert not execute_examination(examination_id=row.pk)
    with pytest.raises(Conflict, match="nothing to cancel"):
        cancel_examination(examination=row)


def test_what_cannot_be_examined_is_refused(run: Run):
    with pytest.raises(BadInput) as caught:
        create_examination(run=run, kind="guess")
    assert caught.value.field == "kind"
    for given in ({"algorithm": "ease", "status": "running"}, {"algorithm": "mf", "status": "succeeded"}):
        with pytest.raises(Conflict):
            create_examination(run=Run.objects.create(catalog=run.catalog, **given), kind="trust")
