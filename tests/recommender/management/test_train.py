"""`train`: what it prints, and the one line with which it refuses."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from recommender import workers
from recommender.management.commands import train
from recommender.models import Catalog, Run
from recommender.workers import note_worker
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import catalog_from, catalog_of
from tests.support import Worker, environment_of_tests, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def films() -> Catalog:
    return catalog_from(blocks())


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_without_a_worker_it_trains_in_this_process(films: Catalog):
    answer = json.loads(said("train", "popularity", "--catalog", "films", "--set", "half_life_days=30", "--json"))
    run = Run.objects.get()
    assert answer == {"run": run.pk, "status": "succeeded", "seconds": answer["seconds"], "metrics": run.metrics}
    assert answer["seconds"] > 0
    assert run.config == {"half_life_days": 30.0}


def test_for_people_it_prints_the_run_and_its_metrics(films: Catalog):
    text = said("train", "random", "--catalog", "films", "--seed", "5")
    run = Run.objects.get()
    assert text.startswith(f"Run {run.pk}: done in ")
    assert "ndcg@10" in text
    assert run.seed == 5


def test_with_a_worker_the_worker_trains(films: Catalog, worker: Callable[..., Worker]):
    one = worker()
    answer = json.loads(said("train", "popularity", "--catalog", "films", "--json"))
    assert answer["status"] == "succeeded"
    run = Run.objects.get(pk=answer["run"])
    assert int(run.worker.split(":")[1]) in {child.pid for child in one.children()}


def test_a_worker_that_died_before_it_began_is_not_waited_for(films: Catalog, monkeypatch: pytest.MonkeyPatch):
    note_worker("gone@here", ["training"])
    monkeypatch.setattr(workers, "ALIVE_SECONDS", 3.0)
    monkeypatch.setattr(train, "PATIENCE_SECONDS", 0.5)
    assert json.loads(said("train", "popularity", "--catalog", "films", "--json"))["status"] == "succeeded"


def test_ctrl_c_leaves_a_run_to_the_worker_and_says_how_to_cancel_it(films: Catalog):
    note_worker("busy@here", ["training"])
    command = [sys.executable, "manage.py", "train", "popularity", "--catalog", "films", "--json"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment_of_tests(), **streams)
    until(lambda: "waiting" in process.stderr.readline())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    run = Run.objects.get()
    assert (process.returncode, out, run.status) == (130, "", "queued")
    assert f"Run {run.pk} goes on in the worker" in err
    assert "Traceback" not in err


def test_detached_it_only_enqueues(films: Catalog):
    answer = json.loads(said("train", "popularity", "--catalog", "films", "--detach", "--json"))
    assert answer == {"run": Run.objects.get().pk, "status": "queued", "seconds": None, "metrics": {}}


def test_with_the_broker_away_the_run_waits(films: Catalog):
    command = [sys.executable, "manage.py", "train", "popularity", "--catalog", "films", "--detach", "--json"]
    environment = environment_of_tests(CELERY_BROKER_URL="redis://127.0.0.1:1/0")
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "queued"
    assert Run.objects.get().status == "queued"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["magic", "--catalog", "films"], "There is no algorithm “magic”"),
        (["popularity", "--catalog", "songs"], "There is no catalog “songs”. Known: films."),
        (["popularity", "--catalog", "films", "--set", "half_life_days"], "--set takes KEY=VALUE"),
        (["popularity", "--catalog", "films", "--set", "x=1"], "There is no setting “x”"),
        (["popularity", "--catalog", "films", "--set", "half_life_days=soon"], "half_life_days must be of type float"),
        (["popularity", "--catalog", "films", "--seed", "-1"], "seed must be"),
    ],
)
def test_nonsense_is_refused_in_a_line(films: Catalog, arguments: list[str], message: str):
    with pytest.raises(CommandError, match=message):
        said("train", *arguments)
    assert not Run.objects.exists()


def test_a_failed_run_is_an_error_with_its_reason():
    catalog_of([[]], 2)
    with pytest.raises(CommandError, match="failed: The catalog has no interactions"):
        said("train", "popularity", "--catalog", "films")
