"""Taking people who are gone out of files: metrics per person, and weights of recommenders that remember people."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection
from dataclasses import replace
from typing import cast

import numpy as np
from django.db import transaction

from recommender.algorithms import checkpoint as codec
from recommender.algorithms import registry
from recommender.algorithms.base import Remembering
from recommender.exceptions import BadCheckpoint, Conflict
from recommender.models import Checkpoint, EndUser, Measurement, Run
from recommender.services import checkpoints, evaluating

logger = logging.getLogger(__name__)


def forget_everywhere(*, catalog_id: int, user_ids: Collection[int]) -> None:
    """Take people out of a catalog's metrics and weights. Called within a transaction, as `forget_people` is."""
    if not user_ids:
        return
    for run in Run.objects.filter(catalog_id=catalog_id).exclude(person_metrics="").select_for_update().order_by("pk"):
        _forget_metrics(run, user_ids)
    found = Measurement.objects.filter(run__catalog_id=catalog_id).exclude(person_metrics="")
    for measurement in found.select_for_update(of=("self",)).order_by("pk"):
        _forget_metrics(measurement, user_ids)
    forget_people(catalog_id=catalog_id, user_ids=user_ids)


def _forget_metrics(run: Run | Measurement, user_ids: Collection[int]) -> None:
    try:
        evaluating.forget_people(run=run, user_ids=user_ids)
    except Conflict as error:  # the file is gone, and with it what was to be erased
        logger.warning("Erasing people: %s", error)


def forget_people(*, catalog_id: int, user_ids: Collection[int]) -> None:
    """Rewrite the checkpoints of a catalog's runs that remember any of these people. Called within a transaction:
    should it fail, the old files are still there."""
    for run in Run.objects.filter(catalog_id=catalog_id, algorithm__in=registry.REMEMBERING).order_by("pk"):
        _forget(run.pk, user_ids)


def forget_erased(*, run_id: int) -> None:
    """Take people out who were erased while the run trained. Called once a row names the checkpoint: an erasure
    before that is seen here, a later one finds the checkpoint itself."""
    run = Run.objects.get(pk=run_id)
    if run.algorithm not in registry.REMEMBERING:
        return
    with transaction.atomic():
        there = EndUser.objects.filter(catalog_id=run.catalog_id).values_list("id", flat=True)
        _forget(run_id, None, there=np.fromiter(there, dtype=np.int64))


def _forget(run_id: int, gone: Collection[int] | None, there: np.ndarray | None = None) -> None:
    """Drop `gone`, or all who are not `there`, from every checkpoint of a run."""
    Run.objects.select_for_update().get(pk=run_id)  # one that rewrites a checkpoint at a time
    for row in Checkpoint.objects.filter(run_id=run_id):
        try:
            content = checkpoints.load_checkpoint(run_id=run_id, purpose=row.purpose)
        except BadCheckpoint as error:  # damaged or gone, and with it what was to be erased
            logger.warning("Erasing people: %s", error)
            continue
        if content is None or "people" not in content.state:
            continue
        people = content.state["people"]
        leaving = ~np.isin(people, there) if gone is None else np.isin(people, list(gone))
        if leaving.any():
            model = cast(Remembering, content.restore()).forget(people[leaving])
            _rewrite(row, replace(content, state=model.state()))  # type: ignore[attr-defined]


def _rewrite(row: Checkpoint, content: codec.Checkpoint) -> None:
    """The row names the new files from the moment the transaction ends; then the old ones go."""
    tensors, about = codec.dump(content)
    old, row.path = row.path, f"runs/{row.run_id}/{row.purpose}-{uuid.uuid4().hex}"
    checkpoints.put(f"{row.path}/{checkpoints.WEIGHTS}", tensors)
    checkpoints.put(f"{row.path}/{checkpoints.ABOUT}", about)
    row.size = len(tensors) + len(about)
    row.save(update_fields=["path", "size"])
    transaction.on_commit(lambda: checkpoints.remove_folder(old))
