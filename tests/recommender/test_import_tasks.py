"""Uploads imported by real workers: enqueued, delivered twice, killed on the way."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.files import File
from django.db import connection, transaction
from django.utils import timezone

from recommender.models import Catalog, DataImport, Interaction
from recommender.services import importing
from recommender.tasks import import_upload, reap, start_import
from tests.support import Worker, until

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = "user,item,timestamp\n" + "".join(f"u{n % 900},i{n % 70},{n}\n" for n in range(30_000))


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.objects.create(name="shop")


def upload(catalog: Catalog, content: str = ROWS) -> DataImport:
    items = File(io.BytesIO(b"item,title\ni1,One\n"), name="items.csv")
    return start_import(catalog=catalog, file=File(io.BytesIO(content.encode())), name="visits.csv", items=items)


def over(row: DataImport) -> bool:
    row.refresh_from_db()
    return row.status not in ("queued", "running")


def test_an_upload_is_imported_once_its_row_is_committed(catalog: Catalog, worker: Callable[..., Worker]) -> None:
    worker()
    with transaction.atomic():
        row = upload(catalog)
    import_upload.delay(row.pk)
    until(lambda: over(row))
    assert row.status == "succeeded", row.error
    assert row.counts["interactions"]["new"] == 30_000 and row.counts["items"]["new"] == 1
    assert Interaction.objects.count() == 30_000


def test_a_bad_upload_fails_with_its_reason(catalog: Catalog, worker: Callable[..., Worker]) -> None:
    worker()
    row = upload(catalog, "user,item,rating\nann,x,good\n")
    until(lambda: over(row))
    assert row.status == "failed" and "rating is not a finite number" in row.error


def test_an_import_whose_worker_is_killed_is_done_by_the_next(catalog: Catalog, worker: Callable[..., Worker]) -> None:
    """The lock of another import holds it in the middle of its transaction until it is killed."""
    first = worker()
    row = importing.create_import(
        catalog=catalog,
        source="visits.csv",
        upload=importing.store_upload(file=File(io.BytesIO(ROWS.encode())), name="visits.csv"),
    )
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [importing.LOCK, catalog.pk])
        import_upload.delay(row.pk)

        def waits() -> bool:
            row.refresh_from_db()
            return "another import" in row.phase

        until(waits)
        first.kill()
    DataImport.objects.update(heartbeat=timezone.now() - timedelta(hours=1))
    worker()
    reap()
    until(lambda: over(row))
    assert row.status == "succeeded", row.error
    assert Interaction.objects.count() == 30_000
