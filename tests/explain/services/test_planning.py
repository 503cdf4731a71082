"""Audits on a schedule: which figures raise an alert, and when a plan's time has come."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery import Celery
from django.utils import timezone

from explain import tasks
from explain.models import DisparityPlan
from explain.services import planning
from recommender.exceptions import BadInput
from recommender.models import Catalog
from recsite.celery import schedule
from tests.explain.disparities import audited, results
from tests.recommender.pages import films

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    made = films()
    made.deployments.create(run=made.runs.get(algorithm="ease"))
    return made


def planned(catalog: Catalog, **more: object) -> DisparityPlan:
    given = {"on": True, "days": 7, "settings": {"groups": ["age"]}, "thresholds": {}}
    return planning.set_plan(catalog=catalog, **(given | more))


def texts(found: list[dict[str, str]]) -> list[str]:
    return [each["text"] for each in found]


def test_a_gap_raises_an_alert_only_where_the_adjusted_test_tells_it() -> None:
    found = results()
    group = found["groupings"][0]["groups"][0]["metrics"]["ndcg@10"]
    group.update(versus_rest=-0.05, p_holm=0.01)
    assert texts(planning.alerts_of(found, {"gap": 0.04})) == [
        "NDCG@10 of Gender F is .050 less than everyone else’s, which passes .040."
    ]
    assert planning.alerts_of(found, {"gap": 0.06}) == []
    group["p_holm"] = 0.2
    assert planning.alerts_of(found, {"gap": 0.04}) == [], "a gap that may be chance alone"
    group["p_holm"] = None
    assert planning.alerts_of(found, {"gap": 0.04}) == [], "a gap that was not tested"
    assert planning.alerts_of(found, {"gap:recall@10": 0.0}) == []


def test_the_gap_between_two_groups_that_are_everyone_is_one_alert() -> None:
    found = results()
    for group, gap in zip(found["groupings"][0]["groups"], (-0.05, 0.05), strict=True):
        group["metrics"]["ndcg@10"].update(versus_rest=gap, p_holm=0.01)
    (alert,) = texts(planning.alerts_of(found, {"gap": 0.04}))
    assert alert.startswith("NDCG@10 of Gender F is .050 less")
    found["groupings"][0]["missing"] = None
    assert len(planning.alerts_of(found, {"gap": 0.04})) == 2, "some others are of neither"


def test_an_alert_names_its_grouping_so_that_it_can_be_kept_from_some() -> None:
    found = results()
    found["groupings"][0]["groups"][0]["metrics"]["ndcg@10"].update(versus_rest=-0.05, p_holm=0.01)
    rows = planning.alerts_of(found, {"gap": 0.04, "gini": 0.5})
    assert [row["grouping"] for row in rows] == ["gender", ""]


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        ({"gini": 0.86}, ["The Gini coefficient of exposure is .880, which passes .860."]),
        ({"gini": 0.875}, []),  # the interval begins at .87
        ({"lift": 0.5}, ["The popularity lift of lists is .620, which passes .500."]),
        ({"lift": 0.6}, []),
        ({"coverage": 0.5}, ["Lists cover 41.0% of the items, under the 50.0% that are asked for."]),
        ({"coverage": 0.4}, []),
    ],
)
def test_a_figure_of_everyone_raises_one_when_its_interval_is_beyond(thresholds: dict, said: list[str]) -> None:
    assert texts(planning.alerts_of(results(), thresholds)) == said


def test_where_nothing_is_known_nothing_is_raised() -> None:
    nothing = results() | {"groupings": [], "exposure": {}, "popularity": {}}
    assert planning.alerts_of(nothing, {"gap": 0.0, "gini": 0.0, "lift": -1.0, "coverage": 1.0}) == []


def test_a_threshold_that_is_not_known_is_named(catalog: Catalog) -> None:
    with pytest.raises(BadInput, match="no threshold “beauty”") as caught:
        planned(catalog, thresholds={"beauty": 1.0})
    assert caught.value.field == "beauty"


def test_a_plan_is_due_at_once_then_after_its_days_and_taken_once(catalog: Catalog) -> None:
    plan = planned(catalog)
    assert planning.take_due() == [plan]
    assert planning.take_due() == []
    plan.refresh_from_db()
    assert planning.next_time(plan) == plan.last + timedelta(days=7)
    DisparityPlan.objects.update(last=timezone.now() - timedelta(days=8))
    assert planning.take_due() == [plan]


def test_a_plan_waits_while_its_last_audit_runs_while_it_is_off_and_while_nothing_serves(catalog: Catalog) -> None:
    plan = planned(catalog)
    row = audited(catalog, None, plan=plan, status="running")
    assert planning.take_due() == []
    row.delete()
    DisparityPlan.objects.update(on=False)
    assert planning.take_due() == []
    DisparityPlan.objects.update(on=True)
    catalog.deployments.all().delete()
    assert planning.take_due() == []


def test_beat_asks_every_hour_and_the_audit_is_of_what_serves(catalog: Catalog) -> None:
    beat = Celery("another", set_as_current=False)
    schedule(beat)
    assert beat.conf.beat_schedule["audits by plan"]["task"] == "explain.tasks.audit_planned"
    plan = planned(catalog, settings={"source": "held-out", "groups": ["age", "gender"]})
    tasks.audit_planned()
    row = catalog.disparity_audits.get()
    assert (row.plan, row.run.algorithm, row.source) == (plan, "ease", "held-out")
    assert row.settings["groups"] == ["age", "gender"]
    tasks.audit_planned()
    assert catalog.disparity_audits.count() == 1


def test_of_what_was_served_all_answers_are_looked_at(catalog: Catalog) -> None:
    plan = planned(catalog, settings={"source": "served", "groups": ["age"]})
    assert planning.serving(plan) is None
