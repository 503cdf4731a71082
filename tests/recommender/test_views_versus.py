"""Two runs person by person, and a run's report as one file."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from recommender.evaluation.significance import Comparison
from recommender.models import Catalog, EndUser, Measurement, Run
from recommender.services.evaluating import put_person_metrics
from recommender.views import sketches
from recommender.views.versus import binned, verdict
from tests.recommender.pages import login, measured_run, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Catalog:
    """Forty people; ease has .2 more for thirty of them, .1 less for five, the same for five."""
    made = Catalog.objects.create(name="shop")
    people = EndUser.objects.bulk_create(EndUser(catalog=made, client_id=f"p{n}") for n in range(40))
    base = np.full(40, 0.5)
    better = base + np.concatenate([np.full(30, 0.2), np.full(5, -0.1), np.zeros(5)])
    for algorithm, values in (("ease", better), ("popularity", base)):
        curve = [{"phase": "choosing", "epoch": n, "ndcg@10": n / 10, "seconds": 1} for n in (1, 2, 3)]
        run = measured_run(made, algorithm, float(values.mean()), people=40, curve=curve)
        table = pd.DataFrame({"user": [each.pk for each in people], "ndcg@10": values, "of_history": 3})
        run.person_metrics = put_person_metrics(run_id=run.pk, table=table)
        run.save()
    return made


def runs(shop: Catalog) -> list[Run]:
    return list(shop.runs.order_by("pk"))


def got(shop: Catalog, name: str, *args: Any, **query: Any) -> Any:
    client = Client()
    client.force_login(login("analyst", shop))
    return client.get(reverse(name, args=[shop.name, *args]), query)


def test_who_gains_and_who_loses(shop: Catalog) -> None:
    a, b = runs(shop)
    answer = got(shop, "versus", a.pk, b.pk)
    said = text_of(answer)
    # (30 · .2 − 5 · .1) / 40
    assert "ease #" in said and "is better in NDCG@10 by .13" in said
    assert f"30 people have more with {a}, 5 with {b}, 5 the same" in said
    assert "p0" in said and "p34" in said
    assert f'/shop/people/p0/?run={a.pk}&amp;run={b.pk}"' in answer.content.decode()


def test_everyones_figures_come_as_a_file(shop: Catalog) -> None:
    a, b = runs(shop)
    lines = got(shop, "versus_csv", a.pk, b.pk).content.decode().splitlines()
    assert lines[0] == f"user,run {a.pk},run {b.pk},difference"
    assert len(lines) == 41
    assert lines[1].startswith("p0,0.7,0.5,0.19999")


def test_the_other_run_is_chosen_by_a_form(shop: Catalog) -> None:
    a, b = runs(shop)
    assert got(shop, "versus_choose", a.pk, **{"with": b.pk})["Location"] == f"/shop/runs/{a.pk}/versus/{b.pk}/"


def test_runs_without_figures_are_not_compared(shop: Catalog) -> None:
    bare = Run.objects.create(catalog=shop, algorithm="random")
    assert got(shop, "versus", runs(shop)[0].pk, bare.pk).status_code == 404


def test_words_say_no_more_than_the_figures() -> None:
    seen = verdict(Comparison(50, 0.01, -0.02, 0.04, 0.4), "a", "b", "ndcg@10")
    assert seen.startswith("No difference found in NDCG@10: .010 (−.020 to .040) over 50 people; a gap under .043")
    assert verdict(Comparison(50, -0.1, -0.2, -0.05, 0.001), "a", "b", "rmse_person").startswith("a is better")
    assert "no person in common" in verdict(Comparison(0, np.nan, np.nan, np.nan, np.nan), "a", "b", "ndcg@10")


def test_bins_have_an_edge_at_zero() -> None:
    rows = binned(np.array([-0.4, 0.1, 0.4]))
    assert sum(row["people"] for row in rows) == 3
    assert any(row["low"] == pytest.approx(0, abs=1e-12) for row in rows)
    assert binned(np.zeros(0)) == []


def test_a_report_needs_nothing_but_itself(shop: Catalog) -> None:
    run = runs(shop)[0]
    figures = {"ndcg@10": {"value": 0.2, "low": 0.1, "high": 0.3}}
    Measurement.objects.create(run=run, protocol="time", status="succeeded", metrics=figures, people=9)
    answer = got(shop, "run_report", run.pk)
    html = answer.content.decode()
    assert answer["Content-Disposition"] == f'attachment; filename="run-{run.pk}.html"'
    assert not re.search(r"<script|<link|src=|href=|url\(|@import", html)
    assert html.count("<svg") == 3  # runs, people by activity, the curve
    for words in ("NDCG@10 .63", "By another protocol: time", "compare only with the same protocol"):
        assert words in html


def test_the_command_writes_the_same_file(shop: Catalog, tmp_path: Path) -> None:
    run, out = runs(shop)[0], tmp_path / "run.html"
    call_command("report", "--run", str(run.pk), "--out", str(out), stdout=io.StringIO())
    assert "<svg" in out.read_text()
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("report", "--run", str(run.pk), "--out", "/nowhere/at/all.html")


def test_sketches_are_drawn_from_what_there_is() -> None:
    rows = [{"name": "<a>", "value": 0.5, "low": 0.4, "high": 0.6}, {"name": "b", "value": None}]
    drawn = sketches.whiskers(rows, title="T")
    assert drawn.count("<circle") == 1 and "&lt;a&gt;" in drawn
    assert sketches.whiskers([], title="T") == sketches.curve([(1, 0.1)], title="T") == ""


@pytest.mark.parametrize(("most", "step"), [(0.119, 0.02), (0.163, 0.05), (1.0, 0.2), (0.3, 0.1), (7.0, 2.0)])
def test_steps_of_a_sketch_are_round(most: float, step: float) -> None:
    assert sketches.round_step(most) == pytest.approx(step)
