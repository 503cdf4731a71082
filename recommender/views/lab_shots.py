"""How much a few interactions help: new people, new items or both, per recommender, beside the floors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from recommender import tasks
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, Measurement, Run
from recommender.selectors import lab as select
from recommender.views.figures import csv_answer
from recommender.views.frame import page
from recommender.views.lab_scenarios import FLOORS, PEOPLE, SCENARIOS, Scenario, scenario_of, to_measure
from recommender.views.shots_figure import CELLS, COLUMNS, shots_figure, table

SHOTS = (0, 1, 3, 5, 10, 20)
FIRST = "ndcg@10"


def shots_context(request: HttpRequest, catalog: Catalog) -> dict[str, Any]:
    scenario = scenario_of(request.GET)
    rows = select.measured_by_shots(catalog, SHOTS, scenario.protocol)
    metrics = sorted({name for row in rows for name, parts in row.metrics.items() if parts.get("low") is not None})
    metric = request.GET.get("metric", FIRST)
    metric = metric if metric in metrics else FIRST
    offered = [{"run": run, "missing": len(missing(run, rows, scenario))} for run in to_measure(catalog, scenario)]
    return {
        "scenario": scenario, "scenarios": list(SCENARIOS.values()),
        "shots_figure": shots_figure(catalog, rows, metric, scenario, offered=bool(offered)), "shot_metrics": metrics,
        "shot_metric": metric, "offered": offered, "measuring": select.live_by_shots(catalog, scenario.protocol),
        "shots": ", ".join(map(str, SHOTS[:-1])) + f" and {SHOTS[-1]}", "all_shots": len(SHOTS),
        "lacking": [name for name in FLOORS[:2] if not any(each["run"].algorithm == name for each in offered)],
    }  # fmt: skip


def missing(run: Run, rows: Sequence[Measurement], scenario: Scenario = PEOPLE) -> list[int]:
    done = {row.shots for row in rows if row.run_id == run.pk}
    live = run.measurements.filter(protocol=scenario.protocol, status__in=Run.LIVE).values_list("shots", flat=True)
    return [shots for shots in SHOTS if shots not in done | set(live)]


@require_safe
@page("view")
def shots_csv(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    scenario, metric = scenario_of(request.GET), request.GET.get("metric", FIRST)
    rows = table(select.measured_by_shots(catalog, SHOTS, scenario.protocol), metric)
    lines = (tuple(row[name] for name in CELLS) for row in rows)
    return csv_answer(f"cold-start-{scenario.key}-by-shots", COLUMNS, lines)


@require_POST
@page("train")
def shots_measure(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """Start what is missing of the chosen runs; what waits, is worked on or is done is not started again."""
    scenario, chosen = scenario_of(request.POST), set(request.POST.getlist("run"))
    runs = [run for run in to_measure(catalog, scenario) if str(run.pk) in chosen]
    rows, started = select.measured_by_shots(catalog, SHOTS, scenario.protocol), 0
    try:
        for run in runs:
            for shots in missing(run, rows, scenario):
                tasks.start_measurement(run=run, protocol=scenario.protocol, shots=shots, by=request.user)
                started += 1
    except (BadInput, Conflict) as error:
        messages.error(request, str(error))
    tell(request, started, runs)
    query = "" if scenario is PEOPLE else "?" + urlencode({"scenario": scenario.key})
    return redirect(f"{reverse('cold_start', args=[catalog.name])}{query}#shots")


def tell(request: HttpRequest, started: int, runs: Sequence[Run]) -> None:
    if started == 1:
        messages.success(request, "1 measurement waits for a worker; it trains its recommender anew.")
    elif started:
        messages.success(request, f"{started} measurements wait for a worker; each trains its recommender anew.")
    elif not runs:
        messages.error(request, "Choose at least one recommender to measure.")
    else:
        messages.info(request, "Nothing was missing.")
