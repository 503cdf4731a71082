"""Real data sets and small files through the import, down to the rows."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from recommender.exceptions import BadImport
from recommender.models import Attribute, Catalog, DataImport, EndUser, Interaction, Item
from recommender.services.importing import create_import, run_import

pytestmark = pytest.mark.django_db(transaction=True)


def put_in(catalog: Catalog, path: Path, **options: Any) -> DataImport:
    given = {name: str(one) for name, one in options.items() if isinstance(one, Path)}
    row = create_import(
        catalog=catalog,
        source=path.name,
        format=options.get("format", ""),
        options={"path": str(path), "columns": options.get("columns", {}), **given},
    )
    return run_import(import_id=row.pk)


def rejects_of(done: DataImport) -> list[dict[str, str]]:
    with default_storage.open(done.rejects) as file:
        return list(csv.DictReader(io.StringIO(file.read().decode())))


@pytest.fixture
def catalog() -> Catalog:
    return Catalog.objects.create(name="films")


class TestMovieLens100K:
    def test_everything_arrives_and_a_second_time_changes_nothing(self, catalog: Catalog, ml_100k: Path) -> None:
        done = put_in(catalog, ml_100k)
        assert done.status == "succeeded" and done.format == "movielens" and done.has_clock and not done.rejects
        assert done.counts["interactions"] == {
            "read": 100_000, "new": 100_000, "same": 0, "rejected": 0, "duplicates": 0, "contradicting": 0,
        }  # fmt: skip
        assert EndUser.objects.count() == 943 and Item.objects.count() == 1_682
        first = Interaction.objects.order_by("id").first()
        assert first is not None
        assert (first.user.client_id, first.item.client_id, first.kind, first.value) == ("196", "242", "rating", 3.0)
        assert first.time.timestamp() == 881_250_949 and first.data_import == done

        again = put_in(catalog, ml_100k)
        assert again.counts["interactions"]["same"] == 100_000 and again.counts["interactions"]["new"] == 0
        assert again.counts["users"]["same"] == 943 and again.counts["items"]["same"] == 1_682
        assert Interaction.objects.count() == 100_000

    def test_people_and_items_are_described(self, catalog: Catalog, ml_100k: Path) -> None:
        put_in(catalog, ml_100k)
        person = EndUser.objects.get(client_id="1")
        assert person.attributes == {"age": 24, "gender": "M", "occupation": "technician", "zip": "85711"}
        film = Item.objects.get(client_id="1")
        assert (film.title, film.year, str(film.released)) == ("Toy Story", 1995, "1995-01-01")
        assert film.categories == ["Animation", "Children's", "Comedy"]
        assert Item.objects.get(client_id="543").title == "Misérables, Les"
        sensitive = Attribute.objects.filter(scope="user", sensitive=True, feature=False)
        assert set(sensitive.values_list("name", flat=True)) == {"age", "gender", "occupation", "zip"}


def test_a_file_of_something_else_changes_nothing(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "letters.csv"
    path.write_text("user,item,rating\n" + "a,b,good\n" * 30)
    with pytest.raises(BadImport, match="30 of 30 rows cannot be taken"):
        put_in(catalog, path)
    failed = DataImport.objects.get()
    assert failed.status == "failed" and "rating is not a finite number" in failed.error
    assert len(rejects_of(failed)) == 30
    assert not EndUser.objects.exists() and not Item.objects.exists()
