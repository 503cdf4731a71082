"""Figures and tables of runs, with the sentence that says what each shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from django.urls import reverse

from recommender.exceptions import Conflict
from recommender.models import Catalog, Measurement, Run
from recommender.services.evaluating import person_metrics
from recommender.templatetags.pages import metric_name, plain, size, span
from recommender.views.figures import Figure, draw
from recommender.views.leaderboard import FALLING, Row
from recommender.views.metric_words import defined

PROTOCOL = (
    "Each person's last item is held out, the rest is learned from; every item not yet seen is ranked, every person "
    "counts. Intervals are 95%, by bootstrap over people."
)
PHASES = {"load": "reading", "measured": "training", "measure": "measuring", "refit": "training on everything"}
TRAINED_ON = frozenset({"loss", "train_rmse"})
HELD_OUT = (
    "on people held out for validation, which decides when to stop; it is not the figure that the run is compared by."
)
SEEN = "on what it learns from; it says whether training goes on, not how good the recommender is."
NO_CURVE = {
    Run.Status.SUCCEEDED: "This algorithm is solved in one step, so there is no curve.",
    Run.Status.FAILED: "It failed before its second epoch.",
    Run.Status.CANCELLED: "It was cancelled before its second epoch.",
}
PREPARED = (
    "{names} prepared the data before anything was held out, so the figures are of other people, items or interactions "
    "than the rest and do not compare to the digit. Comparisons in the table are over the people that both measured."
)
TO_FILL = "Train a recommender, and it shows here with its interval."


def drawable(board: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "name": row.name,
            "algorithm": row.run.algorithm,
            "value": row.value,
            "low": row.value if row.low is None else row.low,
            "high": row.value if row.high is None else row.high,
            "coverage": row.coverage,
        }
        for row in board
    ]


def prepared_note(board: Sequence[Row]) -> str:
    """What to keep in mind where some runs were measured on data of their own."""
    names = [row.name for row in board if row.prepared]
    shown = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return PREPARED.format(names=shown) if names and len(board) > 1 else ""


def metrics_figure(catalog: Catalog, board: Sequence[Row], metric: str) -> Figure:
    rows = drawable(board)
    return Figure(
        key="accuracy",
        title=accuracy_finding(board, metric),
        columns=("run", metric_name(metric), "low", "high"),
        rows=[(row["name"], row["value"], row["low"], row["high"]) for row in rows],
        definition=f"{metric_name(metric)}: {defined(metric)}. {PROTOCOL} Dotted lines: popularity and random.",
        note=prepared_note(board),
        csv=reverse("runs_csv", args=[catalog.name]),
        json=draw("metrics", rows, metric=metric_name(metric), falling=metric in FALLING) if rows else "",
        empty=TO_FILL,
        height=max(300, 70 + 34 * len(rows)),
        numeric=frozenset({1, 2, 3}),
    )


def accuracy_finding(board: Sequence[Row], metric: str) -> str:
    if not board:
        return "Which recommender is best?"
    best = board[0]
    if metric in FALLING:
        return f"{best.name} predicts ratings best: {metric_name(metric)} {plain(best.value)}, less is better"
    popular = next((row for row in board if row.run.algorithm == "popularity"), None)
    said = f"{best.name} ranks best: {metric_name(metric)} {plain(best.value)}"
    if popular is None or popular is best or not popular.value:
        return said
    return f"{said}, {best.value / popular.value:.1f} times that of popularity"


def coverage_figure(catalog: Catalog, board: Sequence[Row], metric: str) -> Figure | None:
    """None for metrics that are of no list."""
    if "@" not in metric:
        return None
    rows = [row for row in drawable(board) if row["coverage"] is not None]
    k = metric.rpartition("@")[2]
    coverage = metric_name(f"coverage@{k}")
    return Figure(
        key="tradeoff",
        title=coverage_finding(rows, k),
        columns=("run", metric_name(metric), coverage),
        rows=[(row["name"], row["value"], row["coverage"]) for row in rows],
        definition=f"Up: {metric_name(metric)}, with its 95% interval. Right: {coverage}, {defined('coverage')}, "
        "of which no interval is computed. Up and right is better. Where marks lie too close for all their names, "
        "the table names them.",
        csv=reverse("runs_csv", args=[catalog.name]),
        json=draw("accuracy_coverage", rows, metric=metric_name(metric), coverage=coverage) if rows else "",
        empty=TO_FILL,
        height=max(300, 70 + 34 * len(rows)),
        numeric=frozenset({1, 2}),
    )


def coverage_finding(rows: Sequence[dict[str, Any]], k: str) -> str:
    if not rows:
        return "Does accuracy cost variety?"
    best = max(rows, key=lambda row: row["value"])
    return f"{best['name']}, the most accurate, shows {100 * best['coverage']:.0f}% of all items to someone"


def curve_rows(run: Run) -> list[dict[str, Any]]:
    """A row per epoch and metric; the stored row of an epoch holds its metrics beside phase, epoch and seconds."""
    return [
        {"phase": row.get("phase", ""), "epoch": row.get("epoch", at), "metric": metric, "value": value,
         "seconds": row.get("seconds")}
        for at, row in enumerate(run.curve, start=1)
        for metric, value in row.items()
        if metric not in ("phase", "epoch", "seconds") and isinstance(value, (int, float))
    ]  # fmt: skip


def watched(rows: Sequence[dict[str, Any]]) -> str:
    """The metric that the curve is drawn of: one on validation where there is any, else what is reported first."""
    names = [row["metric"] for row in rows]
    return next((name for name in names if name.startswith(("ndcg", "rmse"))), names[0] if names else "")


def curve_figure(catalog: Catalog, run: Run) -> Figure:
    every = curve_rows(run)
    metric = watched(every)
    phase = next((row["phase"] for row in every if row["metric"] == metric), "")
    rows = [row for row in every if row["metric"] == metric and row["phase"] == phase]
    validated = metric not in TRAINED_ON
    about = {"metric": metric_name(metric), "falling": metric in FALLING, "validated": validated}
    return Figure(
        key="curve",
        title=curve_finding(rows, metric),
        columns=("epoch", metric_name(metric), "seconds"),
        rows=[(row["epoch"], row["value"], row["seconds"]) for row in rows],
        definition=f"{metric_name(metric)} after each epoch, {SEEN if metric in TRAINED_ON else HELD_OUT}",
        csv=reverse("curve_csv", args=[catalog.name, run.pk]),
        json=draw("learning_curve", rows, algorithm=run.algorithm, **about) if len(rows) > 1 else "",
        empty=NO_CURVE.get(run.status, "The curve begins with the second epoch."),
        height=240,
        numeric=frozenset({0, 1, 2}),
    )


def curve_finding(rows: Sequence[dict[str, Any]], metric: str) -> str:
    if not rows:
        return "How it learns"
    if metric in TRAINED_ON:
        return f"{metric_name(metric)} {plain(rows[-1]['value'])} after {len(rows)} epochs, on what it learns from"
    best = (min if metric in FALLING else max)(rows, key=lambda row: row["value"])
    return (
        f"Best after epoch {best['epoch']} of {len(rows)}: {metric_name(metric)} {plain(best['value'])} on validation"
    )


def person_table(run: Run | Measurement) -> pd.DataFrame | None:
    try:
        return person_metrics(run=run)
    except Conflict:
        return None


BANDS = ((1, 1, "1"), (2, 3, "2–3"), (4, 5, "4–5"), (6, 10, "6–10"), (11, 20, "11–20"))


def spread_figure(catalog: Catalog, run: Run, metric: str = "ndcg@20") -> Figure | None:
    """Where the held-out item stood in people's lists: NDCG of one held-out item is 1 / log₂(1 + rank)."""
    table = person_table(run) if run.person_metrics else None
    if table is None or metric not in table or not len(table):
        return None
    places = np.where(table[metric] > 0, np.round(np.exp2(1 / table[metric].clip(lower=1e-2)) - 1), np.inf)
    rows = [{"place": words, "people": int(((places >= low) & (places <= high)).sum())} for low, high, words in BANDS]
    rows.append({"place": "lower", "people": int(np.isinf(places).sum())})
    options = {"value": "place", "count": "people", "x_title": "place of the held-out item", "y_title": "people"}
    found = int(np.isfinite(places).sum())
    return Figure(
        key="spread",
        title=f"{100 * found / len(places):.0f}% of people find their next item among the first 20",
        columns=("place of the held-out item", "people"),
        rows=[(row["place"], row["people"]) for row in rows],
        definition="Each person's held-out item has one place in that person's list, worked out from NDCG@20 = "
        "1 / log₂(1 + place). The CSV holds every metric for every person.",
        csv=reverse("people_csv", args=[catalog.name, run.pk]),
        json=draw("histogram", rows, **options),
        height=240,
        numeric=frozenset({1}),
    )


def run_facts(run: Run) -> list[tuple[str, str]]:
    """What a colleague needs to believe or repeat a run."""
    known = [(words, run.durations.get(name)) for name, words in PHASES.items()]
    phases = ", ".join(f"{words} {span(seconds)}" for words, seconds in known if seconds is not None)
    took = (run.finished - run.started).total_seconds() if run.finished and run.started else None
    facts = [
        ("Seed", str(run.seed)),
        ("Took", span(took) if took is not None else ""),
        ("Of which", phases),
        ("Peak memory", size(run.peak_memory) if run.peak_memory else ""),
        ("People measured", f"{run.people:,}" if run.people is not None else ""),
        ("Attempts", str(run.attempts) if run.attempts > 1 else ""),
        ("Data fingerprint", run.data_fingerprint[:16]),
        ("Code version", run.code_version),
        ("Started by", str(run.created_by) if run.created_by else ""),
    ]
    return [(name, value) for name, value in facts if value]
