"""Examinations: many explanations of one run together, carried out by a worker under a lease.

Whoever wants one worked on calls explain.tasks; what each kind does lies in a module of its own and is imported when a
worker takes it up, so that a page does not pay for torch.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import IO, Any

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from explain.models import Examination
from recommender.algorithms import registry
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, EndUser, Run
from recommender.services import work
from recommender.services.leases import Lease
from recommender.services.progress import Progress

CARRIED_OUT: dict[str, str] = {
    "trust": "explain.services.trust:carry_out",
    "global": "explain.services.overall:carry_out",
    "bulk": "explain.services.bulk:carry_out",
}
"""By kind: `carry_out(row, told) -> Done`, where `told` is a `Progress`."""
READ: dict[str, str] = {"trust": "explain.services.trust:read"}
"""By kind: what raises BadInput for settings that mean nothing, where reading them loads nothing heavy."""
GONE = "Its rows about people were deleted because someone in them was erased; examine again."


class Done:
    """What an examination found: `results` as JSON can hold them; `content` the bytes of its file, if it has one, or a
    temporary file that holds them and is closed once they are kept; `ending` of the file's name."""

    def __init__(
        self,
        results: Mapping[str, Any],
        *,
        people: int,
        content: bytes | IO[bytes] | None = None,
        ending: str = "parquet",
    ) -> None:
        self.results, self.people, self.content, self.ending = dict(results), people, content, ending


def create_examination(
    *, run: Run, kind: str, settings: Mapping[str, Any] | None = None, by: Any = None
) -> Examination:
    """An examination that waits. Raises BadInput (field kind), Conflict while the run is not done."""
    if kind not in CARRIED_OUT:
        raise BadInput(f"An examination is one of: {', '.join(CARRIED_OUT)}.", field="kind")
    if run.status != Run.Status.SUCCEEDED:
        raise Conflict(f"Run {run.pk} is {run.get_status_display()}; its explanations can be examined once it is done.")
    if not registry.ranks(run.algorithm):
        raise Conflict(f"Run {run.pk} makes no lists: {run.algorithm} only predicts ratings.")
    row = {"run": run, "kind": kind, "settings": dict(settings or {}), "created_by": by, "phase": "waiting"}
    return Examination.objects.create(**row)


def check_settings(*, kind: str, settings: Mapping[str, Any]) -> None:
    """Say what is wrong with settings before anyone waits for a worker. Raises BadInput naming the field."""
    if kind in READ:
        module, _, function = READ[kind].partition(":")
        getattr(import_module(module), function)(settings)


def cancel_examination(*, examination: Examination) -> None:
    """Stop one that waits at once, one that is worked on within seconds. Raises Conflict where it is over."""
    if not work.stop(row=examination):
        raise Conflict("This examination is over; there is nothing to cancel.")


def execute_examination(*, examination_id: int) -> bool:
    """Carry one out, as work.execute."""
    return work.execute(kind=Examination, row_id=examination_id, do=_carry_out)


def _carry_out(lease: Lease) -> None:
    row = Examination.objects.select_related("run__catalog").get(pk=lease.run_id)
    module, _, function = CARRIED_OUT[row.kind].partition(":")
    done: Done = getattr(import_module(module), function)(row, Progress(lease))
    path = ""
    if done.content is not None:
        name = f"runs/{row.run_id}/examinations/{row.pk}-{uuid.uuid4().hex}.{done.ending}"
        path = _stored(name, done.content)
    try:
        work.succeeded(lease, results=done.results, people=done.people, path=path)
    except BaseException:
        if path:
            default_storage.delete(path)
        raise


def _stored(name: str, content: bytes | IO[bytes]) -> str:
    """The path in the storage."""
    if isinstance(content, bytes):
        return default_storage.save(name, ContentFile(content))
    with content:
        return default_storage.save(name, File(content))


def forget_people(*, catalog: Catalog, user_ids: list[int]) -> None:
    """Delete what a catalog's examinations hold of people, some of whom are erased, and their ids where files were
    asked for by name. Figures about many people together stay. Called inside the erasure's transaction."""
    ids = set(EndUser.objects.filter(catalog=catalog, pk__in=user_ids).values_list("client_id", flat=True))
    if not ids:
        return
    drop_files(catalog=catalog)
    named = Examination.objects.filter(run__catalog=catalog, kind=Examination.Kind.BULK, settings__users__isnull=False)
    for row in named.select_for_update(of=("self",)).order_by("pk"):
        users = row.settings["users"]
        if users and ids & set(users):
            row.settings["users"] = [each for each in users if each not in ids]
            row.save(update_fields=["settings"])


def drop_files(*, catalog: Catalog) -> None:
    """Delete the files of a catalog's examinations; those being made begin anew, which comes first, so that none can
    name its file once the files were looked for. Called again after the erasure: one that a worker took up before its
    commit still read who is erased."""
    mine = Examination.objects.filter(run__catalog=catalog)
    mine.filter(status=Run.Status.RUNNING).update(worker="", status=Run.Status.QUEUED, phase="waiting")
    for row in mine.exclude(path=""):
        Examination.objects.filter(pk=row.pk).update(path="", error=GONE)
        transaction.on_commit(partial(default_storage.delete, row.path))


@receiver(post_delete, sender=Examination)
def remove_file(instance: Examination, **_: object) -> None:
    if instance.path:
        transaction.on_commit(partial(default_storage.delete, instance.path))
