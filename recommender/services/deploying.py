"""Putting a run into service, and getting at what a finished run has learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from recommender.algorithms import registry
from recommender.algorithms.base import Recommender
from recommender.data.dataset import IdMap
from recommender.exceptions import Conflict
from recommender.models import Catalog, Checkpoint, Deployment, Run
from recommender.services import audit
from recommender.services.checkpoints import load_checkpoint


@dataclass(frozen=True)
class Served:
    """A recommender that has learned from everything. Column j of its scores is the item with key `items.keys[j]`;
    `path` names the files it came from. Where it can score items that came later (services.extending), the first
    `trained` columns are those it learned from, `version` is that of the catalogue in which the later ones were looked
    up, and `later` tells them apart."""

    run_id: int
    algorithm: str
    model: Recommender
    items: IdMap
    path: str = ""
    trained: int = 0
    version: int | None = None
    later: str = ""


def deploy_run(*, run: Run, by: Any = None) -> Deployment:
    """Let `run` serve its catalog from now on. Raises Conflict for a run that has not ended well or
    only predicts ratings."""
    with transaction.atomic():
        locked = Run.objects.select_for_update().get(pk=run.pk)
        _require_final(locked)
        if not registry.ranks(locked.algorithm):
            raise Conflict(f"Run {run.pk} cannot serve: {locked.algorithm} predicts ratings and makes no lists.")
        audit.note(catalog=locked.catalog, login=by, action="deployment", subject=str(locked))
        return Deployment.objects.create(catalog=locked.catalog, run=locked, created_by=by)


def deploy_previous(*, catalog: Catalog, by: Any = None) -> Deployment:
    """Put the run that served before the present one back into service. Raises Conflict where there was none."""
    with transaction.atomic():
        Catalog.objects.select_for_update().get(pk=catalog.pk)  # two clicks at once go one after the other
        before = previous_run(catalog=catalog)
        if before is None:
            raise Conflict(f"No other run served {catalog} before. Put one into service: deploy --run ID.")
        _require_final(before)
        audit.note(catalog=catalog, login=by, action="return", subject=str(before))
        return Deployment.objects.create(catalog=catalog, run=before, created_by=by)


def previous_run(*, catalog: Catalog) -> Run | None:
    """The run that served before the one that serves now."""
    served = Deployment.objects.filter(catalog=catalog).order_by("-id")
    now = served.values_list("run_id", flat=True).first()
    found = served.exclude(run_id=now).select_related("run").first()
    return found.run if found else None


def load_final(*, run: Run) -> Served:
    """What serves and exports: the recommender trained on everything, with the keys of its items.

    Histories given to it must be in positions of `items` (selectors.dataset.load_histories makes them so). Raises
    Conflict for a run that has not ended well, BadCheckpoint where its files are missing or damaged.
    """
    _require_final(run)
    path = final_path(run_id=run.pk)  # before the content: should that be rewritten meanwhile, it counts as outdated
    content = load_checkpoint(run_id=run.pk, purpose=Checkpoint.Purpose.FINAL)
    if content is None:
        raise Conflict(f"Run {run.pk} has no final checkpoint; train it again.")
    return Served(run.pk, run.algorithm, content.restore(), content.items, path)


def outdated(served: Served) -> bool:
    """Whether someone whom the recommender remembers may have been erased since it was loaded."""
    return served.algorithm in registry.REMEMBERING and served.path != final_path(run_id=served.run_id)


def final_path(*, run_id: int) -> str:
    found = Checkpoint.objects.filter(run_id=run_id, purpose=Checkpoint.Purpose.FINAL)
    return found.values_list("path", flat=True).first() or ""


def _require_final(run: Run) -> None:
    if run.status != Run.Status.SUCCEEDED:
        raise Conflict(f"Run {run.pk} cannot serve: it is {run.get_status_display()}. Choose a run that is done.")
    if not run.checkpoints.filter(purpose=Checkpoint.Purpose.FINAL).exists():
        raise Conflict(f"Run {run.pk} has no final checkpoint; train it again.")
