"""Trainings in real workers: killed, delivered twice, lost on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.db import transaction
from django.utils import timezone

from recommender.models import Catalog, Run, Study
from recommender.services import tuning
from recommender.services.checkpoints import load_checkpoint
from recommender.services.evaluating import person_metrics
from recommender.services.training import create_run
from recommender.tasks import reap, start_training, start_tuning, train
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import catalog_from
from tests.support import Worker, until

pytestmark = pytest.mark.django_db(transaction=True)
SASREC = {"epochs": 6, "factors": 32, "blocks": 1, "length": 16, "batch": 8}


@pytest.fixture
def films() -> Catalog:
    return catalog_from(blocks(n_people=600))


def over(run: Run) -> bool:
    run.refresh_from_db()
    return run.status not in ("queued", "running")


def reached(run: Run, phase: str) -> bool:
    """Whether an epoch of choosing is done, or the training on everything has begun."""
    run.refresh_from_db()
    return bool(run.curve) and (phase == "choosing" or run.phase.endswith(phase))


def test_a_run_is_enqueued_once_its_row_is_committed(films: Catalog, worker: Callable[..., Worker]):
    worker()
    with transaction.atomic():
        run = start_training(catalog=films, algorithm="popularity")
    until(lambda: over(run))
    assert run.status == "succeeded"


def test_a_run_that_is_delivered_twice_to_two_workers_trains_once(films: Catalog, worker: Callable[..., Worker]):
    worker(), worker()
    run = create_run(catalog=films, algorithm="ease")
    for _ in range(4):
        train.delay(run.pk)
    until(lambda: over(run))
    assert (run.status, run.attempts) == ("succeeded", 1)


def test_a_lost_message_is_sent_again(films: Catalog, worker: Callable[..., Worker]):
    worker()
    run = create_run(catalog=films, algorithm="popularity")
    Run.objects.filter(pk=run.pk).update(created=timezone.now() - timedelta(hours=1))
    reap.delay()
    until(lambda: over(run))
    assert run.status == "succeeded"


@pytest.mark.slow
@pytest.mark.parametrize(("phase", "whom"), [("choosing", "worker"), ("everything", "child")])
def test_a_killed_training_ends_on_the_next_worker_as_if_nothing_had_been(
    films: Catalog, worker: Callable[..., Worker], phase: str, whom: str
):
    one_thread = {"OMP_NUM_THREADS": "1"}  # small steps on a busy machine: threads would wait for each other
    first = worker(**one_thread)
    given: dict[str, Any] = {"catalog": films, "algorithm": "sasrec", "config": SASREC, "seed": 3}
    whole = start_training(**given)
    until(lambda: over(whole), 120)
    run = start_training(**given)
    until(lambda: reached(run, phase), 120, phase)
    assert run.status == "running"
    if whom == "worker":
        first.kill()
        worker(**one_thread)
    else:
        os.kill(int(run.worker.split(":")[1]), signal.SIGKILL)
        until(lambda: not first_is_busy(run), 30)
        reap.delay()
    until(lambda: over(run), 120)
    assert (run.status, run.error) == ("succeeded", "")
    assert (run.metrics, run.people) == (whole.metrics, whole.people)
    assert person_metrics(run=run).equals(person_metrics(run=whole))
    kept = [[(row["phase"], row["epoch"]) for row in one.curve] for one in (run, whole)]
    assert kept[0] == kept[1]
    states = [load_checkpoint(run_id=one.pk, purpose="final").state for one in (run, whole)]
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[1])


def first_is_busy(run: Run) -> bool:
    """Whether the process that holds the run is still there."""
    run.refresh_from_db()
    try:
        os.kill(int(run.worker.split(":")[1]), 0)
    except (ProcessLookupError, IndexError):
        return False
    return True


def test_a_worker_pays_for_torch_only_when_it_trains():
    code = "import recsite, django; django.setup(); import recommender.tasks, sys; print('torch' in sys.modules)"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "recsite.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_one_worker_process_trains_what_is_made_of_others(films: Catalog, worker: Callable[..., Worker]):
    worker()
    run = start_training(catalog=films, algorithm="ensemble", config={"members": "popularity,item_knn"})
    until(lambda: over(run), 60)
    assert (run.status, run.error) == ("succeeded", "")
    assert [each.status for each in run.parents.all()] == ["succeeded"] * 2


def test_a_worker_tunes_and_a_lost_message_is_sent_again(films: Catalog, worker: Callable[..., Worker]):
    worker()
    lost = tuning.create_study(catalog=films, algorithm="popularity", trials=2)
    Study.objects.filter(pk=lost.pk).update(created=timezone.now() - timedelta(hours=1))
    study = start_tuning(catalog=films, algorithm="popularity", trials=2)
    reap.delay()
    until(lambda: not Study.objects.filter(pk__in=[study.pk, lost.pk]).exclude(status="succeeded").exists(), 60)
