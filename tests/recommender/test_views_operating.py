"""The page of what serves: the way back, the plan, what was decided, files."""

from __future__ import annotations

import pytest

from recommender import tasks
from recommender.models import Batch, Retraining, RetrainingPlan
from recommender.rights import ANALYST, OPERATOR
from recommender.services import batches
from tests.recommender.api.conftest import (  # noqa: F401 (fixtures)
    catalog,
    deploy,
    filled,
    logins,
    nothing_loaded,
)  # fmt: skip
from tests.recommender.pages import text_of

PAGE = "/films/serving/"


@pytest.fixture
def ready(filled, deploy):  # noqa: F811
    deploy(filled, "popularity")
    deploy(filled, "item_knn")
    return filled


def test_the_way_back_is_one_click(logins, ready):  # noqa: F811
    before = ready.deployments.order_by("id").first().run
    operator = logins[OPERATOR]
    assert f"Return to {before}" in text_of(operator.get(PAGE))
    assert f"Return to {before}" not in text_of(logins[ANALYST].get(PAGE))
    told = text_of(operator.post(f"{PAGE}return/", follow=True))
    assert f"{before} is in service again." in told
    assert ready.deployments.first().run == before


def test_the_plan_is_kept(logins, ready):  # noqa: F811
    told = text_of(logins[OPERATOR].post(f"{PAGE}retraining/", {"on": "on", "hour": "4"}, follow=True))
    assert "is trained anew each day at 04:00 UTC" in told and "Each day at 04:00 UTC" in told
    assert logins[OPERATOR].post(f"{PAGE}retraining/", {"on": "on", "hour": "24"}).status_code == 400
    logins[OPERATOR].post(f"{PAGE}retraining/", {"hour": "4"})
    assert not RetrainingPlan.objects.get(catalog=ready).on


def test_a_decision_stands_on_the_overview_and_in_a_file(logins, ready):  # noqa: F811
    now, before = (row.run for row in ready.deployments.all()[:2])
    Retraining.objects.create(
        catalog=ready, run=before, against=now, decision="kept", reason="It is not better, <b>by far</b>."
    )
    for page in ("/films/", PAGE):
        assert "It is not better, &lt;b&gt;by far&lt;/b&gt;." in logins[ANALYST].get(page).content.decode()
    assert "What served before stays." in text_of(logins[ANALYST].get("/films/"))
    assert b"It is not better" in b"".join(logins[ANALYST].get(f"{PAGE}retrainings.csv"))


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_a_file_is_asked_for_and_fetched(logins, ready, monkeypatch):  # noqa: F811
    monkeypatch.setattr(tasks, "send", lambda *given, **more: None)
    analyst = logins[ANALYST]
    assert "appears below" in text_of(analyst.post(f"{PAGE}batches/new/", {"n": "3", "format": "csv"}, follow=True))
    row = Batch.objects.get()
    assert analyst.get(f"{PAGE}batches/{row.pk}/file/").status_code == 404
    batches.execute_batch(batch_id=row.pk)
    assert "Download CSV" in text_of(analyst.get(PAGE))
    file = analyst.get(f"{PAGE}batches/{row.pk}/file/")
    assert b"".join(file.streaming_content).startswith(b"user,item,rank,score\n")
    assert analyst.post(f"{PAGE}batches/new/", {"n": "0", "format": "csv"}).status_code == 400
