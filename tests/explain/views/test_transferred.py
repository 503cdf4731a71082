"""What beginning with another catalog's weights changed, on the page of one explanation."""

from __future__ import annotations

from typing import Any

import pytest

from explain.attribution.game import Game, Target
from explain.attribution.transfer import in_text
from explain.selectors import material
from explain.services.asking import Question, case_of
from explain.services.transferring import begun, transfer
from recommender.algorithms.base import START
from recommender.exceptions import Conflict
from recommender.models import Catalog, Checkpoint, Run
from recommender.services import loaded
from recommender.services.starting import started
from recommender.services.training import create_run, execute_run
from tests.explain.views.test_explanation import got
from tests.recommender.builders import blocks
from tests.recommender.pages import text_of
from tests.recommender.services.catalogs import catalog_from

pytestmark = pytest.mark.django_db(transaction=True)
SMALL: dict[str, Any] = {"epochs": 1, "width": 8, "features": 4, "factors": 2, "use_text": True}


def done(catalog: Catalog, **config: Any) -> Run:
    run = create_run(catalog=catalog, algorithm="ridge_head", config=SMALL | config)
    assert execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.error == ""
    return run


def test_the_page_says_what_training_here_changed_since_the_run_began_with_anothers_weights():
    loaded.forget()
    films = done(catalog_from(blocks(n_people=12, length=4), "films"))
    books = catalog_from(blocks(n_people=8, n_items=10, length=4), "books")
    run = done(books, start=films.pk)
    case = case_of(Question(books.pk, "p0", "i8", run=run.pk))
    assert begun(case)
    found = transfer(case)
    source = in_text(started(run=run)[START], material.vectors(books.pk, case.served.items))
    there, here = source.score(case.histories)[0], case.served.model.score(case.histories)[0]
    at = case.target.item
    assert (found.of.target.score_before, found.of.target.score_after) == pytest.approx((there[at], here[at]), abs=1e-6)
    assert found.of.prior + sum(row["value"] for row in found.units) == pytest.approx(here[at] - there[at], abs=1e-3)
    assert {row["label"] for row in found.units} == {f"Film {at}" for at in case.histories.items}
    assert Game(case.served.model, case.histories, Target(at)).units == found.of.started.units

    page = text_of(got(books, "p0", "i8", run=run.pk))
    assert "This run began with what another catalog’s run had learned" in page
    part = text_of(got(books, "p0", "i8", part="more_transferred", role="analyst", run=run.pk))
    moved = found.of.target
    assert f"Run #{films.pk}, which this one began with, would put the item at place {moved.rank_before}" in part
    assert f"trained here, it is at place {moved.rank_after}" in part
    assert "for whoever nothing is known of" in part
    whole = text_of(got(books, "p0", "i8", role="operator", run=run.pk, **{"with": "transferred"}))
    assert "trained here, it is at place" in whole

    Checkpoint.objects.filter(run=films).delete()
    gone = text_of(got(books, "p0", "i8", part="more_transferred", role="catalogue manager", run=run.pk))
    assert "is not there any more, or its weights" in gone


def test_of_a_run_that_began_with_chance_the_page_says_nothing_of_it():
    loaded.forget()
    books = catalog_from(blocks(n_people=8, n_items=10, length=4), "books")
    run = done(books)
    case = case_of(Question(books.pk, "p0", "i8", run=run.pk))
    assert not begun(case)
    with pytest.raises(Conflict, match="began with chance"):
        transfer(case)
    assert "began with what another" not in text_of(got(books, "p0", "i8", run=run.pk))
    refused = got(books, "p0", "i8", part="more_transferred", role="analyst", run=run.pk)
    assert "began with chance" in text_of(refused)
