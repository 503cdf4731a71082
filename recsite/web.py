"""Settings of gunicorn that are more than options: what a web process does before it is asked anything."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any


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
