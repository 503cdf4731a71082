"""Sweeps of remedies: asked for and cancelled here, carried out by a worker under a lease, shown as far as a login may
see them, and one of their points saved as a run. Whoever wants one worked on calls explain.tasks.

What is measured at each strength lies in a module of its own and is imported when a worker takes a sweep up, so that a
page does not pay for torch.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from explain.models import RemedySweep
from explain.services import sweepable
from recommender.algorithms import registry
from recommender.exceptions import BadInput, Conflict
from recommender.models import Attribute, Catalog, Checkpoint, Run
from recommender.services import training, work
from recommender.services.leases import Lease
from recommender.services.progress import Progress
from recommender.services.remedies import RERANKED

MOST_STRENGTHS = 12
NUMBERS: dict[str, tuple[int, int, int]] = {
    "k": (10, 1, 100), "pool": (1000, 10, 5000), "resamples": (2000, 200, 20_000), "seed": (0, 0, 2**31 - 1),
}  # fmt: skip
"""By setting: what it is without, least, most."""
OWN_CLASSES = ("categories", "creators", "popularity")
ACTIVITY = "activity"
RUNS, SAVED = "runs", "saved"
"""Among the settings of a sweep: runs trained for it, and runs its points were saved as, by strength."""
GONE = "Its rows per person were deleted because someone in them was erased; sweep again to compare by person."


@dataclass(frozen=True)
class Swept:
    """What is asked of a sweep, every setting spelled out; `strengths` ascending, 0 first."""

    remedy: sweepable.Sweepable
    strengths: tuple[float, ...]
    by: str
    groups: str
    k: int
    pool: int
    resamples: int
    seed: int

    def config(self, run: Run, strength: float) -> tuple[str, dict[str, Any]]:
        """Algorithm and settings of the run that has this remedy at this strength."""
        if not self.remedy.trained:
            own = {"of": run.algorithm, "remedy": self.remedy.name, "strength": strength, "by": self.by,
                   "groups": self.groups, "k": self.k, "pool": self.pool}  # fmt: skip
            return RERANKED, own
        given = {"group_objective": self.remedy.objective, "group_strength": strength, "groups": self.groups}
        return run.algorithm, run.config | given


def read(*, run: Run, remedy: str, settings: Mapping[str, Any]) -> Swept:
    """Raises BadInput or BadConfig, naming the field."""
    found = sweepable.named(remedy)
    numbers = {name: _whole(name, settings.get(name)) for name in NUMBERS}
    asked = Swept(
        found, _strengths(settings.get("strengths"), found), str(settings.get("by") or OWN_CLASSES[0]),
        str(settings.get("groups") or ""), **numbers,
    )  # fmt: skip
    _check(asked, run)
    for strength in asked.strengths[1:]:
        algorithm, config = asked.config(run, strength)
        registry.config_class(algorithm).from_mapping(config)
    return asked


def _check(asked: Swept, run: Run) -> None:
    """Raise BadInput, naming the field, where the settings do not fit the catalog or the run."""
    if asked.by not in classes_of(run.catalog):
        raise BadInput(f"Items cannot be classed by “{asked.by}”; they can by: {', '.join(classes_of(run.catalog))}.",
                       field="by")  # fmt: skip
    if asked.groups and asked.groups not in groups_of(run.catalog):
        raise BadInput(f"There are no groups of people by “{asked.groups}”; there are by: "
                       f"{', '.join(groups_of(run.catalog))}.", field="groups")  # fmt: skip
    if asked.remedy.trained and not sweepable.weighs_groups(run):
        raise BadInput(f"The training of {run.algorithm} cannot look at groups of people; choose a remedy that "
                       "re-ranks, or another recommender.", field="remedy")  # fmt: skip
    if asked.remedy.trained and run.config.get("group_objective", "none") != "none":
        raise BadInput(f"The training of run {run.pk} looks at groups of people already; choose one that does not, to "
                       "compare with.", field="run")  # fmt: skip
    if asked.remedy.trained and not asked.groups:
        raise BadInput("Name the groups of people that the training looks at.", field="groups")


def _whole(name: str, given: Any) -> int:
    usual, low, high = NUMBERS[name]
    said = str(usual if given in (None, "") else given)
    if not said.isdecimal() or len(said) > len(str(high)) or not low <= int(said) <= high:
        raise BadInput(f"{name} takes a whole number from {low:,} to {high:,}.", field=name)
    return int(said)


def _strengths(given: Any, remedy: sweepable.Sweepable) -> tuple[float, ...]:
    """From a list of numbers, or "0.1, 0.3"; the remedy's own where nothing is given. 0 is always among them."""
    parts = given.replace(",", " ").split() if isinstance(given, str) else given or remedy.grid
    try:
        found = sorted({as_named(float(part)) for part in parts} | {0.0})
    except (TypeError, ValueError):
        raise BadInput("strengths takes numbers, such as 0.1, 0.3.", field="strengths") from None
    if not all(0 <= each < float("inf") for each in found):
        raise BadInput("strengths takes numbers from 0.", field="strengths")
    if not 2 <= len(found) <= MOST_STRENGTHS:
        raise BadInput(f"Give 1 to {MOST_STRENGTHS - 1} strengths above 0.", field="strengths")
    return tuple(found)


def as_named(strength: float) -> float:
    """To the six digits by which addresses and the sweep's settings name it, so that no two share a name; no −0."""
    return float(f"{strength:g}") + 0.0


def classes_of(catalog: Catalog) -> list[str]:
    """By what items can be classed: what recommenders may read of them."""
    declared = Attribute.objects.filter(
        catalog=catalog, scope=Attribute.Scope.ITEM, type=Attribute.Type.CATEGORY, sensitive=False, feature=True
    )
    return [*OWN_CLASSES, *declared.order_by("name").values_list("name", flat=True)]


def groups_of(catalog: Catalog) -> list[str]:
    declared = Attribute.objects.filter(catalog=catalog, scope=Attribute.Scope.USER)
    return [*declared.order_by("name").values_list("name", flat=True), ACTIVITY]


def create_sweep(*, run: Run, remedy: str, settings: Mapping[str, Any] | None = None, by: Any = None) -> RemedySweep:
    """A sweep that waits. Raises BadInput naming the field, Conflict where the run cannot be swept."""
    if run.status != Run.Status.SUCCEEDED:
        raise Conflict(f"Run {run.pk} is {run.get_status_display()}; remedies can be tried on it once it is done.")
    if not registry.ranks(run.algorithm):
        raise Conflict(f"Run {run.pk} makes no lists: {run.algorithm} only predicts ratings.")
    asked = read(run=run, remedy=remedy, settings=settings or {})
    if not run.checkpoints.filter(purpose=Checkpoint.Purpose.MEASURED).exists():
        raise Conflict(f"The weights that run {run.pk} was measured by are gone; train it again to try remedies on it.")
    kept = {"strengths": list(asked.strengths), "by": asked.by, "groups": asked.groups,
            **{name: getattr(asked, name) for name in NUMBERS}}  # fmt: skip
    return RemedySweep.objects.create(run=run, remedy=remedy, settings=kept, created_by=by, phase="waiting")


def cancel_sweep(*, sweep: RemedySweep, by: Any = None) -> None:
    """Stop one that waits at once, one that is worked on within seconds, with the training that goes on for it. Raises
    Conflict where it is over."""
    if not work.stop(row=sweep):
        raise Conflict("This sweep is over; there is nothing to cancel.")
    ids = (sweep.settings.get(RUNS) or {}).values()
    for run in Run.objects.filter(catalog=sweep.run.catalog, pk__in=list(ids), status__in=Run.LIVE):
        with suppress(Conflict):  # it has just ended
            training.cancel_run(run=run, by=by)


def execute_sweep(*, sweep_id: int) -> bool:
    """Carry one out, as work.execute."""
    return work.execute(kind=RemedySweep, row_id=sweep_id, do=_carry_out)


def _carry_out(lease: Lease) -> None:
    row = RemedySweep.objects.select_related("run__catalog").get(pk=lease.run_id)
    asked = read(run=row.run, remedy=row.remedy, settings=row.settings)
    results, table = import_module("explain.services.swept").carried_out(row, asked, Progress(lease))
    path = _stored(row, table)
    try:
        work.succeeded(lease, results=results, people=results["about"]["people"], path=path)
    except BaseException:
        default_storage.delete(path)
        raise


def _stored(row: RemedySweep, table: Any) -> str:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return default_storage.save(f"sweeps/{row.pk}-{uuid.uuid4().hex}.parquet", ContentFile(buffer.getvalue()))


def remember(*, row: RemedySweep, part: str, strength: float, run: Run) -> None:
    """Note in a sweep's settings that `run` belongs to one of its strengths."""
    with transaction.atomic():
        kept = RemedySweep.objects.select_for_update(of=("self",)).get(pk=row.pk)
        kept.settings[part] = {**(kept.settings.get(part) or {}), f"{strength:g}": run.pk}
        kept.save(update_fields=["settings"])
    row.settings = kept.settings


def run_at(row: RemedySweep, strength: float) -> Run | None:
    """The run of a point: the one that was trained for it, or that it was saved as; the base run at strength 0."""
    if strength == 0:
        return row.run
    for part in (RUNS, SAVED):
        if pk := (row.settings.get(part) or {}).get(f"{strength:g}"):
            found = Run.objects.filter(catalog=row.run.catalog_id, pk=pk).first()
            if found is not None:
                return found
    return None


def save_point(*, row: RemedySweep, strength: float, by: Any = None) -> tuple[Run, bool]:
    """The run that has a sweep's remedy at one of its strengths, and whether it was made now; then it waits for a
    worker. Raises BadInput (field strength) where the sweep has no such point."""
    known = [point["strength"] for point in row.results.get("points", [])]
    if strength not in known:
        raise BadInput(f"This sweep has no strength {strength:g}; it has {', '.join(f'{each:g}' for each in known)}.",
                       field="strength")  # fmt: skip
    with transaction.atomic():
        locked = RemedySweep.objects.select_for_update(of=("self",)).select_related("run__catalog").get(pk=row.pk)
        there = run_at(locked, strength)
        if there is not None and there.status not in (Run.Status.FAILED, Run.Status.CANCELLED):
            return there, False
        made = made_run(locked, read(run=locked.run, remedy=locked.remedy, settings=locked.settings), strength, by=by)
        remember(row=locked, part=SAVED, strength=strength, run=made)
    row.settings = locked.settings
    return made, True


def made_run(row: RemedySweep, asked: Swept, strength: float, *, by: Any = None) -> Run:
    """A run with the remedy, made of the sweep's run or trained as it was, on the same rows."""
    run = row.run
    algorithm, config = asked.config(run, strength)
    if not asked.remedy.trained:
        config |= {"parents": [run.pk]}
    elif hasattr(registry.get(algorithm), "parents"):
        config |= {"parents": list(run.parents.filter(catalog=run.catalog_id).values_list("pk", flat=True))}
    return training.create_run(
        catalog=run.catalog, algorithm=algorithm, config=config, seed=run.seed, by=by, like=run,
        preparation=run.preparation, bounds=run.bounds,
    )  # fmt: skip


def visible(results: Mapping[str, Any], sensitive: bool, now: Collection[str] = ()) -> dict[str, Any]:
    """What a login may see: without the right, nothing by a sensitive attribute; `now`: names of those that are
    declared so today."""
    if sensitive or not results:
        return dict(results)
    figures = [each for each in results["figures"] if not each["sensitive"] and each["grouping"] not in now]
    kept = {each["key"] for each in figures}
    points = [
        point | {"disparities": {key: each for key, each in point["disparities"].items() if key in kept}}
        for point in results["points"]
    ]
    groupings = [each for each in results["groupings"] if not each["sensitive"] and each["name"] not in now]
    return dict(results) | {"figures": figures, "points": points, "groupings": groupings}


def drop_files(*, catalog: Catalog) -> None:
    """Delete the rows per person of a catalog's sweeps; those being made begin anew, which comes first, so that none
    can name its file once the files were looked for."""
    mine = RemedySweep.objects.filter(run__catalog=catalog)
    mine.filter(status=Run.Status.RUNNING).update(worker="", status=Run.Status.QUEUED, phase="waiting")
    for row in mine.exclude(path=""):
        RemedySweep.objects.filter(pk=row.pk).update(path="", error=GONE)
        transaction.on_commit(partial(default_storage.delete, row.path))


@receiver(post_delete, sender=RemedySweep)
def remove_file(instance: RemedySweep, **_: object) -> None:
    if instance.path:
        transaction.on_commit(partial(default_storage.delete, instance.path))
