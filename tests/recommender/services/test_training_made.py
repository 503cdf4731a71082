"""Blends and students as runs: made of runs that are there or trained first, measured, kept, deployed."""

from __future__ import annotations

import pytest

from recommender.models import Checkpoint, Run
from recommender.services import adaptation, deploying, loaded
from recommender.services.training import create_run, execute_run, execute_with_parents
from tests.recommender.builders import blocks, histories
from tests.recommender.services.catalogs import catalog_from

pytestmark = pytest.mark.django_db(transaction=True)
SMALL = {"factors": 4, "width": 8, "features": 4, "epochs": 2}


@pytest.fixture
def ridge() -> Run:
    loaded.forget()
    run = create_run(catalog=catalog_from(blocks(length=10)), algorithm="ridge_head", config=SMALL)
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "succeeded", run.error
    return run


def done(run: Run) -> Run:
    execute_with_parents(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "succeeded", run.error
    return run


def test_a_blend_is_made_of_a_named_run_and_one_that_is_trained_first(ridge: Run) -> None:
    config = {"parents": [ridge.pk], "warm": "ease"}
    run = done(create_run(catalog=ridge.catalog, algorithm="blend", config=config))
    assert {each.algorithm for each in run.parents.all()} == {"ridge_head", "ease"}
    told = [row for row in run.curve if "cold" in row]
    assert [row["epoch"] for row in told] == [1, 2, 3, 5, 8] and run.metrics["ndcg@10"]["value"] >= 0
    learned = next(row["threshold"] for row in run.curve if "threshold" in row)
    served = deploying.load_final(run=run)
    assert served.model.config.threshold == pytest.approx(learned, abs=1e-5)  # type: ignore[attr-defined]
    deploying.deploy_run(run=run)
    assert adaptation.adapts(served, 1) == (served.model.adapts_up_to >= 1)  # type: ignore[attr-defined]


def test_a_student_learns_from_a_named_run_and_serves_without_it(ridge: Run) -> None:
    config = {"parents": [ridge.pk], "factors": 8, "length": 8, "epochs": 2}
    run = done(create_run(catalog=ridge.catalog, algorithm="student", config=config))
    assert run.config["teacher"] == "ridge_head" and list(run.parents.all()) == [ridge]
    told = next(row for row in run.curve if "student quality" in row)
    assert told["teacher bytes"] > 0 and told["student ms"] > 0
    Checkpoint.objects.filter(run=ridge).delete()
    assert deploying.load_final(run=run).model.score(histories([[1, 2, 3]])).shape == (1, 24)
