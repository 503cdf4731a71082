"""A run under other protocols: started from its page, each on a page of its own. Figures of two never share a table."""

from __future__ import annotations

from typing import Any

import pandas as pd
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from recommender import tasks
from recommender.algorithms import registry
from recommender.data.splits import PROTOCOLS, WITH_SHOTS
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, Measurement, Run
from recommender.services import measuring
from recommender.templatetags.pages import plain
from recommender.views import run_figures
from recommender.views.figures import Figure, draw
from recommender.views.floors import floors_context
from recommender.views.frame import page, show
from recommender.views.metric_words import metric_tables
from recommender.views.paging import whole
from recommender.views.run_parts import people_answer, run_or_404
from recommender.views.segments import segment_context


def protocols_of(run: Run) -> list[tuple[str, str]]:
    """Protocols that the run's algorithm can be measured by, with what each asks."""
    abilities = registry.abilities(run.algorithm)
    return [
        (name, about)
        for name, about in PROTOCOLS.items()
        if name != measuring.OWN_PROTOCOL and ("rating" if name == "k-fold" else "ranking") in abilities
    ]


def measured_context(run: Run) -> dict[str, Any]:
    """What the run's page says about other protocols."""
    rows = [{"row": row, "figures": headline(row)} for row in run.measurements.all()[:20]]
    return {"measurements": rows, "protocols": protocols_of(run), "with_shots": ", ".join(WITH_SHOTS)}


def headline(row: Measurement) -> str:
    """One figure in words: it stands in a list of several protocols, which must not look like a column."""
    for name, words in (("ndcg@10", "NDCG@10"), ("rmse", "RMSE"), ("accuracy", "accuracy")):
        parts = row.metrics.get(name)
        if parts:
            low, high = parts.get("low"), parts.get("high")
            span = f" ({plain(low)} to {plain(high)})" if low is not None and high is not None else ""
            return f"{words} {plain(parts['value'])}{span}"
    return ""


@require_POST
@page("train")
def run_measure(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    """Start a measurement; back to the run's page with what is wrong, where something is."""
    run, shots = run_or_404(catalog, run_id), request.POST.get("shots", "").strip()
    if shots and not shots.isdigit():
        messages.error(request, "Shots takes a whole number, or nothing.")
        return redirect("run", catalog.name, run_id)
    try:
        given = {"protocol": request.POST.get("protocol", ""), "shots": whole(shots, 0) if shots else None}
        row = tasks.start_measurement(run=run, by=request.user, **given)
    except (BadInput, Conflict) as error:
        messages.error(request, str(error))
        return redirect("run", catalog.name, run_id)
    return redirect("measurement", catalog.name, run_id, row.pk)


@require_safe
@page("view")
def measurement(request: HttpRequest, catalog: Catalog, run_id: int, measurement_id: int) -> HttpResponse:
    row = measurement_or_404(catalog, run_id, measurement_id)
    name = f"{row.run.algorithm} #{row.run_id}"
    crumbs = [
        ("Runs", reverse("runs", args=[catalog.name])),
        (name, reverse("run", args=[catalog.name, row.run_id])),
    ]
    table = run_figures.person_table(row) if row.person_metrics else None
    return show(
        request, "measurement", title=f"{name} by {row.protocol}", catalog=catalog, section="runs", crumbs=crumbs,
        figures=True, row=row, live=row.status in Run.LIVE, about=PROTOCOLS[row.protocol], given=given_words(row),
        tables=metric_tables(row.metrics, row.details), folds=folds(row), reliability=reliability_figure(row),
        **floors_context(row), **segment_context(request, catalog, in_groups(table), row.run.algorithm),
    )  # fmt: skip


def given_words(row: Measurement) -> str:
    """What so many shots are, by protocol."""
    if row.shots is None:
        return ""
    several = f"{row.shots:,} interaction{'' if row.shots == 1 else 's'}"
    if row.protocol == "cold-items":
        return f"Training has seen the first {several} of each new item." if row.shots else "Training has seen none."
    return f"Of each new person {several} {'is' if row.shots == 1 else 'are'} known."


def in_groups(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """Ratings alone know no history: then there are no groups to choose."""
    return table if table is not None and "of_history" in table else None


def folds(row: Measurement) -> list[dict[str, Any]]:
    return [each | {"fold": at} for at, each in enumerate(row.details.get("folds", []), start=1)]


def reliability_figure(of: Run | Measurement) -> Figure | None:
    """Probabilities against what was liked; None where there was no decision to make."""
    rows = of.details.get("reliability")
    if not rows:
        return None
    error = (of.metrics.get("ece") or {}).get("value") or 0.0
    return Figure(
        key="reliability",
        title=f"Probabilities are off by {plain(error)} on average",
        columns=("probability from", "to", "ratings", "mean probability", "share liked"),
        rows=[(row["low"], row["high"], row["n"], row["predicted"], row["liked"]) for row in rows],
        definition="Held-out ratings in ten bins of the probability said: its mean beside the share that was liked. "
        "On the dotted line they are equal. Bins of few ratings say little; no interval is computed.",
        json=draw("reliability", rows),
        height=300,
        numeric=frozenset(range(5)),
    )


@require_safe
@page("view")
def measurement_live(request: HttpRequest, catalog: Catalog, run_id: int, measurement_id: int) -> HttpResponse:
    """How far it is; when it is over, the whole page loads again."""
    row = measurement_or_404(catalog, run_id, measurement_id)
    if row.status not in Run.LIVE:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "recommender/parts/measurement_live.html", {"row": row, "catalog": catalog})


@require_safe
@page("view")
def measurement_people_csv(request: HttpRequest, catalog: Catalog, run_id: int, measurement_id: int) -> HttpResponse:
    """Its metrics, a row per person, by the client's ids."""
    row = measurement_or_404(catalog, run_id, measurement_id)
    return people_answer(catalog, row, f"people-{run_id}-{row.protocol}")


@require_POST
@page("train")
def measurement_cancel(request: HttpRequest, catalog: Catalog, run_id: int, measurement_id: int) -> HttpResponse:
    row = measurement_or_404(catalog, run_id, measurement_id)
    try:
        measuring.cancel_measurement(measurement=row)
        messages.success(request, "The measurement is being cancelled; it stops within seconds.")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("measurement", catalog.name, run_id, measurement_id)


def measurement_or_404(catalog: Catalog, run_id: int, measurement_id: int) -> Measurement:
    found = None
    if max(run_id, measurement_id) < 2**63:
        rows = Measurement.objects.select_related("run")
        found = rows.filter(pk=measurement_id, run=run_id, run__catalog=catalog).first()
    if found is None:
        raise Http404(f"{catalog} has no measurement {measurement_id} of run {run_id}.")
    return found
