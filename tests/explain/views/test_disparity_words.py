"""Titles of figures of disparities say no more than intervals allow, however many were looked at."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from explain.views.disparity_figures import gaps_figure
from explain.views.disparity_item_figures import classes_finding, lift_figure
from explain.views.sweep_figures import groups_finding
from tests.explain.disparities import audited, results
from tests.recommender.pages import films, login


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.01, 0.11, "Lists are 6% more popular than what their people knew before"),
        (-0.02, 0.14, "Lists are not found to be more or less popular than what their people knew before: lift +.060 "
                      "(95%: −.020 to +.140)"),
        (None, None, "Lists are not found to be more or less popular than what their people knew before: lift +.060"),
    ],
)  # fmt: skip
def test_lists_are_called_more_popular_only_where_the_interval_says_so(low: Any, high: Any, words: str) -> None:
    found = results()
    found["popularity"] |= {"lift": 0.06, "low": low, "high": high}
    assert lift_figure(found, "every").figure.title == words


def test_the_gap_between_two_groups_that_are_everyone_is_told_of_once() -> None:
    found = results()
    for group, gap in zip(found["groupings"][0]["groups"], (-0.03, 0.03), strict=True):
        group["metrics"]["ndcg@10"].update(versus_rest=gap, p_holm=0.01)
    assert gaps_figure(found, "ndcg@10", "gender").figure.title == "NDCG@10: F differs from everyone else by −.030"
    found["groupings"][0]["missing"] = None
    assert "and 1 other group" in gaps_figure(found, "ndcg@10", "gender").figure.title


def test_of_many_classes_one_is_named_only_by_an_interval_that_holds_for_all() -> None:
    rows = [{"value": f"class {at}", "ratio": 1.0, "ratio_low": 0.8, "ratio_high": 1.25} for at in range(40)]
    rows[7] |= {"ratio": 0.8, "ratio_low": 0.65, "ratio_high": 0.985}
    assert "no class is found to get less exposure" in classes_finding({"title": "Kinds", "rows": rows})
    assert "class 7 gets 0.80 times" in classes_finding({"title": "Kinds", "rows": rows[7:8]})
    rows[7] |= {"ratio_low": 0.72, "ratio_high": 0.89}
    assert "class 7 gets 0.80 times" in classes_finding({"title": "Kinds", "rows": rows})


def test_of_many_groups_one_is_said_to_gain_only_by_an_interval_that_holds_for_all() -> None:
    nobody = {"value": 0.0, "low": -0.02, "high": 0.02, "told": False}
    points = [nobody | {"name": f"group {at}"} for at in range(20)]
    points[3] |= {"value": 0.02, "low": 0.0005, "high": 0.0395, "told": True}
    assert groups_finding(points) == "no change found (one of up to .040 may be there)"
    assert groups_finding(points[3:4]) == "group 3 +.020"
    points[3] |= {"low": 0.01, "high": 0.03}
    assert groups_finding(points) == "group 3 +.020"


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["queued", "running", "failed", "cancelled"])
def test_the_history_of_audits_has_those_without_results_too(status: str) -> None:
    catalog, client = films(), Client()
    client.force_login(login("analyst", catalog))
    row = audited(catalog, catalog.runs.get(algorithm="ease"), results={"about": {}}, status=status, path="")
    answer = client.get(reverse("disparities", args=[catalog.name]))
    assert answer.status_code == 200 and f"#{row.pk} ease" in answer.content.decode()
