"""Audits over REST: listed, read as far as one may, started and cancelled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recommender.models import Catalog, Run
from tests.explain.disparities import audited
from tests.recommender.api.support import Api, problem_of

pytestmark = pytest.mark.django_db
ROOT = "fairness-reports"


def test_they_are_listed_and_read_without_what_is_sensitive(
    filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api]
) -> None:
    row = audited(filled, deploy(filled, "ease"))
    listed = api("read").get(ROOT).json()
    assert [each["id"] for each in listed["results"]] == [row.pk]
    found = api("read").get(ROOT, str(row.pk)).json()
    assert {each["name"] for each in found["results"]["groupings"]} == {"age", "occupation", "town"}
    assert "Gender" not in str(found)
    assert api("read").get(ROOT, "999999").status_code == 404


def test_one_is_started_and_cancelled(filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api]) -> None:
    run = deploy(filled, "ease")
    drawn = {"resamples": 500, "permutations": 300, "seed": 7}
    asked = {"run": run.pk, "groups": ["gender"], "k": 5, **drawn}
    assert api("read").post(ROOT, body=asked).status_code == 403
    answer = api("manage").post(ROOT, body=asked)
    assert answer.status_code == 201, answer.content
    row = filled.disparity_audits.get()
    assert (row.run_id, row.settings) == (run.pk, {"groups": ["gender"], "k": 5, **drawn})
    assert api("manage").post(ROOT, str(row.pk), "cancel", body={}).json()["status"] == "cancelled"
    assert api("manage").post(ROOT, str(row.pk), "cancel", body={}).status_code == 409


def test_what_means_nothing_is_a_problem_that_names_the_field(filled: Catalog, api: Callable[..., Api]) -> None:
    for given, field in (
        ({}, "run"),
        ({"run": 10**9}, "run"),
        ({"k": 0}, "k"),
        ({"resamples": 10}, "resamples"),
        ({"depth": 1}, "depth"),
    ):
        answer = api("manage").post(ROOT, body=given)
        assert field in str(problem_of(answer, answer.status_code)), (given, answer.content)
        assert answer.status_code == 400
