"""RabbitMQ as the broker: trainings arrive, and a broker that is killed and comes back loses none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from recommender.models import Run
from recommender.services import monitoring
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import catalog_from
from tests.recsite import rabbit
from tests.support import environment_of_tests, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[rabbit.Rabbit]:
    if not rabbit.there():
        reason = "needs RabbitMQ: install the system's package `rabbitmq-server`"
        if os.environ.get("REQUIRE_RABBITMQ"):
            pytest.fail(reason)
        pytest.skip(reason)
    one = rabbit.Rabbit(tmp_path)
    yield one
    one.end()


@pytest.fixture
def worker(broker: rabbit.Rabbit, tmp_path: Path) -> Iterator[None]:
    """A worker that takes from RabbitMQ, heard of by its heartbeat in Redis."""
    environment = environment_of_tests(CELERY_BROKER_URL=broker.url)
    command = [sys.executable, "-m", "celery", "-A", "recsite", "worker", "-Q", "training,default", "-c", "1"]
    with (tmp_path / "worker.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log)
    until(lambda: monitoring.listens("training"), 60, "the worker")
    yield
    process.terminate()
    process.wait(60)


def manage(broker: rabbit.Rabbit, *arguments: str) -> Any:
    command = [sys.executable, "manage.py", *arguments, "--json"]
    environment = environment_of_tests(CELERY_BROKER_URL=broker.url)
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def succeeded(run_id: int) -> bool:
    return Run.objects.get(pk=run_id).status == Run.Status.SUCCEEDED


def test_trainings_go_through_rabbitmq_and_survive_its_death(broker, worker):
    catalog_from(blocks(n_people=40))
    first = manage(broker, "train", "popularity", "--catalog", "films", "--detach")["run"]
    until(lambda: succeeded(first), 60, "the training")
    standing = manage(broker, "status")
    assert standing["servers"]["broker"]["ok"] and standing["queues"] == {"default": 0, "training": 0}
    broker.kill()
    second = manage(broker, "train", "popularity", "--catalog", "films", "--detach")["run"]  # nobody takes its message
    broker.start()
    third = manage(broker, "train", "popularity", "--catalog", "films", "--detach")["run"]
    until(lambda: succeeded(third), 120, "the training after the broker's return")
    assert Run.objects.get(pk=second).status == Run.Status.QUEUED  # `reap` sends its message, see test_tasks.py
