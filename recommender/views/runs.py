"""Runs: compared with one another, and each by itself."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from recommender import hooks
from recommender.algorithms import registry
from recommender.models import Catalog, Run
from recommender.selectors import pages
from recommender.services import parents
from recommender.views import run_figures
from recommender.views.figures import csv_answer
from recommender.views.frame import page, show
from recommender.views.leaderboard import METRICS, judge, leaderboard, metric_of
from recommender.views.measuring import in_groups, measured_context, reliability_figure
from recommender.views.metric_words import metric_tables
from recommender.views.preparation import preparation_context
from recommender.views.run_made import made_context
from recommender.views.run_parts import people_answer, run_or_404
from recommender.views.segments import segment_context

STATUSES = [("", "All"), *Run.Status.choices]


@require_safe
@page("view")
def runs(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """The leaderboard, its figures, and every run by state; metric and state stand in the address."""
    metric = metric_of(catalog, request.GET.get("metric", ""))
    status = request.GET.get("status", "")
    status = status if status in Run.Status.values else ""
    board = leaderboard(catalog, metric)
    compared = judge(board, metric, now="compare" in request.GET)
    listed = catalog.runs.defer("curve", "traceback").order_by("-id")
    return show(
        request, "runs", title="Runs", catalog=catalog, section="runs", figures=True, board=board, metric=metric,
        compared=compared,
        metrics=METRICS, state=status, statuses=STATUSES, deployed=pages.deployed(catalog),
        runs=list(listed.filter(status=status) if status else listed)[:100],
        accuracy=run_figures.metrics_figure(catalog, board, metric),
        tradeoff=run_figures.coverage_figure(catalog, board, metric),
    )  # fmt: skip


@require_safe
@page("view")
def board(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """The leaderboard's table with every comparison made: asked for once the page is there."""
    metric = metric_of(catalog, request.GET.get("metric", ""))
    rows = leaderboard(catalog, metric)
    judge(rows, metric, now=True)
    context = {"board": rows, "metric": metric, "compared": True, "catalog": catalog}
    return render(request, "recommender/parts/board.html", context | {"deployed": pages.deployed(catalog)})


@require_safe
@page("view")
def runs_csv(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """Every metric of every measured run, a row each."""
    rows = [
        (run.pk, run.algorithm, run.seed, name, row.get("value"), row.get("low"), row.get("high"), run.people)
        for run in catalog.runs.filter(status=Run.Status.SUCCEEDED).order_by("id")
        for name, row in run.metrics.items()
    ]
    return csv_answer("runs", ("run", "algorithm", "seed", "metric", "value", "low", "high", "people"), rows)


@require_safe
@page("view")
def run(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    found = run_or_404(catalog, run_id)
    context = run_context(catalog, found) | measured_context(found)
    if found.person_metrics:
        table = run_figures.person_table(found)
        context |= segment_context(request, catalog, in_groups(table), found.algorithm)
    crumbs = [("Runs", reverse("runs", args=[catalog.name]))]
    title = f"{found.algorithm} #{found.pk}"
    return show(request, "run", title=title, catalog=catalog, section="runs", crumbs=crumbs, figures=True, **context)


def run_context(catalog: Catalog, run: Run) -> dict[str, Any]:
    return {
        "run": run,
        "live": run.status in Run.LIVE,
        "deployed": pages.deployed(catalog),
        "curve": run_figures.curve_figure(catalog, run),
        "ranks": registry.ranks(run.algorithm),
        "pages_about": [each(run=run) for each in hooks.run_pages] if run.status == Run.Status.SUCCEEDED else [],
        "tables": metric_tables(run.metrics, run.details),
        "reliability": reliability_figure(run),
        "spread": run_figures.spread_figure(catalog, run),
        "facts": run_figures.run_facts(run),
        "settings": [(name.replace("_", " "), value) for name, value in sorted(run.config.items())],
        "made_of": parents.weights_of(run=run),
        **made_context(catalog, run),
        **preparation_context(run),
    }


@require_safe
@page("view")
def run_live(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    """The part of a run's page that changes while it runs; when it is over, the whole page loads again."""
    found = run_or_404(catalog, run_id)
    if found.status not in Run.LIVE:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    context = run_context(catalog, found) | {"catalog": catalog}
    return render(request, "recommender/parts/run_live.html", context)


@require_safe
@page("view")
def curve_csv(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    rows = run_figures.curve_rows(run_or_404(catalog, run_id))
    cells = [(row["phase"], row["epoch"], row["metric"], row["value"], row["seconds"]) for row in rows]
    return csv_answer(f"curve-{run_id}", ("phase", "epoch", "metric", "value", "seconds"), cells)


@require_safe
@page("view")
def people_csv(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    """The run's metrics, a row per person, by the client's ids."""
    return people_answer(catalog, run_or_404(catalog, run_id), f"people-{run_id}")
