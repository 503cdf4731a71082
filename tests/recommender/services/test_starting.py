"""Runs that begin with weights of another catalog: what is refused, and what is taken."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from recommender.exceptions import BadConfig, Conflict
from recommender.models import Catalog, Run
from recommender.services import parents
from recommender.services.measuring import create_measurement, execute_measurement
from recommender.services.retention import delete_run
from recommender.services.training import create_run, execute_run
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import catalog_from

pytestmark = pytest.mark.django_db(transaction=True)
SMALL: dict[str, Any] = {"epochs": 1, "width": 8, "features": 4, "factors": 2, "use_text": True}


def made(catalog: Catalog, by: Any = None, **config: Any) -> Run:
    return create_run(catalog=catalog, algorithm="ridge_head", config=SMALL | config, by=by)


def done(run: Run) -> Run:
    assert execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.error == ""
    return run


@pytest.fixture
def films() -> Run:
    return done(made(catalog_from(blocks(n_people=12, length=4), "films")))


@pytest.fixture
def books() -> Catalog:
    return catalog_from(blocks(n_people=8, n_items=10, length=4), "books")


def test_a_run_begins_with_another_catalogs_and_is_measured_and_kept_like_every_other(
    films: Run, books: Catalog
) -> None:
    run = done(made(books, start=films.pk))
    assert list(run.parents.all()) == [films]
    assert parents.weights_of(run=run) == []
    measurement = create_measurement(run=run, protocol="cold-users")
    assert execute_measurement(measurement_id=measurement.pk)
    measurement.refresh_from_db()
    assert measurement.error == ""
    with pytest.raises(Conflict, match="is made of run"):
        delete_run(run=films)


def test_what_cannot_be_started_from_is_refused_with_the_field(films: Run, books: Catalog) -> None:
    waiting = made(films.catalog)
    other = Catalog.objects.create(name="empty")
    for catalog, config, words in (
        (books, {"start": films.pk + 1000}, "there is no ridge_head run"),
        (films.catalog, {"start": films.pk}, "in another catalog"),
        (books, {"start": waiting.pk}, "that is done"),
        (other, {"start": films.pk, "use_text": False}, "read texts"),
        (books, {"start": films.pk, "width": 16}, "width 8"),
    ):
        with pytest.raises(BadConfig, match=words) as raised:
            made(catalog, **config)
        assert raised.value.field == "start"


def test_a_login_starts_only_from_catalogs_it_may_enter(films: Run, books: Catalog) -> None:
    login = get_user_model().objects.create_user("ann")
    with pytest.raises(BadConfig, match="you may enter"):
        made(books, by=login, start=films.pk)
    films.catalog.members.add(login)
    assert made(books, by=login, start=films.pk).config["start"] == films.pk
