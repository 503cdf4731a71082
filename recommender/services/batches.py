"""Recommendations for everyone as a file that a worker writes; whoever wants one worked on calls recommender.tasks."""

from __future__ import annotations

import csv
import json
import logging
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, TextIO

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from recommender.exceptions import BadInput, Conflict
from recommender.models import Batch, Catalog, EndUser, Run
from recommender.selectors import serving as select
from recommender.services import work
from recommender.services.deploying import load_final
from recommender.services.exporting import COLUMNS, Lists
from recommender.services.extending import extended
from recommender.services.leases import Lease

logger = logging.getLogger(__name__)
MOST_ITEMS = 1000
GONE = "Its file was deleted because someone in it was erased; make it again."
Row = tuple[str, str, int, str]


def create_batch(
    *, catalog: Catalog, run_id: int | None = None, n: int = 10, format: str = "csv", by: Any = None
) -> Batch:
    """A batch that waits, by the deployed run unless another finished one is named. Raises BadInput naming the field,
    Conflict where nothing is in service."""
    if not 1 <= n <= MOST_ITEMS:
        raise BadInput(f"n must be from 1 to {MOST_ITEMS:,}.", field="n")
    if format not in Batch.Format.values:
        raise BadInput(f"The format is one of {', '.join(Batch.Format.values)}.", field="format")
    wanted = run_id if run_id is not None else select.deployed_run(catalog.pk)
    if wanted is None:
        raise Conflict("Nothing is in service. Deploy a run first, or name one.")
    run = select.succeeded_run(catalog.pk, wanted) if wanted < 2**63 else None
    if run is None:
        raise BadInput(f"There is no finished run {wanted} in this catalog.", field="run")
    return Batch.objects.create(catalog=catalog, run=run, n=n, format=format, phase="waiting", created_by=by)


def execute_batch(*, batch_id: int) -> bool:
    """Carry one out, as work.execute."""
    return work.execute(kind=Batch, row_id=batch_id, do=_carry_out)


def drop_files(*, catalog: Catalog) -> None:
    """Delete the files of all batches of a catalog: someone is erased who may stand in them.

    Those being written begin anew; that comes first, so that none can name its file once the files were looked for.
    """
    live = Batch.objects.filter(catalog=catalog, status=Run.Status.RUNNING)
    live.update(worker="", status=Run.Status.QUEUED, phase="waiting")
    for batch in Batch.objects.filter(catalog=catalog).exclude(path=""):
        Batch.objects.filter(pk=batch.pk).update(path="", error=GONE)
        transaction.on_commit(partial(default_storage.delete, batch.path))


def _carry_out(lease: Lease) -> None:
    batch = Batch.objects.select_related("run").get(pk=lease.run_id)
    lists = Lists(extended(load_final(run=batch.run)), batch.catalog_id, batch.n)
    everyone = EndUser.objects.filter(catalog_id=batch.catalog_id).order_by("id")
    people = list(everyone.values_list("id", "client_id"))
    with tempfile.NamedTemporaryFile("w+", newline="", encoding="utf-8") as file:
        rows = _write(file, batch.format, _told(lease, lists, people))
        file.flush()
        with open(file.name, "rb") as written:  # noqa: PTH123 (a name of the temporary file's own)
            path = default_storage.save(f"batches/{batch.pk}-{uuid.uuid4().hex}.{batch.format}", File(written))
    try:
        work.succeeded(lease, path=path, people=len(people), rows=rows)
    except BaseException:
        default_storage.delete(path)
        raise


def _told(lease: Lease, lists: Lists, people: Sequence[tuple[int, str]]) -> Iterator[Row]:
    """Rows for everyone; after each part its progress is written, which asks whether the lease still holds."""
    for start in range(0, len(people), lists.batch):
        part = people[start : start + lists.batch]
        yield from lists.of(part)
        lease.write(phase="writing lists", progress=min(0.99, (start + len(part)) / len(people)))


def _write(file: TextIO, format: str, rows: Iterator[Row]) -> int:
    """CSV `user,item,rank,score`, or the same as an object a line. Returns how many rows."""
    count = 0
    writer = csv.writer(file, lineterminator="\n")
    if format == Batch.Format.CSV:
        writer.writerow(COLUMNS)
    for row in rows:
        count += 1
        if format == Batch.Format.CSV:
            writer.writerow(row)
        else:
            user, item, rank, score = row
            line = {"user": user, "item": item, "rank": rank, "score": float(score)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return count
