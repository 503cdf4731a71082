"""Reads of runs: one by id, those of a catalog, the live and the deployed ones, and how old the data are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, Max, OuterRef, QuerySet, Subquery
from django.utils import timezone

from recommender.exceptions import BadInput
from recommender.models import Catalog, Deployment, EndUser, Interaction, Item, Run


def get_run(*, run_id: int, catalog: Catalog | None = None) -> Run:
    """The run, of `catalog` where one is given. Raises BadInput (field run) where there is none."""
    found = Run.objects.select_related("catalog").filter(pk=run_id)
    if catalog is not None:
        found = found.filter(catalog=catalog)
    run = found.first() if abs(run_id) < 2**63 else None
    if run is None:
        raise BadInput(f"There is no run {run_id}{f' in {catalog.name}' if catalog else ''}.", field="run")
    return run


def get_catalog(*, name: str) -> Catalog:
    """The catalog called `name`. Raises BadInput (field catalog) naming those there are."""
    catalog = Catalog.objects.filter(name=name).first()
    if catalog is None:
        known = ", ".join(Catalog.objects.values_list("name", flat=True)) or "none yet, import data first"
        raise BadInput(f"There is no catalog “{name}”. Known: {known}.", field="catalog")
    return catalog


def catalog_runs(*, catalog: Catalog) -> QuerySet[Run]:
    """A catalog's runs, newest first, without their long columns."""
    return catalog.runs.defer("traceback", "curve").order_by("-id")


def measured_runs(*, catalog: Catalog) -> QuerySet[Run]:
    """A catalog's finished runs with metrics, newest first: the leaderboard's rows."""
    return catalog_runs(catalog=catalog).filter(status=Run.Status.SUCCEEDED).exclude(person_metrics="")


def deployed_run(*, catalog: Catalog) -> Run | None:
    """What serves in `catalog` now: the run of the latest deployment."""
    latest = Deployment.objects.filter(catalog=catalog).select_related("run").order_by("-id").first()
    return latest.run if latest else None


def live_runs() -> list[dict[str, Any]]:
    """Runs that wait or are worked on, the oldest first, as plain values."""
    found = Run.objects.filter(status__in=Run.LIVE).select_related("catalog").defer("traceback", "curve").order_by("id")
    return [
        {
            "run": run.pk,
            "catalog": run.catalog.name,
            "algorithm": run.algorithm,
            "status": run.status,
            "phase": run.phase,
            "progress": round(run.progress, 4),
            "finishes": _text(run.finishes),
            "heartbeat_age": _age(run.heartbeat) if run.status == Run.Status.RUNNING else None,
        }
        for run in found
    ]


def deployed_runs() -> list[dict[str, Any]]:
    """What serves in each catalog that has a deployment, and the ages of its deployment and of its model."""
    latest = Deployment.objects.filter(catalog=OuterRef("pk")).order_by("-id").values("pk")[:1]
    ids = Catalog.objects.annotate(latest=Subquery(latest)).values_list("latest", flat=True)
    found = Deployment.objects.filter(pk__in=[pk for pk in ids if pk]).select_related("run", "catalog")
    return [
        {
            "catalog": each.catalog.name,
            "run": each.run_id,
            "algorithm": each.run.algorithm,
            "deployed": _text(each.created),
            "deployed_age": _age(each.created),
            "trained": _text(each.run.finished),
            "model_age": _age(each.run.finished),
        }
        for each in found.order_by("catalog__name")
    ]


def data_age(*, catalog: Catalog) -> dict[str, Any]:
    """Sizes of a catalog, when its newest interaction happened and when the last one arrived."""
    facts = Interaction.objects.filter(catalog=catalog).aggregate(
        count=Count("id"), newest=Max("time"), received=Max("received")
    )
    return {
        "catalog": catalog.name,
        "users": EndUser.objects.filter(catalog=catalog).count(),
        "items": Item.objects.filter(catalog=catalog).count(),
        "interactions": facts["count"],
        "newest": _text(facts["newest"]),
        "newest_age": _age(facts["newest"]),
        "received": _text(facts["received"]),
        "received_age": _age(facts["received"]),
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _age(moment: datetime | None) -> float | None:
    """Seconds since."""
    return round((timezone.now() - moment).total_seconds(), 1) if moment else None
