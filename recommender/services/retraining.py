"""Retraining by night: the deployed recommender's settings on today's data, put into service only if that is better.

Both are asked about the same held-out interactions, the last of each person today, by the weights that have not seen
what was held out when they were trained. What is decided, and why, is kept as a row.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection, transaction
from django.utils import timezone

from recommender.algorithms.base import Recommender
from recommender.data.dataset import Dataset, Float, Histories, IdMap
from recommender.data.splits import leave_last_out
from recommender.evaluation.protocol import evaluate
from recommender.evaluation.significance import Comparison, compare
from recommender.exceptions import Conflict, RecommenderError
from recommender.models import Catalog, Checkpoint, Retraining, RetrainingPlan, Run
from recommender.selectors import serving as select
from recommender.selectors.dataset import Bounds, load_dataset
from recommender.services import checkpoints, deploying, parents, preparing
from recommender.services.work import one_line

logger = logging.getLogger(__name__)
METRIC, LEVEL = "ndcg@10", 0.05
LOCK = 7_002  # first half of an advisory lock; imports take 7_001
Decision = Retraining.Decision


def set_plan(*, catalog: Catalog, on: bool, hour: int) -> RetrainingPlan:
    """Switch retraining on or off, each day at `hour` (UTC)."""
    plan, _ = RetrainingPlan.objects.update_or_create(catalog=catalog, defaults={"on": on, "hour": hour})
    return plan


def plan_of(*, catalog: Catalog) -> RetrainingPlan:
    """The catalog's plan; one that is off where none was made."""
    return RetrainingPlan.objects.filter(catalog=catalog).first() or RetrainingPlan(catalog=catalog)


def due(now: datetime) -> list[Catalog]:
    """Catalogs to be retrained in this hour that have not been today; each is given to one caller only."""
    found = []
    for plan in RetrainingPlan.objects.filter(on=True, hour=now.hour).select_related("catalog"):
        not_yet = RetrainingPlan.objects.filter(pk=plan.pk).exclude(last=now.date())
        if not_yet.update(last=now.date()):
            found.append(plan.catalog)
    return found


def begin(*, catalog: Catalog, start: Any) -> Retraining | None:
    """A retraining of what is deployed; None where nothing is. `start(run)` makes the run that waits for a worker."""
    deployed = select.deployed_run(catalog.pk)
    if deployed is None:
        return None
    against = Run.objects.get(pk=deployed)
    with transaction.atomic():
        return Retraining.objects.create(catalog=catalog, run=start(against), against=against)


def open_decisions() -> list[int]:
    """Retrainings whose run has ended and of which nothing is decided yet."""
    waiting = Retraining.objects.filter(decision=Decision.OPEN).exclude(run__status__in=Run.LIVE)
    return list(waiting.order_by("id").values_list("pk", flat=True))


def decide(*, retraining_id: int) -> Retraining:
    """Put the new run into service if it is better than the one in service; say why. Twice decides once, and while one
    worker compares the two, another leaves it alone."""
    with _alone(retraining_id) as alone:
        row = Retraining.objects.select_related("run", "against", "catalog").get(pk=retraining_id)
        return _decided(row) if alone and row.decision == Decision.OPEN else row


@contextmanager
def _alone(retraining_id: int) -> Iterator[bool]:
    """Whether nobody else holds it, for the block; PostgreSQL lets go of what a dead worker held."""
    names = [LOCK, retraining_id % 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", names)
        (got,) = cursor.fetchone()
    try:
        yield got
    finally:
        if got:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", names)


def _decided(row: Retraining) -> Retraining:
    try:
        better, reason = _judged(row)
    except Exception as error:
        logger.exception("retraining %s could not be judged", row.pk)
        better, reason = False, f"The two could not be compared: {one_line(error)}"
    with transaction.atomic():
        locked = Retraining.objects.select_for_update().get(pk=row.pk)
        if locked.decision != Decision.OPEN:
            return locked
        if better and select.deployed_run(row.catalog_id) != row.against_id:
            better, reason = False, _overtaken(row)
        if better and row.run is not None:
            deploying.deploy_run(run=row.run)
        locked.decision, locked.reason = (Decision.DEPLOYED if better else Decision.KEPT), reason[:500]
        locked.decided = timezone.now()
        locked.save(update_fields=["decision", "reason", "decided"])
    return locked


def _judged(row: Retraining) -> tuple[bool, str]:
    if row.run is None or row.against is None:
        return False, "A run of the two was deleted."
    if row.run.status != Run.Status.SUCCEEDED:
        return False, f"{row.run} did not end well: {row.run.error or row.run.get_status_display()}"
    if select.deployed_run(row.catalog_id) != row.against_id:
        return False, _overtaken(row)
    found = compared(run=row.run, against=row.against)
    better = found.difference > 0 and found.p < LEVEL
    return better, _words(row.run, row.against, found, better)


def _overtaken(row: Retraining) -> str:
    return f"Another run was put into service while {row.run} was trained and compared."


def _words(run: Run, against: Run, found: Comparison, better: bool) -> str:
    figures = f"NDCG@10 {found.difference:+.4f} ({found.low:+.4f} to {found.high:+.4f}, p {found.p:.3f})"
    asked = f"on the same {found.people:,} people"
    if better:
        return f"{run} is better than {against} {asked}: {figures}."
    if found.difference > 0:
        return f"{run} is not surely better than {against} {asked}: {figures}."
    return f"{run} is not better than {against} {asked}: {figures}."


def compared(*, run: Run, against: Run) -> Comparison:
    """`run` − `against`, person by person, on what is held out of `run`'s data. Raises Conflict without checkpoints."""
    content, other = (_measured(each) for each in (run, against))
    text = any(parents.needs_text(each, made.config) for each, made in ((run, content), (against, other)))
    dataset = load_dataset(catalog_id=run.catalog_id, bounds=Bounds(**content.extra["bounds"]), text=text)
    dataset, _ = preparing.prepared(run=run, dataset=dataset)
    tables = [_table(made.restore(), made.items, dataset) for made in (content, other)]
    return compare(tables[0], tables[1], METRIC)


def _measured(run: Run) -> Any:
    found = checkpoints.load_checkpoint(run_id=run.pk, purpose=Checkpoint.Purpose.MEASURED)
    if found is None:
        raise Conflict(f"Run {run.pk} has no measured weights.")
    return found


def _table(model: Recommender, items: IdMap, dataset: Dataset) -> pd.DataFrame:
    asked = leave_last_out(dataset).test
    return evaluate(_Aligned(model, items, dataset.items), asked, dataset, ks=(10,)).per_user  # type: ignore[arg-type]


class _Aligned:
    """A recommender trained on `own` items, asked about `others`: those it does not know come last."""

    def __init__(self, model: Recommender, own: IdMap, others: IdMap) -> None:
        self.model, self.name, self.n_items = model, model.name, len(others)
        self.to_own = own.positions(others.keys)

    def score(self, histories: Histories, **_: Any) -> Float:
        known = self.to_own >= 0
        at = self.to_own[histories.items]
        read = replace(histories.keep(at >= 0), items=at[at >= 0])
        scores = self.model.score(read)
        if not np.isfinite(scores).all():
            raise RecommenderError(f"{self.name} gave scores that are not finite.")
        found = np.full((len(histories), self.n_items), np.finfo(np.float32).min, dtype=np.float32)
        found[:, known] = scores[:, self.to_own[known]]
        return found


def latest(*, catalog: Catalog, count: int = 10) -> Sequence[Retraining]:
    return list(Retraining.objects.filter(catalog=catalog).select_related("run", "against")[:count])
