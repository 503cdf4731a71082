"""Audits of disparities: asked for and cancelled here, carried out by a worker under a lease, and shown as far as a
login may see them. Whoever wants one worked on calls explain.tasks.

What each source is made of lies in a module of its own and is imported when a worker takes it up, so that a page does
not pay for torch.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

import pandas as pd
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from explain.fairness.base import Asked
from explain.fairness.summary import summary
from explain.models import DisparityAudit, DisparityPlan
from explain.services import planning
from recommender.algorithms import registry
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, Run
from recommender.services import grouping, work
from recommender.services.leases import Lease
from recommender.services.progress import Progress

MATERIAL: dict[str, str] = {
    "held-out": "explain.services.audited_held_out:material",
    "served": "explain.services.audited_served:material",
}
"""By source: `material(row, groups, asked, progress) -> Material`."""
NUMBERS: dict[str, tuple[int, int]] = {"k": (1, 100), "resamples": (200, 20_000), "permutations": (200, 20_000),
                                       "seed": (0, 2**31 - 1), "weeks": (1, 104)}  # fmt: skip
GONE = "Its rows per person were deleted because someone in them was erased; audit again to compare by person."
NONE_YET = "Audits of {source} data cannot be made here; there are those of: {known}."


def create_audit(
    *, catalog: Catalog, run: Run | None = None, source: str = "held-out", settings: Mapping[str, Any] | None = None,
    plan: DisparityPlan | None = None, by: Any = None,
) -> DisparityAudit:  # fmt: skip
    """An audit that waits. Raises BadInput naming the field, Conflict while the run cannot be audited."""
    if source not in MATERIAL:
        raise BadInput(NONE_YET.format(source=source, known=", ".join(MATERIAL)), field="source")
    asked_of(settings or {})
    if run is None and source == DisparityAudit.Source.HELD_OUT:
        raise BadInput("Of held-out data an audit looks at the lists of one run; name it.", field="run")
    if run is not None:
        _check(catalog, run)
    row = {"run": run, "source": source, "settings": dict(settings or {}), "plan": plan, "created_by": by}
    return DisparityAudit.objects.create(catalog=catalog, phase="waiting", **row)


def _check(catalog: Catalog, run: Run) -> None:
    if run.catalog_id != catalog.pk:
        raise BadInput(f"{catalog} has no run {run.pk}.", field="run")
    if run.status != Run.Status.SUCCEEDED:
        raise Conflict(f"Run {run.pk} is {run.get_status_display()}; it can be audited once it is done.")
    if not registry.ranks(run.algorithm):
        raise Conflict(f"Run {run.pk} makes no lists: {run.algorithm} only predicts ratings.")


def asked_of(settings: Mapping[str, Any]) -> tuple[list[str] | None, Asked]:
    """The attributes that are looked at (None: all that are declared) and what is asked. Raises BadInput."""
    asked = Asked()
    for name, given in settings.items():
        if name == "groups":
            continue
        if name not in NUMBERS:
            raise BadInput(f"An audit has no setting “{name}”; it has: groups, {', '.join(NUMBERS)}.", field=name)
        low, high = NUMBERS[name]
        said = str(given)
        if not said.isdecimal() or len(said) > len(str(high)) or not low <= int(said) <= high:
            raise BadInput(f"{name} takes a whole number from {low:,} to {high:,}.", field=name)
        if name in vars(asked):  # weeks are for the source to read
            asked = replace(asked, **{name: int(said)})
    groups = settings.get("groups")
    if groups is not None and not (isinstance(groups, list) and all(map(planning.is_name, groups))):
        raise BadInput("groups takes a list of names of attributes.", field="groups")
    return groups, asked


def cancel_audit(*, audit: DisparityAudit) -> None:
    """Stop one that waits at once, one that is worked on within seconds. Raises Conflict where it is over."""
    if not work.stop(row=audit):
        raise Conflict("This audit is over; there is nothing to cancel.")


def execute_audit(*, audit_id: int) -> bool:
    """Carry one out, as work.execute."""
    return work.execute(kind=DisparityAudit, row_id=audit_id, do=_carry_out)


def _carry_out(lease: Lease) -> None:
    row = DisparityAudit.objects.select_related("run__catalog", "catalog").get(pk=lease.run_id)
    groups, asked = asked_of(row.settings)
    told = Progress(lease)
    module, _, function = MATERIAL[row.source].partition(":")
    material = getattr(import_module(module), function)(row, groups, asked, told)
    told.say("comparing groups", 0.6)
    results = import_module("explain.fairness.audit").audit(material, asked)
    results["about"] |= {"data": {"interactions known": len(material.histories.items), **material.data}}
    results["about"] |= {"run_groups": [] if row.run is None else grouping.looked_at(row.run)}
    table = pd.DataFrame(
        {"user": material.users, **{name: material.quality[name] for name in material.quality.columns}}
    )
    path = _stored(row, table)
    try:
        alerts = planning.alerts_of(results, planning.thresholds_of(row.catalog))
        work.succeeded(lease, results=results, people=material.n_people, path=path, alerts=alerts)
    except BaseException:
        default_storage.delete(path)
        raise


def _stored(row: DisparityAudit, table: pd.DataFrame) -> str:
    """The path of the rows in the storage."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return default_storage.save(f"audits/{row.pk}-{uuid.uuid4().hex}.parquet", ContentFile(buffer.getvalue()))


def visible(results: Mapping[str, Any], sensitive: bool, now: Collection[str] = ()) -> dict[str, Any]:
    """What a login may see: without the right, nothing by a sensitive attribute, in figures and words alike; `now`:
    names of those that are declared so today."""
    if sensitive or not results:
        return dict(results)
    kept = [each for each in results["groupings"] if not hidden(each, now)]
    if len(kept) == len(results["groupings"]):
        return dict(results)
    names = {each["name"] for each in kept}
    told = [each for each in results["tests"]["found"] if each["grouping"] in names]
    seen = dict(results) | {"groupings": kept, "tests": results["tests"] | {"found": told}}
    if over := results.get("over_time"):
        weeks = [week | {"gaps": {name: gaps for name, gaps in week["gaps"].items() if name in names}}
                 for week in over["weeks"]]  # fmt: skip
        seen["over_time"] = over | {"weeks": weeks}
    return seen | {"summary": summary(seen)}


def hidden(grouping: Mapping[str, Any], now: Collection[str]) -> bool:
    """Whether a grouping is by something sensitive, when it was made or today."""
    return bool(grouping["sensitive"] or {grouping["name"], *grouping.get("parts", ())} & set(now))


def drop_files(*, catalog: Catalog) -> None:
    """Delete the rows per person of a catalog's audits; those being made begin anew, which comes first, so that none
    can name its file once the files were looked for."""
    mine = DisparityAudit.objects.filter(catalog=catalog)
    mine.filter(status=Run.Status.RUNNING).update(worker="", status=Run.Status.QUEUED, phase="waiting")
    for row in mine.exclude(path=""):
        DisparityAudit.objects.filter(pk=row.pk).update(path="", error=GONE)
        transaction.on_commit(partial(default_storage.delete, row.path))


@receiver(post_delete, sender=DisparityAudit)
def remove_file(instance: DisparityAudit, **_: object) -> None:
    if instance.path:
        transaction.on_commit(partial(default_storage.delete, instance.path))
