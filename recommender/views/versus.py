"""Two runs side by side, person by person: who gains, who loses, by how much, and what chance would give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from recommender.evaluation.significance import Comparison
from recommender.exceptions import Conflict
from recommender.models import Catalog, Run
from recommender.selectors import pages
from recommender.services import comparing
from recommender.templatetags.pages import metric_name, plain
from recommender.views.figures import Figure, csv_answer, draw
from recommender.views.frame import page, show
from recommender.views.leaderboard import ALPHA, POWER
from recommender.views.metric_words import defined
from recommender.views.paging import whole
from recommender.views.run_parts import run_or_404

LOWER_IS_BETTER = ("mae", "rmse", "brier", "calibration")
EXTREMES = 10
BINS = 20


@require_safe
@page("view")
def choose(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    """`?with=ID`: to the page of the two; without another, to the run's."""
    run_or_404(catalog, run_id)
    other = catalog.runs.filter(pk=whole(request.GET.get("with"), 0)).first()
    return redirect("versus", catalog.name, run_id, other.pk) if other else redirect("run", catalog.name, run_id)


@require_safe
@page("view")
def versus(request: HttpRequest, catalog: Catalog, run_id: int, other_id: int) -> HttpResponse:
    a, b = run_or_404(catalog, run_id), run_or_404(catalog, other_id)
    metrics = metrics_of(a, b)
    metric = request.GET.get("metric", "")
    metric = metric if metric in metrics else next((name for name in ("ndcg@10", "rmse_person") if name in metrics), "")
    compared, table = comparing.side_by_side(a=a, b=b, metric=metric or metrics[0])
    metric = metric or metrics[0]
    crumbs = [("Runs", reverse("runs", args=[catalog.name])), (str(a), reverse("run", args=[catalog.name, a.pk]))]
    return show(
        request, "versus", title=f"{a} beside {b}", catalog=catalog, section="runs", crumbs=crumbs, figures=True,
        a=a, b=b, metric=metric, metrics=metrics, compared=compared, said=verdict(compared, str(a), str(b), metric),
        figure=differences_figure(catalog, a, b, metric, table), extremes=extremes(catalog, table),
        others=pages.runs_to_ask(catalog),
    )  # fmt: skip


@require_safe
@page("view")
def versus_csv(request: HttpRequest, catalog: Catalog, run_id: int, other_id: int) -> HttpResponse:
    """Everyone whom both were asked about, by the client's ids."""
    a, b = run_or_404(catalog, run_id), run_or_404(catalog, other_id)
    metrics = metrics_of(a, b)
    metric = request.GET.get("metric", "")
    _, table = comparing.side_by_side(a=a, b=b, metric=metric if metric in metrics else metrics[0])
    ids = pages.client_ids(catalog, table["user"].tolist())
    rows = ((ids.get(row.user, ""), row.a, row.b, row.difference) for row in table.itertuples(index=False))
    return csv_answer(f"run-{a.pk}-beside-{b.pk}", ("user", f"run {a.pk}", f"run {b.pk}", "difference"), rows)


def metrics_of(a: Run, b: Run) -> list[str]:
    """404 where the two have nothing to be compared by."""
    try:
        found = comparing.common_metrics(a=a, b=b)
    except Conflict as error:
        raise Http404(str(error)) from error
    if not found:
        raise Http404(f"{a} and {b} have no metric in common.")
    return found


def verdict(compared: Comparison, a: str, b: str, metric: str) -> str:
    """What the paired comparison allows to say. It is one comparison: p is not corrected for others."""
    if not compared.people:
        return "The two were asked about no person in common."
    name, people = metric_name(metric), f"{compared.people:,} people"
    span = f"{plain(compared.low)} to {plain(compared.high)}"
    if compared.p >= ALPHA:
        seen = POWER * (compared.high - compared.low) / 2
        return (
            f"No difference found in {name}: {plain(compared.difference)} ({span}) over {people}; a gap under "
            f"{plain(seen)} would likely not have been seen."
        )
    falling = metric.partition("@")[0].removesuffix("_person") in LOWER_IS_BETTER
    better = a if (compared.difference > 0) != falling else b
    chance = "p < .001" if compared.p < 0.001 else f"p = {plain(compared.p)}"
    return f"{better} is better in {name} by {plain(abs(compared.difference))} ({span}, {chance}) over {people}."


def differences_figure(catalog: Catalog, a: Run, b: Run, metric: str, table: pd.DataFrame) -> Figure:
    moved = table.loc[table["difference"] != 0, "difference"].to_numpy(dtype=np.float64)
    more, less = int((moved > 0).sum()), int((moved < 0).sum())
    rows = binned(moved)
    where = reverse("versus_csv", args=[catalog.name, a.pk, b.pk])
    return Figure(
        key="differences",
        title=f"{more:,} people have more with {a}, {less:,} with {b}, {len(table) - more - less:,} the same",
        columns=("difference from", "to", "people"),
        rows=[(row["low"], row["high"], row["people"]) for row in rows],
        definition=f"{metric_name(metric)} of each person with {a} less that with {b}; people without a difference are "
        f"left out of the bars. {metric_name(metric)}: {defined(metric)}.",
        csv=f"{where}?metric={metric}",
        json=draw("differences", rows, metric=metric_name(metric), a=str(a)) if rows else "",
        empty="Nobody has a different figure with the two.",
        height=300,
        numeric=frozenset({0, 1, 2}),
    )


def binned(moved: np.ndarray) -> list[dict[str, Any]]:
    """Counts in equal bins on both sides of 0, which is an edge."""
    if not len(moved):
        return []
    most = float(np.abs(moved).max())
    counts, edges = np.histogram(moved, bins=BINS, range=(-most, most))
    return [
        {"low": float(low), "high": float(high), "people": int(count)}
        for count, low, high in zip(counts, edges, edges[1:], strict=False)
    ]


def extremes(catalog: Catalog, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Who has the most more with each of the two."""
    gains = table[table["difference"] > 0].sort_values("difference", ascending=False, kind="stable")
    losses = table[table["difference"] < 0].sort_values("difference", kind="stable")
    found = []
    for side in (gains.head(EXTREMES), losses.head(EXTREMES)):
        ids = pages.client_ids(catalog, side["user"].tolist())
        rows = [{"person": ids[row.user], "a": row.a, "b": row.b, "difference": row.difference}
                for row in side.itertuples(index=False) if row.user in ids]  # fmt: skip
        found.append(rows)
    return found
