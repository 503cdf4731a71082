"""The Celery application's processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

from tests.recsite.busy import stay_busy
from tests.support import Worker, until


def test_a_killed_worker_takes_its_busy_child_along(worker: Callable[..., Worker], tmp_path: Path) -> None:
    one = worker("default", include="tests.recsite.busy")
    started = tmp_path / "started"
    stay_busy.apply_async([str(started)], queue="default")
    until(started.exists, what="the task")
    one.kill()  # fails where a child outlives it


def test_workers_do_not_import_torch_before_they_fork(worker: Callable[..., Worker]) -> None:
    one = worker()
    assert not any("torch" in file.path for file in psutil.Process(one.pid).memory_maps())
