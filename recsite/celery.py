"""The Celery application and what beat does by itself."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import (
    before_task_publish,
    celeryd_init,
    heartbeat_sent,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_process_init,
    worker_ready,
    worker_shutdown,
)
from django.conf import settings

from recommender import acting, logs
from recommender.workers import forget_worker, note_worker
from recsite.embedded.lifetime import die_with_parent

RETRAIN_SECONDS = 60.0
DRAIN_SECONDS = 5.0
"""How long an answer waits in Redis before it is written as an impression."""


@worker_process_init.connect
def end_with_worker(**_: object) -> None:
    """A pool child ends with its worker, even when that is killed in the middle of a task."""
    die_with_parent()


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recsite.settings")

app = Celery("recsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.set_default()  # threads too find it by celery.current_app


@app.on_after_finalize.connect
def schedule(sender: Celery, **_: object) -> None:
    """What beat does by itself. Exactly one beat runs; what it could not hand to a worker in time is dropped."""
    every = settings.LEASE_SECONDS / 2
    sender.add_periodic_task(every, sender.signature("recommender.tasks.reap"), name="reap", expires=every)
    night = crontab(minute="17", hour="3")
    sender.add_periodic_task(night, sender.signature("recommender.tasks.prune"), name="prune", expires=3600)
    sweep = sender.signature("explain.tasks.sweep_explanations")
    sender.add_periodic_task(night, sweep, name="forget explanations", expires=3600)
    hourly = crontab(minute="7")
    audits = sender.signature("explain.tasks.audit_planned")
    sender.add_periodic_task(hourly, audits, name="audits by plan", expires=1800)
    later = crontab(minute="47", hour="3")
    adapt = sender.signature("recommender.tasks.adapt_everyone")
    sender.add_periodic_task(later, adapt, name="adapt to people", expires=3600)
    drain = sender.signature("recommender.tasks.drain_impressions")
    sender.add_periodic_task(DRAIN_SECONDS, drain, name="drain impressions", expires=DRAIN_SECONDS)
    retrain = sender.signature("recommender.tasks.retrain")
    sender.add_periodic_task(RETRAIN_SECONDS, retrain, name="retrain", expires=RETRAIN_SECONDS)


@worker_ready.connect
def take_up_what_died(sender: Any, **_: object) -> None:
    """A worker that starts asks for trainings and imports whose worker died."""
    sender.app.send_task("recommender.tasks.reap")


@task_prerun.connect
def act_as_worker(task: Any, **_: object) -> None:
    """What a task does is done by the worker, for whoever the row names."""
    task.request.acting = acting.enter(acting.Actor("", "worker"))
    known = {"task": task.name.rpartition(".")[2], "request_id": task.request.get("request_id")}
    if task.name == "recommender.tasks.train" and task.request.args:
        known["run"] = task.request.args[0]
    task.request.bound = logs.bind(**{name: value for name, value in known.items() if value is not None})


@task_postrun.connect
def act_no_more(task: Any, **_: object) -> None:
    acting.leave(task.request.acting)
    logs.release(task.request.bound)


@before_task_publish.connect
def carry_request_id(headers: dict[str, Any], **_: object) -> None:
    """A task remembers the request that asked for it."""
    if "request_id" in logs.now():
        headers["request_id"] = logs.now()["request_id"]


@celeryd_init.connect
def choose_logging(**_: object) -> None:
    """Celery's own lines are JSON too where that is wanted: it leaves logging to Django's settings then."""
    if settings.LOG_FORMAT == "json":
        setup_logging.connect(leave_logging)


def leave_logging(**_: object) -> None:
    """That somebody listens is what keeps Celery from setting logging up itself."""


@heartbeat_sent.connect
def note_heartbeat(sender: Any, **_: object) -> None:
    """Every two seconds in a worker's main process: say that it lives, for the overview and `status`."""
    eventer = sender.eventer
    note_worker(eventer.hostname, sorted(eventer.app.amqp.queues.consume_from))


@worker_shutdown.connect
def note_end(sender: Any, **_: object) -> None:
    """A worker that ends in order is no longer listed."""
    forget_worker(sender.hostname)
