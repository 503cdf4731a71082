"""Imports from uploads, and what becomes of those whose worker died."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from recommender.exceptions import BadImport
from recommender.models import Catalog, DataImport, Item
from recommender.services import importing
from recommender.services.importing import create_import, run_import

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.objects.create(name="films")


class TestFromPathsAndUploads:
    def test_an_upload_is_read_from_the_storage(self, catalog: Catalog) -> None:
        name = importing.store_upload(file=io_file(b"user,item\nann,x\n"), name="../my data.csv")
        items = importing.store_upload(file=io_file(b"item,title\nx,Ex\n"), name="items.csv")
        row = create_import(
            catalog=catalog, source="my data.csv", upload=name, options={"items_upload": items, "columns": {}}
        )
        done = run_import(import_id=row.pk)
        assert done.counts["interactions"]["new"] == 1 and Item.objects.get().title == "Ex"
        assert name.startswith("imports/uploads/") and ".." not in name
        assert not default_storage.exists(name) and not default_storage.exists(items)

    @pytest.mark.parametrize(
        ("name", "plain"),
        [
            ("a.csv", "a.csv"),
            ("../../x/a b.csv", "a_b.csv"),
            ("C:\\data\\a.zip", "a.zip"),
            ("..", "upload"),
            ("", "upload"),
            ("n" * 300 + ".csv", "n" * 96 + ".csv"),
            ("Zoë.csv", "Zoë.csv"),
        ],
    )
    def test_names_of_uploads_are_made_plain(self, name: str, plain: str) -> None:
        assert importing.plain_name(name) == plain

    def test_a_bad_upload_is_named_as_its_sender_named_it(self, catalog: Catalog) -> None:
        name = importing.store_upload(file=io_file(b"user,item\n"), name="visits.csv")
        importing.store_upload(file=io_file(b"user,item\n"), name="visits.csv")
        row = create_import(catalog=catalog, source="visits.csv", upload=name)
        with pytest.raises(BadImport, match=r"^visits\.csv has no rows"):
            run_import(import_id=row.pk)

    def test_an_upload_that_is_gone_is_told(self, catalog: Catalog) -> None:
        row = create_import(catalog=catalog, source="a.csv", upload="imports/uploads/gone.csv")
        with pytest.raises(BadImport, match="upload it again"):
            run_import(import_id=row.pk)

    def test_dead_imports_are_found(self, catalog: Catalog) -> None:
        old = timezone.now() - timedelta(hours=1)
        upload = create_import(catalog=catalog, source="a.csv", upload="a.csv")
        path = create_import(catalog=catalog, source="/a.csv")
        waiting = create_import(catalog=catalog, source="b.csv", upload="b.csv")
        DataImport.objects.update(created=old)
        DataImport.objects.filter(pk__in=[upload.pk, path.pk]).update(status="running", heartbeat=old)
        assert sorted(importing.dead_imports()) == [upload.pk, waiting.pk]
        path.refresh_from_db()
        assert path.status == "failed" and "start the import again" in path.error


def io_file(content: bytes) -> Any:
    return importing.File(io.BytesIO(content))
