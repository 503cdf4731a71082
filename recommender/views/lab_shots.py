"""Quality against the number of interactions known of a new person, per recommender, beside the floors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from recommender import tasks
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, Measurement, Run
from recommender.selectors import lab as select
from recommender.selectors import pages
from recommender.templatetags.pages import metric_name, plain
from recommender.views.figures import Figure, csv_answer, draw
from recommender.views.frame import page
from recommender.views.metric_words import defined

SHOTS = (0, 1, 3, 5, 10, 20)
PROTOCOL = "cold-users"
FLOORS = ("popularity", "random", "latest")
"""What every recommender that adapts must beat; drawn in grey."""
FIRST = "ndcg@10"
COLUMNS = ("recommender", "interactions known", "value", "low", "high", "people", "seed")
CELLS = ("name", "shots", "value", "low", "high", "people", "seed")


def shots_context(request: HttpRequest, catalog: Catalog) -> dict[str, Any]:
    rows = select.measured_by_shots(catalog, SHOTS)
    metrics = sorted({name for row in rows for name, parts in row.metrics.items() if parts.get("low") is not None})
    metric = request.GET.get("metric", FIRST)
    metric = metric if metric in metrics else FIRST
    offered = [{"run": run, "missing": len(missing(run, rows))} for run in to_measure(catalog)]
    return {
        "shots_figure": shots_figure(catalog, rows, metric), "shot_metrics": metrics, "shot_metric": metric,
        "offered": offered, "measuring": select.live_by_shots(catalog), "shots": ", ".join(map(str, SHOTS)),
        "lacking": [name for name in FLOORS[:2] if not any(each["run"].algorithm == name for each in offered)],
    }  # fmt: skip


def to_measure(catalog: Catalog) -> list[Run]:
    """Recommenders that adapt, then the floors: the newest run of each."""
    floors = [
        run for run in pages.runs_to_ask(catalog, limit=10_000) if run.algorithm in FLOORS and run.parents.count() == 0
    ]
    newest = {run.algorithm: run for run in sorted(floors, key=lambda run: run.pk)}
    return [*select.adaptable_runs(catalog), *newest.values()]


def missing(run: Run, rows: Sequence[Measurement]) -> list[int]:
    done = {row.shots for row in rows if row.run_id == run.pk}
    live = run.measurements.filter(protocol=PROTOCOL, status__in=Run.LIVE).values_list("shots", flat=True)
    return [shots for shots in SHOTS if shots not in done | set(live)]


def shots_figure(catalog: Catalog, rows: Sequence[Measurement], metric: str) -> Figure:
    found = table(rows, metric)
    where = reverse("cold_start_shots_csv", args=[catalog.name])
    return Figure(
        key="shots",
        title=finding(found, metric),
        columns=COLUMNS,
        rows=[
            tuple(row[name] for name in ("name", "shots", "value", "low", "high", "people", "seed")) for row in found
        ],
        definition=f"{metric_name(metric)}: {defined(metric)}. Protocol cold-users: a fifth of the people, drawn "
        "by the run's seed, is unknown to training; of each the first so many interactions are given, all others are "
        "asked about. The more is given, the fewer people have enough and the fewer items are left to find, so a "
        "curve may fall without anything getting worse: compare recommenders at one number of interactions, and "
        "runs of one seed. Whiskers are 95% intervals by bootstrap over people.",
        csv=f"{where}?metric={metric}",
        json=draw("by_shots", found, metric=metric_name(metric)) if found else "",
        empty="Nothing measured by number of interactions yet. Choose recommenders below and measure them.",
        height=380,
        numeric=frozenset(range(1, 7)),
    )


def table(rows: Sequence[Measurement], metric: str) -> list[dict[str, Any]]:
    """A row per run and number of interactions, best recommender (by the mean over shots) first."""
    found = [
        {
            "name": str(row.run), "algorithm": row.run.algorithm, "run": row.run_id, "shots": row.shots,
            "people": row.people, "seed": row.run.seed, "floor": row.run.algorithm in FLOORS,
            **{part: row.metrics[metric].get(part) for part in ("value", "low", "high")},
        }
        for row in rows if metric in row.metrics
    ]  # fmt: skip
    means = {row["run"]: [each["value"] for each in found if each["run"] == row["run"]] for row in found}
    order = {run: -sum(values) / len(values) for run, values in means.items()}
    return sorted(found, key=lambda row: (order[row["run"]], row["run"], row["shots"]))


def finding(rows: Sequence[dict[str, Any]], metric: str) -> str:
    """What the most given interactions at which a learner and a floor were both measured allow to say."""
    learners = [row for row in rows if not row["floor"]]
    floors = {row["shots"]: row for row in sorted(rows, key=lambda row: row["value"]) if row["floor"]}
    shared = [row for row in learners if row["shots"] in floors]
    if not shared:
        return f"{metric_name(metric)} by interactions known of a new person"
    shots = max((row["shots"] for row in shared if row["shots"] <= 5), default=min(row["shots"] for row in shared))
    best, floor = max((row for row in shared if row["shots"] == shots), key=lambda row: row["value"]), floors[shots]
    given = f"With {shots} interaction{'' if shots == 1 else 's'}"
    pair = f"{best['name']} has {plain(best['value'])}, {floor['name']} {plain(floor['value'])}"
    apart = best["low"] is not None and floor["high"] is not None and best["low"] > floor["high"]
    return f"{given}, {pair}; the intervals {'do not overlap' if apart else 'overlap'}"


@require_safe
@page("view")
def shots_csv(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    metric = request.GET.get("metric", FIRST)
    rows = table(select.measured_by_shots(catalog, SHOTS), metric)
    return csv_answer("cold-start-by-shots", COLUMNS, (tuple(row[name] for name in CELLS) for row in rows))


@require_POST
@page("train")
def shots_measure(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """Start what is missing of the chosen runs; what waits, is worked on or is done is not started again."""
    chosen = set(request.POST.getlist("run"))
    runs = [run for run in to_measure(catalog) if str(run.pk) in chosen]
    rows, started = select.measured_by_shots(catalog, SHOTS), 0
    try:
        for run in runs:
            for shots in missing(run, rows):
                tasks.start_measurement(run=run, protocol=PROTOCOL, shots=shots, by=request.user)
                started += 1
    except (BadInput, Conflict) as error:
        messages.error(request, str(error))
    if started:
        messages.success(request, f"{started} measurements wait for a worker; each trains its recommender anew.")
    elif not runs:
        messages.error(request, "Choose at least one recommender to measure.")
    else:
        messages.info(request, "Nothing was missing.")
    return redirect(reverse("cold_start", args=[catalog.name]) + "#shots")
