"""A report through the real import: nothing is lost silently, and it is kept until the data change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from recommender import tasks
from recommender.models import Catalog, EndUser, HealthReport, Interaction
from recommender.services import erasure, health
from recommender.services.importing import create_import, run_import
from tests.recommender.pages import films, login, text_of

ROWS = "user,item,rating\na,x,5\na,x,5\na,x,3\na,y,4\nb,x,2\nb,x,2\nb,x,2\n"


def imported(catalog: Catalog, path: Path, **options: Any) -> dict[str, Any]:
    row = create_import(catalog=catalog, source=path.name, options={"path": str(path), **options})
    return run_import(import_id=row.pk).counts["interactions"]


@pytest.fixture
def catalog(transactional_db: None) -> Iterator[Catalog]:
    yield Catalog.objects.create(name="books")


@pytest.mark.django_db(transaction=True)
def test_duplicates_and_contradictions_survive_the_import(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text(ROWS)
    counts = imported(catalog, tmp_path / "ratings.csv")
    assert (counts["new"], counts["duplicates"], counts["contradicting"]) == (7, 3, 1)
    found = health.compute(catalog=catalog)
    assert Interaction.objects.filter(catalog=catalog).count() == 7
    assert (found["repeats"]["duplicates"], found["repeats"]["contradictions"]) == (3, 1)
    assert found["sizes"]["without_time"] == 7


@pytest.mark.benchmark
@pytest.mark.django_db(transaction=True)
def test_goodbooks_has_1644_duplicates_and_634_contradictions(catalog: Catalog, datasets: Path) -> None:
    path = datasets / "goodbooks-10k" / "ratings.csv"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    imported(catalog, path, columns={"user": "user_id", "item": "book_id"})
    found = health.compute(catalog=catalog)
    print(HealthReport.objects.get(catalog=catalog).seconds, "s", found["repeats"])
    assert found["sizes"]["interactions"] == 981_756
    assert (found["repeats"]["duplicates"], found["repeats"]["contradictions"]) == (1_644, 634)


@pytest.fixture
def small(db: None) -> Catalog:
    return films()


def test_a_report_is_asked_for_once_and_kept_until_the_data_change(small: Catalog) -> None:
    assert health.request(catalog=small)
    assert not health.request(catalog=small), "somebody is at it"
    health.compute(catalog=small)
    assert not health.request(catalog=small), "nothing has changed"
    Interaction.objects.filter(catalog=small).first().delete()
    assert not health.request(catalog=small), "it is too young to be made again unasked"
    HealthReport.objects.update(computed="2020-01-01T00:00Z", requested="2019-12-31T00:00Z")
    assert health.request(catalog=small)
    assert not health.request(catalog=small, now=True)


def test_gaps_are_counted_per_column(small: Catalog) -> None:
    EndUser.objects.filter(catalog=small, client_id="p1").update(attributes={"gender": None})
    found = {(row["of"], row["column"]): (row["missing"], row["rows"]) for row in health.compute(catalog=small)["gaps"]}
    assert found["items", "title"] == (0, 8)
    assert found["items", "description"] == (8, 8)
    assert found["people", "gender"] == (1, 12)
    assert found["people", "age"] == (1, 12)


def test_an_erasure_takes_the_report_along(small: Catalog) -> None:
    health.compute(catalog=small)
    erasure.erase(catalog=small, user_ids=[EndUser.objects.filter(catalog=small).first().pk])
    assert not HealthReport.objects.exists()


def test_a_failed_report_says_so(small: Catalog, client: Client) -> None:
    health.request(catalog=small)
    health.failed(catalog=small, reason="MemoryError: none left")
    client.force_login(login("analyst", small))
    assert "MemoryError: none left" in text_of(client.get(reverse("health", args=[small.name])))


def test_the_page_shows_every_figure_with_its_table(small: Catalog, client: Client) -> None:
    client.force_login(login("analyst", small))
    health.request(catalog=small)
    health.compute(catalog=small)
    answer = client.get(reverse("health", args=[small.name]))
    text = text_of(answer)
    for words in ("Worth a look", "have no interaction", "columns are complete", "hold half of all interactions"):
        assert words in text
    for figure in ("sizes", "repeats", "gaps", "ratings", "time", "mean", "activity", "tail"):
        table = client.get(reverse("health_csv", args=[small.name, figure]))
        assert (table.status_code, len(table.content.splitlines()) > 1) == (200, True), figure
    assert client.get(reverse("health_csv", args=[small.name, "nonsense"])).status_code == 404


def test_the_page_waits_for_the_report(small: Catalog, client: Client) -> None:
    client.force_login(login("analyst", small))
    assert "being read and judged" in text_of(client.get(reverse("health", args=[small.name])))
    live = reverse("health_live", args=[small.name])
    assert client.get(live).status_code == 200
    tasks.judge_health(small.pk)
    assert client.get(live).status_code == 204


def test_an_empty_catalog_is_told_what_to_do(db: None, client: Client) -> None:
    empty = Catalog.objects.create(name="empty")
    client.force_login(login("catalogue manager", empty))
    assert "Put a file of interactions in" in text_of(client.get(reverse("health", args=["empty"])))
