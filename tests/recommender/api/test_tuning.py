"""Searches over settings over REST."""

from __future__ import annotations

import pytest

from recommender.models import Study
from tests.recommender.api.support import problem_of

pytestmark = pytest.mark.django_db


def test_a_search_is_started_read_listed_and_cancelled(api, filled):
    client = api("manage")
    made = client.post("tuning", body={"algorithm": "ease", "trials": 3, "only": ["half_life"]})
    assert made.status_code == 201
    study = made.json()
    assert (study["status"], study["trials"], study["only"], study["best"]) == ("queued", 3, ["half_life"], None)
    Study.objects.get(pk=study["id"]).trials.create(
        number=1, state="done", value=0.5, config={"half_life": 2}, found={}
    )
    read = client.get("tuning", str(study["id"])).json()
    assert read["best"] == {"trial": 1, "value": 0.5, "config": {"half_life": 2}}
    assert client.get("tuning").json()["results"] == [read]
    assert client.post("tuning", str(study["id"]), "cancel", body={}).json()["status"] == "cancelled"
    assert client.post("tuning", str(study["id"]), "cancel", body={}).status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"algorithm": "magic"}, "algorithm"),
        ({"algorithm": "ensemble"}, "algorithm"),
        ({"algorithm": "ease", "trials": 0}, "trials"),
        ({"algorithm": "ease", "only": ["magic"]}, "only"),
    ],
)
def test_nonsense_is_refused_by_name(api, filled, body, field):
    problem = problem_of(api("manage").post("tuning", body=body), 400)
    assert problem["errors"][0]["field"] == field


def test_an_unknown_search_is_not_found(api, filled):
    problem_of(api("read").get("tuning", "999"), 404)
