"""Who may write to a run or another row of models.leased: a worker claims it, keeps it alive, finds out when it no
longer may.

Times are the database's, so that the clocks of several machines need not agree.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from psycopg.conninfo import make_conninfo

from recommender.exceptions import Cancelled, LeaseLost
from recommender.models import Run
from recommender.models.leased import Leased

Kind = type[Leased]
"""Rows of models.leased, of this app or another."""

MAX_ATTEMPTS = 5
"""After so many deaths in a row without a finished epoch a run is given up."""
PULSE = Path(__file__).with_name("pulse.py")


class Lease:
    """The right of `worker` to write to a run (or another row of `kind`); every write asks whether it still holds."""

    def __init__(self, run_id: int, worker: str, kind: Kind = Run) -> None:
        self.run_id, self.worker, self.kind = run_id, worker, kind
        self._pulse: subprocess.Popen[str] | None = None

    def write(self, **changes: Any) -> None:
        """Change columns of the run. Raises Cancelled or LeaseLost (and changes nothing) where it is no longer ours."""
        held = self.kind._default_manager.filter(pk=self.run_id, worker=self.worker, status=Run.Status.RUNNING)
        if not held.update(**changes):
            raise self._reason()

    def check(self) -> None:
        """Raises Cancelled or LeaseLost as soon as the pulse has said so; costs no query."""
        if self._pulse is None or self._pulse.stdout is None:
            return
        readable, _, _ = select.select([self._pulse.stdout], [], [], 0)
        if readable and self._pulse.stdout.readline():
            raise self._reason()

    def _reason(self) -> Exception:
        mine = self.kind._default_manager.filter(pk=self.run_id, worker=self.worker, status=Run.Status.CANCELLED)
        return Cancelled("The run was cancelled.") if mine.exists() else LeaseLost("Another worker has the run.")

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the lease alive while the block runs."""
        given = {
            "table": self.kind._meta.db_table,
            "run": self.run_id,
            "worker": self.worker,
            "seconds": settings.LEASE_SECONDS / 3,
            "database": _address(),
            "holder": os.getpid(),
        }
        command = [sys.executable, "-P", str(PULSE)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as self._pulse:
            assert self._pulse.stdin is not None
            self._pulse.stdin.write(json.dumps(given) + "\n")
            self._pulse.stdin.flush()
            try:
                yield
            finally:
                self._pulse.kill()


def claim(run_id: int, kind: Kind = Run) -> Lease | None:
    """The lease of a run that waits or whose holder is dead; None where someone holds it, it is over, or one of its
    parents is still to be trained.

    One UPDATE decides, so that of any number of workers exactly one gets it.
    """
    lease = Lease(run_id, own_name(), kind)
    stale = Q(status=Run.Status.RUNNING, heartbeat__lt=Now() - lease_time())
    free = kind._default_manager.filter(Q(status=Run.Status.QUEUED) | stale, pk=run_id, cancel_requested=False)
    taken = _with_parents_done(free).update(
        status=Run.Status.RUNNING,
        worker=lease.worker,
        heartbeat=Now(),
        attempts=F("attempts") + 1,
        started=Coalesce("started", Now()),
    )
    return lease if taken else None


def _with_parents_done(rows: Any) -> Any:
    """Rows without a parent that is still to be trained; a measurement has none."""
    return rows.exclude(parents__status__in=Run.LIVE) if rows.model is Run else rows


def give_back(lease: Lease) -> None:
    """Put a run back among those that wait; `forgotten_runs` finds it. An ending in order is no death."""
    with suppress(LeaseLost, Cancelled):
        waiting = {"status": Run.Status.QUEUED, "worker": "", "phase": "waiting", "finishes": None}
        lease.write(**waiting, attempts=F("attempts") - 1)


def lease_time() -> timedelta:
    """How long a lease lasts without a heartbeat."""
    return timedelta(seconds=settings.LEASE_SECONDS)


def own_name() -> str:
    """Machine, process, when the process began, and a number of this claim's own."""
    process = psutil.Process()
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.2f}:{uuid.uuid4().hex[:12]}"


def surely_dead(worker: str) -> bool:
    """Whether `worker` was a process of this machine that is gone: then nobody need wait for its lease to run out."""
    parts = worker.rsplit(":", 3)
    if len(parts) != 4 or parts[0] != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(parts[1]))
        same = abs(process.create_time() - float(parts[2])) < 2
        return not same or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except (psutil.Error, ValueError):
        return False


def free_dead_runs(kind: Kind = Run) -> list[int]:
    """Put runs whose holder died back into the queue and return their ids; give up those that die again and again."""
    running = kind._default_manager.filter(status=Run.Status.RUNNING).annotate(now=Now())
    freed = []
    for run in running:
        if run.heartbeat is None or run.heartbeat < run.now - lease_time() or surely_dead(run.worker):
            still = kind._default_manager.filter(
                pk=run.pk, status=run.status, worker=run.worker, heartbeat=run.heartbeat
            )
            if still.update(**_after_death(run)) and run.attempts < MAX_ATTEMPTS and not run.cancel_requested:
                freed.append(run.pk)
    return freed


def forgotten_runs(kind: Kind = Run) -> list[int]:
    """Runs that have waited for longer than a lease, noted as enqueued now: the caller enqueues them again."""
    waiting = kind._default_manager.filter(status=Run.Status.QUEUED, created__lt=Now() - lease_time())
    forgotten = _with_parents_done(waiting.exclude(heartbeat__gt=Now() - lease_time()))
    ids = list(forgotten.order_by("id").values_list("id", flat=True))
    kind._default_manager.filter(pk__in=ids, status=Run.Status.QUEUED).update(heartbeat=Now())
    return ids


def _after_death(run: Leased) -> dict[str, Any]:
    if run.cancel_requested:
        return {"status": Run.Status.CANCELLED, "finished": Now(), "phase": "", "finishes": None}
    if run.attempts >= MAX_ATTEMPTS:
        reason = f"The worker died {run.attempts} times at the same place (out of memory?)."
        return {"status": Run.Status.FAILED, "finished": Now(), "error": reason, "finishes": None}
    return {"status": Run.Status.QUEUED, "worker": "", "heartbeat": Now(), "phase": "waiting", "finishes": None}


def _address() -> str:
    """The database's address for a process without Django, over a pipe that nobody else reads."""
    known = connection.get_connection_params()
    simple = {name: value for name, value in known.items() if isinstance(value, str | int)}
    simple.pop("prepare_threshold", None)
    return make_conninfo("", **simple)
