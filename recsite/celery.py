"""The Celery application and what beat does by itself."""

from __future__ import annotations

import os

from celery import Celery
from celery.signals import worker_process_init

from recsite.embedded.lifetime import die_with_parent


@worker_process_init.connect
def end_with_worker(**_: object) -> None:
    """A pool child ends with its worker, even when that is killed in the middle of a task."""
    die_with_parent()


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recsite.settings")

app = Celery("recsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {}
