"""Figures of runs: what is kept per person, and pairs of runs on the people they share."""

from __future__ import annotations

import pandas as pd
import pytest

from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, Run
from recommender.services.evaluating import (
    compare_runs,
    forget_people,
    person_metrics,
    put_person_metrics,
)

pytestmark = pytest.mark.django_db


def measured(catalog: Catalog, users: list[int], values: list[float]) -> Run:
    run = Run.objects.create(catalog=catalog, algorithm="random", status="succeeded", people=len(users))
    run.metrics = {"ndcg@10": {"value": 0.5, "low": 0.4, "high": 0.6}}
    run.person_metrics = put_person_metrics(run_id=run.pk, table=pd.DataFrame({"user": users, "ndcg@10": values}))
    run.save()
    return run


@pytest.fixture
def films() -> Catalog:
    return Catalog.objects.create(name="films")


def test_runs_are_compared_on_the_people_they_share(films: Catalog):
    first = measured(films, [1, 2, 3], [1.0, 1.0, 0.0])
    second = measured(films, [2, 3, 4], [0.5, 0.0, 1.0])
    row = compare_runs(runs=[first, second]).iloc[0]
    assert (row["a"], row["b"], row["people"], row["difference"]) == (first.pk, second.pk, 2, 0.25)


def test_runs_without_metrics_are_left_out_and_an_unknown_metric_is_named(films: Catalog):
    run, waiting = measured(films, [1], [1.0]), Run.objects.create(catalog=films, algorithm="random")
    assert compare_runs(runs=[run, waiting]).empty
    with pytest.raises(BadInput, match=r"no metric “luck”\. Known: ndcg@10"):
        compare_runs(runs=[run], metric="luck")


def test_people_can_be_taken_out_of_a_run(films: Catalog, django_capture_on_commit_callbacks):
    run = measured(films, [1, 2, 3], [1.0, 0.5, 0.0])
    before = run.person_metrics
    with django_capture_on_commit_callbacks(execute=True):
        assert forget_people(run=run, user_ids=[2, 9]) == 1
    assert person_metrics(run=run)["user"].tolist() == [1, 3]
    run.person_metrics = before
    with pytest.raises(Conflict, match="missing from the storage"):
        person_metrics(run=run)
