"""A run on one page that needs nothing else: figures as SVG, tables, how each was measured."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from recommender.data.splits import PROTOCOLS
from recommender.evaluation.segments import bands, segments
from recommender.models import Catalog, Run
from recommender.templatetags.pages import metric_name, plain
from recommender.views import run_figures, sketches
from recommender.views.frame import page
from recommender.views.leaderboard import REFERENCES, leaderboard
from recommender.views.measuring import folds
from recommender.views.metric_words import metric_tables
from recommender.views.run_parts import run_or_404

MOST_RUNS = 12


@require_safe
@page("view")
def report_file(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    """The report, to keep or to send; no sensitive attribute is in it."""
    answer = HttpResponse(report(run_or_404(catalog, run_id)), content_type="text/html; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="run-{run_id}.html"'
    return answer


def report(run: Run) -> str:
    """HTML without scripts and without links to anywhere."""
    return render_to_string("recommender/report.html", report_context(run))


def report_context(run: Run) -> dict[str, Any]:
    measurements = run.measurements.filter(status=Run.Status.SUCCEEDED).order_by("id")
    return {
        "run": run,
        "catalog": run.catalog,
        "made": timezone.now(),
        "finding": finding(run),
        "tables": metric_tables(run.metrics, run.details),
        "protocol": run_figures.PROTOCOL,
        "settings": sorted(run.config.items()),
        "facts": run_figures.run_facts(run),
        "board": drawn_board(run),
        "curve": drawn_curve(run),
        "activity": activity(run),
        "others": [
            {"row": row, "about": PROTOCOLS[row.protocol], "tables": metric_tables(row.metrics, row.details),
             "folds": folds(row)}
            for row in measurements
        ],
    }  # fmt: skip


def finding(run: Run) -> str:
    for metric in ("ndcg@10", "rmse"):
        parts = run.metrics.get(metric)
        if parts:
            low, high = parts.get("low"), parts.get("high")
            span = f", 95% interval {plain(low)} to {plain(high)}" if low is not None and high is not None else ""
            return f"{metric_name(metric)} {plain(parts['value'])}{span}, over {run.people or 0:,} people."
    return "This run has not been measured."


def main_metric(run: Run) -> str:
    return "ndcg@10" if "ndcg@10" in run.metrics else "rmse"


def drawn_board(run: Run) -> dict[str, Any]:
    """The run beside the best others and the references, by leave-last-out."""
    metric = main_metric(run)
    rows = leaderboard(run.catalog, metric)
    kept = [row for at, row in enumerate(rows) if at < MOST_RUNS or row.run.pk == run.pk or row.reference]
    points = [{"name": row.name, **row.interval()} for row in kept]
    title = f"{metric_name(metric)} of this catalog’s runs"
    return {"title": title, "rows": points, "figure": mark_safe(sketches.whiskers(points, title=title)),
            "references": ", ".join(REFERENCES), "metric": metric_name(metric)}  # fmt: skip


def drawn_curve(run: Run) -> dict[str, Any]:
    rows = run_figures.curve_rows(run)
    metric = run_figures.watched(rows)
    phase = next((row["phase"] for row in rows if row["metric"] == metric), "")
    points = [(row["epoch"], row["value"]) for row in rows if row["metric"] == metric and row["phase"] == phase]
    title = f"{metric_name(metric)} after each epoch, on validation" if metric else ""
    return {"title": title, "rows": points, "figure": mark_safe(sketches.curve(points, title=title))}


def activity(run: Run) -> dict[str, Any]:
    """The main metric by how much was known of people."""
    table = run_figures.person_table(run) if run.person_metrics else None
    metric = {"ndcg@10": "ndcg@10", "rmse": "rmse_person"}[main_metric(run)]
    if table is None or "of_history" not in table or metric not in table:
        return {}
    names, order = bands(table["of_history"].to_numpy(dtype=float))
    rows = [vars(row) for row in segments(names, table[metric].to_numpy(dtype=float), order)]
    title = f"{metric_name(metric)} by how many interactions of a person were known"
    return {"title": title, "rows": rows, "figure": mark_safe(sketches.whiskers(rows, title=title))}
