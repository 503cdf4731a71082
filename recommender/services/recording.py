"""What a run writes about itself while it trains: phases, progress, the learning curve, where to resume, durations."""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.utils import InterfaceError, OperationalError
from django.utils import timezone

from recommender.algorithms.base import State
from recommender.models import Run
from recommender.services.leases import Lease

WRITE_SECONDS = 1.0
"""Progress alone is written at most this often; an epoch's results always."""
PATIENCE_SECONDS = 60.0
"""How long a database that is away is waited for."""
STAGES = ("choosing", "measured")
"""Names of the two trainings behind a measured recommender; see evaluation.protocol.fit_measured."""


@dataclass(frozen=True)
class Phase:
    """`key` in durations and the curve; `words` for people; the part `low` to `high` of the whole run's progress."""

    key: str
    words: str
    low: float
    high: float


LOAD = Phase("load", "reading the data", 0.0, 0.02)
MEASURED = Phase("measured", "training without the held-out part", 0.02, 0.55)
MEASURE = Phase("measure", "measuring", 0.55, 0.6)
REFIT = Phase("refit", "training on everything", 0.6, 1.0)

Keep = Callable[[State, Callable[[], None]], None]
"""Keeps a state to resume from and calls back within the transaction that names it."""


class Recorder:
    """The `report` of a run's trainings. Every write is refused once the lease is lost or the run cancelled."""

    def __init__(self, lease: Lease, run: Run) -> None:
        self.lease = lease
        self.curve: list[dict[str, Any]] = list(run.curve)
        self.durations: dict[str, float] = dict(run.durations)
        self.reached = run.progress
        self._earlier_peak = run.peak_memory or 0
        self._phase, self._keep = LOAD, None
        self._first = self._last = self._entered = self._written = time.monotonic()
        self._first_progress: float | None = None
        forget_peak_memory()

    @contextmanager
    def phase(self, phase: Phase, keep: Keep | None = None) -> Iterator[None]:
        """Work on `phase`; `keep` stores each state that is reported meanwhile."""
        self._phase, self._keep = phase, keep
        self._entered = self._last = time.monotonic()
        self._before = self.durations.get(phase.key, 0.0)
        self.reached = max(self.reached, phase.low)  # a run that is taken up again does not seem to fall back
        self._write(phase=phase.words, progress=self.reached)
        yield
        self._note_duration()

    def report(self, progress: float, metrics: Mapping[str, float], state: State | None) -> None:
        """See algorithms.base.Report. Raises Cancelled or LeaseLost."""
        self.lease.check()
        row = self._row(metrics)
        if row:
            self.curve.append(row)
        if state is not None and self._keep is not None:
            keep = self._keep
            lasting(lambda: keep(state, lambda: self.lease.write(attempts=1, **self._standing(progress))))
            self._written = time.monotonic()
        elif row or time.monotonic() - self._written > WRITE_SECONDS:
            self._write(**self._standing(progress))

    def progress(self, progress: float) -> None:
        """Progress within a phase that has no epochs."""
        self.report(progress, {}, None)

    def standing(self) -> dict[str, Any]:
        """Columns that say where the run is now, for a write that ends a phase."""
        return self._standing(1.0)

    def _row(self, metrics: Mapping[str, float]) -> dict[str, Any]:
        """A row of the curve, or nothing where there are no metrics to show."""
        shown = {name: _finite(value) for name, value in metrics.items() if name != "stage"}
        if not shown:
            return {}
        key = STAGES[int(metrics["stage"])] if "stage" in metrics else self._phase.key
        epoch = int(shown.pop("epoch", None) or 1 + sum(row["phase"] == key for row in self.curve))
        seconds, self._last = time.monotonic() - self._last, time.monotonic()
        return {"phase": key, "epoch": epoch, "seconds": round(seconds, 3), **shown}

    def _standing(self, progress: float) -> dict[str, Any]:
        self._note_duration()
        share = min(1.0, max(0.0, progress))
        self.reached = whole = max(self.reached, self._phase.low + share * (self._phase.high - self._phase.low))
        peak = max(self._earlier_peak, peak_memory())
        return {
            "phase": self._phase.words,
            "progress": whole,
            "finishes": self._estimated_end(whole),
            "curve": self.curve,
            "durations": self.durations,
            "peak_memory": peak,
        }

    def _estimated_end(self, whole: float) -> Any:
        """From the pace since this worker took the run up; unknown until it has moved a little."""
        if self._first_progress is None:
            self._first_progress, self._first = whole, time.monotonic()
        moved = whole - self._first_progress
        if moved < 0.01:
            return None
        left = (time.monotonic() - self._first) * (1.0 - whole) / moved
        return timezone.now() + timedelta(seconds=left)

    def _note_duration(self) -> None:
        self.durations[self._phase.key] = round(self._before + time.monotonic() - self._entered, 3)

    def _write(self, **changes: Any) -> None:
        lasting(lambda: self.lease.write(**changes))
        self._written = time.monotonic()


def lasting(write: Callable[[], None]) -> None:
    """Do `write`, waiting for a database that is away (restarted, say) rather than lose hours of training."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() > deadline:
                raise
            connection.close()
            time.sleep(1)


def forget_peak_memory() -> None:
    """Let the kernel measure the peak anew (Linux; elsewhere the peak is the process's)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_memory() -> int:
    """Bytes: the most this process has held since `forget_peak_memory`."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
