"""What runs in the background, and how it gets there: `start_…` makes the row and enqueues once it is committed.

A training is enqueued on the queue `training`, everything else on `default`. Its message is acknowledged when a worker
receives it: what becomes of the run is in the database (see services.leases), and `reap` hands a run whose worker died
to the next one. A message that arrives twice therefore does nothing the second time.

A broker that is away loses nothing: the row is there, that is logged, and `reap` sends the message later.

To make `reap` also take up other work that can die, append a function to `reapers`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from celery import shared_task
from django.core.files import File
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from recommender.exceptions import BadInput, Conflict
from recommender.models import (
    Adaptation,
    AdaptationShard,
    Batch,
    Catalog,
    DataImport,
    Measurement,
    Retraining,
    Run,
    Study,
)
from recommender.services import (
    batches,
    bulk_adaptation,
    encoding,
    health,
    importing,
    impressions,
    leases,
    measuring,
    monitoring,
    parents,
    retention,
    retraining,
    training,
    tuning,
    undoing,
)

logger = logging.getLogger(__name__)
RETRAIN_SECONDS = 60.0
reapers: list[Callable[[], None]] = []
"""Called by every `reap`, in order: each finds work whose worker died and enqueues it again."""


def send(task: Any, row_id: int, *, expires: float | None = None) -> None:
    """Hand a row's work to a worker; what none has taken up after `expires` seconds is dropped."""
    try:
        task.apply_async((row_id,), expires=expires)
    except OperationalError as error:
        logger.warning("%s of %s waits until the broker answers: %s", task.name, row_id, error)


def start_training(
    *,
    catalog: Catalog,
    algorithm: str,
    config: Mapping[str, Any] | None = None,
    seed: int = 0,
    by: Any = None,
    like: Run | None = None,
    preparation: Mapping[str, Any] | None = None,
) -> Run:
    """A run that a worker will take up after its parents; see services.training.create_run for what is raised."""
    run = training.create_run(
        catalog=catalog, algorithm=algorithm, config=config, seed=seed, by=by, like=like, preparation=preparation
    )
    transaction.on_commit(partial(send_with_parents, run.pk))
    return run


def send_with_parents(run_id: int) -> None:
    """Hand a run to the workers, or first the parents it waits for: the last of these to end hands it on."""
    made = [each.pk for each in parents.unfinished_parents(run_id=run_id) if each.made_for_id]
    for each in made or [run_id]:
        send(train, each)


@shared_task(acks_late=False)
def train(run_id: int) -> None:
    """Carry a run out, and hand on what waited for it; does nothing where another worker holds it or it is over."""
    if training.execute_run(run_id=run_id):
        for child in parents.freed_children(run_id=run_id):
            send(train, child)


def start_measurement(*, run: Run, protocol: str, shots: int | None = None, by: Any = None) -> Measurement:
    """A measurement that a worker will take up; see services.measuring.create_measurement for what is raised."""
    row = measuring.create_measurement(run=run, protocol=protocol, shots=shots, by=by)
    transaction.on_commit(partial(send, measure, row.pk))
    return row


@shared_task(acks_late=False)
def measure(measurement_id: int) -> None:
    """Carry a measurement out; does nothing where another worker holds it or it is over."""
    measuring.execute_measurement(measurement_id=measurement_id)


def start_tuning(
    *, catalog: Catalog, algorithm: str, trials: int, only: Sequence[str] = (), seed: int = 0, by: Any = None
) -> Study:
    """A search over settings that a worker will take up; see services.tuning.create_study for what is raised."""
    study = tuning.create_study(catalog=catalog, algorithm=algorithm, trials=trials, only=only, seed=seed, by=by)
    transaction.on_commit(partial(send, tune, study.pk))
    return study


@shared_task(acks_late=False)
def tune(study_id: int) -> None:
    """Carry a search out; does nothing where another worker holds it or it is over."""
    tuning.execute_study(study_id=study_id)


@shared_task
def reap() -> None:
    """Take up what died: a worker that starts asks for it, and beat does twice per lease."""
    for each in reapers:
        try:
            each()
        except Exception:  # what one kind of work suffers from must not keep the others dead
            logger.exception("%s failed", getattr(each, "__name__", each))


@shared_task
def drain_impressions() -> None:
    """Write the impressions that answers left in Redis; beat asks for it every few seconds."""
    impressions.drain()


def reap_runs() -> None:
    """Enqueue runs whose worker died, and runs whose message was lost."""
    for run_id in leases.free_dead_runs():
        train.delay(run_id)
    if not monitoring.queue_depth("training"):  # else their messages may just be waiting there
        for run_id in leases.forgotten_runs():
            train.delay(run_id)


reapers.append(reap_runs)


def reap_measurements() -> None:
    """Enqueue measurements whose worker died, and those whose message was lost."""
    for row_id in leases.free_dead_runs(Measurement):
        measure.delay(row_id)
    if not monitoring.queue_depth("training"):
        for row_id in leases.forgotten_runs(Measurement):
            measure.delay(row_id)


reapers.append(reap_measurements)


def reap_studies() -> None:
    """Enqueue searches whose worker died, and those whose message was lost."""
    for row_id in leases.free_dead_runs(Study):
        tune.delay(row_id)
    if not monitoring.queue_depth("training"):
        for row_id in leases.forgotten_runs(Study):
            tune.delay(row_id)


reapers.append(reap_studies)


def start_batch(
    *, catalog: Catalog, run_id: int | None = None, n: int = 10, format: str = "csv", by: Any = None
) -> Batch:
    """A batch that a worker will take up; see services.batches.create_batch for what is raised."""
    row = batches.create_batch(catalog=catalog, run_id=run_id, n=n, format=format, by=by)
    transaction.on_commit(partial(send, write_batch, row.pk))
    return row


@shared_task(acks_late=False)
def write_batch(batch_id: int) -> None:
    """Carry a batch out; does nothing where another worker holds it or it is over."""
    batches.execute_batch(batch_id=batch_id)


def reap_batches() -> None:
    """Enqueue batches whose worker died, and those whose message was lost."""
    for row_id in leases.free_dead_runs(Batch):
        write_batch.delay(row_id)
    if not monitoring.queue_depth("training"):
        for row_id in leases.forgotten_runs(Batch):
            write_batch.delay(row_id)


reapers.append(reap_batches)


def start_adaptation(*, catalog: Catalog, run_id: int | None = None, by: Any = None) -> Adaptation:
    """Adapting a run to everyone who is new or has changed, in shards that workers will take up; see
    services.bulk_adaptation.create_adaptation for what is raised."""
    made = bulk_adaptation.create_adaptation(catalog=catalog, run_id=run_id, by=by)
    for shard_id in made.shards.values_list("pk", flat=True):
        transaction.on_commit(partial(send, adapt_shard, shard_id))
    return made


@shared_task(acks_late=False)
def adapt_shard(shard_id: int) -> None:
    """Carry a shard out; does nothing where another worker holds it or it is over."""
    bulk_adaptation.execute_shard(shard_id=shard_id)


@shared_task
def adapt_everyone() -> None:
    """Adapt what serves to whoever is new or has changed, in every catalog; beat asks for it every night."""
    for catalog in bulk_adaptation.due():
        with suppress(Conflict):  # it is being adapted already, or something else was just put into service
            start_adaptation(catalog=catalog)


def reap_shards() -> None:
    """Enqueue shards whose worker died, and those whose message was lost."""
    for row_id in leases.free_dead_runs(AdaptationShard):
        adapt_shard.delay(row_id)
    if not monitoring.queue_depth("training"):
        for row_id in leases.forgotten_runs(AdaptationShard):
            adapt_shard.delay(row_id)


reapers.append(reap_shards)


def start_retraining(*, catalog: Catalog) -> Retraining | None:
    """Train anew what is deployed; None where nothing is. What becomes of it `retrain` decides once it has ended."""

    def start(like: Run) -> Run:
        return start_training(
            catalog=catalog,
            algorithm=like.algorithm,
            config=like.config,
            seed=like.seed,
            like=like,
            preparation=like.preparation,
        )

    return retraining.begin(catalog=catalog, start=start)


@shared_task
def retrain() -> None:
    """Begin the retrainings of this hour, and have those judged whose run has ended; beat asks for it every minute."""
    for catalog in retraining.due(timezone.now()):
        try:
            start_retraining(catalog=catalog)
        except Exception:  # settings of an earlier version, perhaps; the other catalogs have their night all the same
            logger.exception("what serves %s could not be trained anew", catalog)
    for row_id in retraining.open_decisions():
        send(judge, row_id, expires=RETRAIN_SECONDS)


@shared_task
def judge(retraining_id: int) -> None:
    """Compare a retrained run with the one in service, and deploy it if it is better."""
    retraining.decide(retraining_id=retraining_id)


def start_import(
    *,
    catalog: Catalog,
    file: File[Any],
    name: str,
    users: File[Any] | None = None,
    items: File[Any] | None = None,
    format: str = "",
    columns: Mapping[str, str] | None = None,
    by: Any = None,
    preview: bool = False,
) -> DataImport:
    """An import of an uploaded file (with files of people and items beside it) that a worker will take up.

    `name` is the file's own, `columns` gives our names their names in the file; `preview` only says what it would do
    and waits for `start_confirmed`. See services.importing.create_import.
    """
    given = dict(columns) if columns is not None else None if preview else {}
    options: dict[str, Any] = {"columns": given}
    for role, extra in (("users", users), ("items", items)):
        if extra is not None:
            options[f"{role}_upload"] = importing.store_upload(file=extra, name=extra.name or f"{role}.csv")
    upload = importing.store_upload(file=file, name=name)
    row = importing.create_import(
        catalog=catalog, source=name, format=format, options=options, upload=upload, created_by=by,
        aim=DataImport.Aim.PREVIEW if preview else DataImport.Aim.IMPORT,
    )  # fmt: skip
    transaction.on_commit(partial(send, import_upload, row.pk))
    return row


def start_confirmed(*, row: DataImport) -> None:
    """A worker will put in what was previewed; see services.importing.confirm_import for what is raised."""
    importing.confirm_import(row=row)
    transaction.on_commit(partial(send, import_upload, row.pk))


def start_look_again(*, row: DataImport, columns: Mapping[str, str], ignored: Mapping[str, list[str]]) -> None:
    """A worker will preview an upload with other meanings of its columns."""
    importing.look_again(row=row, columns=columns, ignored=ignored)
    transaction.on_commit(partial(send, import_upload, row.pk))


def start_undo(*, row: DataImport, by: Any = None) -> None:
    """A worker will take an import back; see services.undoing.ask_to_undo for what is raised."""
    undoing.ask_to_undo(row=row, by=by)
    transaction.on_commit(partial(send, import_upload, row.pk))


@shared_task
def import_upload(import_id: int) -> None:
    """Carry out what an import aims at; why one failed stands in its row. Then texts that changed are encoded."""
    with suppress(BadInput, Conflict):
        done = importing.run_import(import_id=import_id)
        if done.status in (DataImport.Status.SUCCEEDED, DataImport.Status.UNDONE):
            start_encoding(catalog_id=done.catalog_id)


def start_encoding(*, catalog_id: int) -> None:
    """Let a worker encode the texts of a catalog's items that are new or have changed."""
    if encoding.request(catalog_id=catalog_id):
        transaction.on_commit(partial(send, encode_items, catalog_id))


@shared_task(acks_late=False)
def encode_items(catalog_id: int) -> None:
    """Encode what is out of date; does nothing where another worker is at it."""
    encoding.encode_catalog(catalog_id=catalog_id)


def reap_encodings() -> None:
    """Enqueue the encoding of catalogs whose worker died or whose message was lost, and of those whose items came or
    changed over the API or in the admin."""
    for catalog_id in encoding.forgotten():
        send(encode_items, catalog_id)
    for catalog_id in encoding.changed_since():
        start_encoding(catalog_id=catalog_id)


reapers.append(reap_encodings)


@shared_task
def prune() -> None:
    """Remove what is kept no longer; beat asks for it every night."""
    logger.info("pruned: %s", retention.prune())


def start_health(*, catalog: Catalog, now: bool = False) -> bool:
    """Have the health report of a catalog made where it is missing or out of date; says whether it was."""
    wanted = health.request(catalog=catalog, now=now)
    if wanted:
        transaction.on_commit(partial(send, judge_health, catalog.pk))
    return wanted


@shared_task
def judge_health(catalog_id: int) -> None:
    """Make the health report of a catalog that is still there."""
    catalog = Catalog.objects.filter(pk=catalog_id).first()
    if catalog is None:
        return
    try:
        health.compute(catalog=catalog)
    except Exception as error:
        health.failed(catalog=catalog, reason=f"{type(error).__name__}: {error}".partition("\n")[0])
        raise


def reap_imports() -> None:
    """Enqueue imports whose worker died or whose message was lost; drop what is kept no longer."""
    for import_id in importing.dead_imports():
        import_upload.delay(import_id)
    importing.forget_previews()
    undoing.forget_traces()


reapers.append(reap_imports)
