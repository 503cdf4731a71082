"""Settings of gunicorn that are more than options: what a web process does before it is asked anything."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from importlib import import_module
from typing import Any

METRICS = "PROMETHEUS_MULTIPROC_DIR"
limit_request_line = 8190  # the cold-start lab keeps all that was answered in its address; the most that gunicorn takes


def on_starting(server: Any) -> None:
    """A folder where all web processes count together; set before any of them loads prometheus_client."""
    if not os.environ.get(METRICS):
        server.own_metrics = os.environ[METRICS] = tempfile.mkdtemp(prefix="recsite-metrics-")


def on_exit(server: Any) -> None:
    if own := getattr(server, "own_metrics", ""):
        shutil.rmtree(own, ignore_errors=True)


def child_exit(server: Any, worker: Any) -> None:
    """What a process that ended had counted stays counted; its gauges go."""
    import_module("prometheus_client.multiprocess").mark_process_dead(worker.pid)


def post_worker_init(worker: Any) -> None:
    """Load the deployed recommenders beside the first requests, so that nobody waits for them."""
    threading.Thread(target=_warm_up, args=(worker.log,), name="warm-up", daemon=True).start()


def _warm_up(log: Any) -> None:
    connection = import_module("django.db").connection  # only a worker that has loaded the site can read its models
    try:
        import_module("recommender.services.loaded").warm_up()
    except Exception as error:  # a database that is away now will be asked again by the first answer
        log.warning("The deployed recommenders are not loaded yet: %s", error)
    finally:
        connection.close()
