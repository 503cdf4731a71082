"""Who may write to a run: claims, deaths, what is taken up again and what is given up."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from datetime import timedelta

import psutil
import pytest
from django.utils import timezone

from recommender.exceptions import Cancelled, LeaseLost
from recommender.models import Catalog, Run
from recommender.services.leases import (
    MAX_ATTEMPTS,
    claim,
    forgotten_runs,
    free_dead_runs,
    give_back,
    own_name,
    surely_dead,
)
from tests.support import until

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = timedelta(hours=1)


@pytest.fixture
def run() -> Run:
    return Run.objects.create(catalog=Catalog.objects.create(name="films"), algorithm="random")


def became(run: Run) -> str:
    run.refresh_from_db()
    return run.status


def test_a_run_is_claimed_once(run: Run):
    assert claim(run.pk) is not None
    assert claim(run.pk) is None
    assert became(run) == "running"


def test_a_run_whose_heartbeat_is_old_is_claimed_from_its_holder(run: Run):
    first = claim(run.pk)
    Run.objects.filter(pk=run.pk).update(heartbeat=timezone.now() - LONG_AGO)
    second = claim(run.pk)
    second.write(phase="mine")
    with pytest.raises(LeaseLost):
        first.write(phase="no longer mine")
    run.refresh_from_db()
    assert (run.phase, run.attempts) == ("mine", 2)


def test_workers_that_end_in_order_do_not_use_up_a_runs_attempts(run: Run):
    for _ in range(MAX_ATTEMPTS + 1):
        give_back(claim(run.pk))
    run.refresh_from_db()
    assert (run.status, run.attempts, run.worker) == ("queued", 0, "")


def test_the_heart_beats_while_the_holder_cannot(run: Run, settings):
    settings.LEASE_SECONDS = 1
    lease = claim(run.pk)
    Run.objects.filter(pk=run.pk).update(heartbeat=timezone.now() - LONG_AGO)
    with lease.kept():
        until(lambda: became(run) == "running" and run.heartbeat > timezone.now() - timedelta(seconds=5))
        lease.check()


def test_the_heart_beats_while_a_solver_holds_the_lock_of_python(run: Run, settings):
    settings.LEASE_SECONDS = 3
    with claim(run.pk).kept():
        until(lambda: became(run) and run.heartbeat > timezone.now() - timedelta(seconds=0.5))  # the pulse is there
        ctypes.PyDLL(None).usleep(3_000_000)
        run.refresh_from_db()
        assert run.heartbeat > timezone.now() - timedelta(seconds=2.5)


def test_a_wish_to_cancel_is_carried_out_and_told(run: Run):
    lease = claim(run.pk)
    with lease.kept():
        Run.objects.filter(pk=run.pk).update(cancel_requested=True)
        until(lambda: became(run) == "cancelled", 10)
        with pytest.raises(Cancelled):
            until(lambda: lease.check(), 10)


def test_the_pulse_ends_with_its_holder(run: Run):
    with claim(run.pk).kept():
        (pulse,) = [each for each in psutil.Process().children() if "pulse.py" in " ".join(each.cmdline())]
    until(lambda: not pulse.is_running())


def test_a_process_of_this_machine_that_is_gone_is_surely_dead():
    ended = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    began = psutil.Process(ended.pid).create_time()
    host, _, _, claimed = own_name().rsplit(":", 3)
    name = f"{host}:{ended.pid}:{began:.2f}:{claimed}"
    assert not surely_dead(name)
    ended.communicate()
    assert surely_dead(name)
    assert surely_dead(f"{host}:{os.getpid()}:1000.00:{claimed}")  # the number was given to another process
    assert not surely_dead(own_name())
    assert not surely_dead("elsewhere:1:1000.00:x")
    assert not surely_dead("")


def test_a_dead_run_goes_back_into_the_queue_and_a_live_one_stays(run: Run):
    other = Run.objects.create(catalog=run.catalog, algorithm="random")
    claim(run.pk)
    claim(other.pk)
    Run.objects.filter(pk=run.pk).update(heartbeat=timezone.now() - LONG_AGO)
    assert free_dead_runs() == [run.pk]
    assert (became(run), became(other)) == ("queued", "running")


def test_a_run_that_dies_again_and_again_is_given_up(run: Run):
    for _ in range(MAX_ATTEMPTS):
        claim(run.pk)
        Run.objects.filter(pk=run.pk).update(heartbeat=timezone.now() - LONG_AGO)
        freed = free_dead_runs()
    assert freed == []
    assert became(run) == "failed"
    assert run.error == "The worker died 5 times at the same place (out of memory?)."


def test_a_dead_run_that_was_to_be_cancelled_is_cancelled(run: Run):
    claim(run.pk)
    Run.objects.filter(pk=run.pk).update(heartbeat=timezone.now() - LONG_AGO, cancel_requested=True)
    assert free_dead_runs() == []
    assert became(run) == "cancelled"


def test_a_run_whose_message_was_lost_is_found_once_per_lease(run: Run):
    assert forgotten_runs() == []
    Run.objects.filter(pk=run.pk).update(created=timezone.now() - LONG_AGO)
    assert forgotten_runs() == [run.pk]
    assert forgotten_runs() == []
