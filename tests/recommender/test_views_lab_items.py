"""A new item's audience: by what is said of it, and after the first people took it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from recommender.models import Catalog, Item
from recommender.services import loaded
from recommender.services.new_items import auc
from tests.recommender.api.conftest import deploy  # noqa: F401 (a fixture)
from tests.recommender.pages import films, login, text_of
from tests.recommender.test_views_lab import SMALL

pytestmark = pytest.mark.django_db


@pytest.fixture
def club(deploy: Any) -> Catalog:  # noqa: F811
    loaded.forget()
    made = films()
    made.runs.all().delete()
    deploy(made, "cold_item", use_text=False, epochs=1, hidden=4)
    deploy(made, "ridge_head", **SMALL)
    return made


def got(catalog: Catalog, role: str = "superuser", **query: Any) -> Any:
    client = Client()
    client.force_login(login(role, catalog))
    return client.get(reverse("cold_item", args=[catalog.name]), query)


def test_auc_by_hand() -> None:
    # pairs: 1<2, 1<3, 3>2 lost, 3=3 half: 2.5 of 4
    value, low, high = auc(np.array([1, 3]), np.array([2, 3])) or (0, 0, 0)
    assert value == pytest.approx(2.5 / 4)
    assert 0 <= low < value < high <= 1
    assert auc(np.zeros(0), np.array([1])) is None


def test_an_item_of_the_catalog_as_if_it_were_new(club: Catalog) -> None:
    run = club.runs.get(algorithm="cold_item")
    answer = got(club, run=run.pk, item="i1")
    said = text_of(answer)
    assert "Film 1, as if new" in said
    for words in ("Before any interaction", "After 1 interaction", "After 5 interactions"):
        assert words in said
    assert Item.objects.count() == 8


def test_what_is_typed_and_who_took_it(club: Catalog) -> None:
    run = club.runs.get(algorithm="cold_item")
    said = text_of(got(club, run=run.pk, title="Film 99", categories="Drama|War", took="p1, p2, nobody"))
    assert "After 2 interactions" in said and "Nobody has the id nobody." in said
    assert "Gender: above all" in said


def test_a_recommender_that_does_not_move_says_so(club: Catalog) -> None:
    run = club.runs.get(algorithm="ridge_head")
    said = text_of(got(club, "operator", run=run.pk, title="Film 99"))
    assert "reads nothing of who took an item after its training" in said
    assert "After " not in said
    assert "Gender" not in said  # sensitive: not for operators


def test_nothing_asked_and_nonsense(club: Catalog) -> None:
    assert "Predict its audience" in text_of(got(club))
    assert "has no item “none”" in text_of(got(club, "analyst", item="none", run="x", took=",,"))


def test_an_empty_catalog() -> None:
    assert "No recommender can place new items yet" in text_of(got(Catalog.objects.create(name="bare")))
