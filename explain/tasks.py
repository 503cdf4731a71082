"""Examinations in the background, on the queue of trainings; see recommender.tasks for how work gets to a worker."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from celery import shared_task
from django.db import transaction

from explain.models import DisparityAudit, Examination, RemedySweep
from explain.services import auditing, bulk, examining, explaining, orphans, planning, sweeping
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, Run
from recommender.services import leases, monitoring
from recommender.tasks import reapers, send, send_with_parents

logger = logging.getLogger(__name__)


def start_examination(*, run: Run, kind: str, settings: Mapping[str, Any] | None = None, by: Any = None) -> Examination:
    """An examination that a worker will take up; see services.examining.create_examination for what is raised."""
    row = examining.create_examination(run=run, kind=kind, settings=settings, by=by)
    transaction.on_commit(partial(send, examine, row.pk))
    return row


def start_bulk(*, catalog: Catalog, **asked: Any) -> Examination:
    """A file of explanations that a worker will write; see services.bulk.create_bulk for what is raised."""
    row = bulk.create_bulk(catalog=catalog, **asked)
    transaction.on_commit(partial(send, examine, row.pk))
    return row


def start_audit(**asked: Any) -> DisparityAudit:
    """An audit that a worker will take up; see services.auditing.create_audit for what is asked and raised."""
    row = auditing.create_audit(**asked)
    transaction.on_commit(partial(send, audit, row.pk))
    return row


@shared_task(acks_late=False)
def audit(audit_id: int) -> None:
    """Carry an audit out; does nothing where another worker holds it or it is over."""
    auditing.execute_audit(audit_id=audit_id)


@shared_task
def audit_planned() -> None:
    """Start the audits of what serves whose time has come by their catalog's plan; beat asks for it every hour."""
    for plan in planning.take_due():
        settings = {name: value for name, value in plan.settings.items() if name != "source"}
        try:
            start_audit(
                catalog=plan.catalog,
                source=plan.settings.get("source", "held-out"),
                settings=settings,
                plan=plan,
                run=planning.serving(plan),
            )
        except (BadInput, Conflict):
            logger.warning("The planned audit of %s could not be started", plan.catalog, exc_info=True)


def start_sweep(*, run: Run, remedy: str, settings: Mapping[str, Any] | None = None, by: Any = None) -> RemedySweep:
    """A sweep of a remedy that a worker will take up; see services.sweeping.create_sweep for what is raised."""
    row = sweeping.create_sweep(run=run, remedy=remedy, settings=settings, by=by)
    transaction.on_commit(partial(send, sweep_remedy, row.pk))
    return row


@shared_task(acks_late=False)
def sweep_remedy(sweep_id: int) -> None:
    """Carry a sweep out; does nothing where another worker holds it or it is over."""
    sweeping.execute_sweep(sweep_id=sweep_id)


def start_saving(*, row: RemedySweep, strength: float, by: Any = None) -> tuple[Run, bool]:
    """A point of a sweep as a run, which a worker will take up if it is new; see services.sweeping.save_point."""
    run, made = sweeping.save_point(row=row, strength=strength, by=by)
    if made:
        transaction.on_commit(partial(send_with_parents, run.pk))
    return run, made


@shared_task
def sweep_explanations() -> None:
    """Drop explanations that were kept long enough, and files of examinations whose worker died before its row named
    them; beat asks for it every night."""
    explaining.forget_old()
    orphans.prune()


@shared_task(acks_late=False)
def examine(examination_id: int) -> None:
    """Carry an examination out; does nothing where another worker holds it or it is over."""
    examining.execute_examination(examination_id=examination_id)


def reap_examinations() -> None:
    """Enqueue examinations whose worker died, and those whose message was lost."""
    for row_id in leases.free_dead_runs(Examination):
        examine.delay(row_id)
    if not monitoring.queue_depth("training"):
        for row_id in leases.forgotten_runs(Examination):
            examine.delay(row_id)


def reap_audits() -> None:
    """Enqueue audits whose worker died, and those whose message was lost."""
    for row_id in leases.free_dead_runs(DisparityAudit):
        audit.delay(row_id)
    if not monitoring.queue_depth("training"):
        for row_id in leases.forgotten_runs(DisparityAudit):
            audit.delay(row_id)


def reap_sweeps() -> None:
    """Enqueue sweeps of remedies whose worker died, and those whose message was lost."""
    for row_id in leases.free_dead_runs(RemedySweep):
        sweep_remedy.delay(row_id)
    if not monitoring.queue_depth("training"):
        for row_id in leases.forgotten_runs(RemedySweep):
            sweep_remedy.delay(row_id)


reapers += [reap_examinations, reap_audits, reap_sweeps]
