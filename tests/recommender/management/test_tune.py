"""`manage.py tune`: a search in this process, and what it prints."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from recommender.models import Catalog, Study
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import catalog_from

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def films() -> Iterator[Catalog]:
    yield catalog_from(blocks(n_people=30))


def tune(*arguments: str) -> str:
    out = io.StringIO()
    call_command("tune", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_it_prints_the_best_settings_as_json(films: Catalog) -> None:
    said = tune("ease", "--catalog", "films", "--trials", "2", "--only", "regularization", "--json")
    found = json.loads(said)
    study = Study.objects.get()
    assert (found["tuning"], found["status"], found["trials"]) == (study.pk, "succeeded", 2)
    assert found["best"]["config"]["half_life"] == 10.0
    assert set(found["best"]) == {"trial", "value", "config"}


def test_it_prints_the_best_settings_in_words(films: Catalog) -> None:
    said = tune("popularity", "--catalog", "films", "--trials", "2")
    assert "2 trials" in said
    assert "half_life_days = " in said


@pytest.mark.parametrize(
    "given",
    [("magic", "--catalog", "films"), ("ease", "--catalog", "none"), ("ease", "--catalog", "films", "--trials", "0")],
)
def test_bad_input_is_one_line(films: Catalog, given: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as caught:
        tune(*given)
    assert "\n" not in str(caught.value)
