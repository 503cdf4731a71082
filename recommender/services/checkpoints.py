"""Checkpoints in the storage: written to a new folder, then named by a row, then the old folder goes.

Killed anywhere, the row names a complete checkpoint; at worst an unnamed folder is left.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from recommender.algorithms import checkpoint as codec
from recommender.exceptions import BadCheckpoint
from recommender.models import Checkpoint, Run

WEIGHTS, ABOUT = "weights.safetensors", "about.json"


def save_checkpoint(
    *, run_id: int, purpose: str, phase: str, epoch: int, content: codec.Checkpoint, together: Callable[[], None]
) -> None:
    """Keep `content` as the run's checkpoint for `purpose`, in place of the one there was.

    `together` runs in the transaction that names the new one (it writes what must agree with it) and may raise
    LeaseLost or Cancelled; then nothing changes.
    """
    tensors, about = codec.dump(content)
    folder = f"runs/{run_id}/{purpose}-{uuid.uuid4().hex}"
    put(f"{folder}/{WEIGHTS}", tensors)
    put(f"{folder}/{ABOUT}", about)
    try:
        with transaction.atomic():
            together()
            old = Checkpoint.objects.filter(run_id=run_id, purpose=purpose).values_list("path", flat=True).first()
            named = {"phase": phase, "epoch": epoch, "path": folder, "size": len(tensors) + len(about)}
            Checkpoint.objects.update_or_create(run_id=run_id, purpose=purpose, defaults=named)
    except BaseException:
        remove_folder(folder)
        raise
    if old:
        remove_folder(old)


def load_checkpoint(*, run_id: int, purpose: str) -> codec.Checkpoint | None:
    """The run's checkpoint for `purpose`, or None. Raises BadCheckpoint where its files are missing or damaged."""
    row = Checkpoint.objects.filter(run_id=run_id, purpose=purpose).first()
    if row is None:
        return None
    try:
        tensors, about = (take(f"{row.path}/{name}") for name in (WEIGHTS, ABOUT))
    except OSError as error:
        raise BadCheckpoint(f"The files of run {run_id}'s checkpoint are missing from the storage.") from error
    return codec.load(tensors, about)


def remove_checkpoint(*, run_id: int, purpose: str) -> None:
    """Forget the run's checkpoint for `purpose`, if there is one."""
    for row in Checkpoint.objects.filter(run_id=run_id, purpose=purpose):
        row.delete()
        remove_folder(row.path)


def put(path: str, content: bytes) -> None:
    """Write a file whose name nobody else uses."""
    default_storage.save(path, ContentFile(content))


def take(path: str) -> bytes:
    """The content of a file. Raises OSError where it is missing."""
    with default_storage.open(path, "rb") as file:
        return bytes(file.read())


def sweep(*, run_id: int) -> None:
    """Remove what a run left in the storage that no row names: folders written just before its worker was killed."""
    home = f"runs/{run_id}"
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run_id)  # an erasure that is just writing a file has it locked
        measured = run.measurements.values_list("person_metrics", flat=True)
        named = {run.person_metrics, *measured, *run.checkpoints.values_list("path", flat=True)}
        try:
            folders, files = default_storage.listdir(home)
        except (FileNotFoundError, NotImplementedError):
            return
        for folder in folders:
            if f"{home}/{folder}" not in named:
                remove_folder(f"{home}/{folder}")
        for file in files:
            if f"{home}/{file}" not in named:
                default_storage.delete(f"{home}/{file}")


def remove_folder(folder: str) -> None:
    """Remove a checkpoint's folder; storages without folders only have its files."""
    for name in (WEIGHTS, ABOUT, ""):
        default_storage.delete(f"{folder}/{name}".rstrip("/"))
