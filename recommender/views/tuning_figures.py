"""Figures and tables of a search over settings, with the sentence that says what each shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from recommender.algorithms import registry
from recommender.evaluation.space import Dimension, space
from recommender.models import Catalog, Study, Trial
from recommender.templatetags.pages import plain
from recommender.views.figures import Figure, draw

METRIC = "NDCG@10"
JUDGED = (
    "Each trial learns from all but everyone’s last two items and is judged by the one before the last; the last, "
    "by which runs are compared, is never read."
)
WAIT = "The first trial that is done shows here."


def done(study: Study) -> list[Trial]:
    return [each for each in study.trials.all() if each.state == Trial.State.DONE]


def words(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def told(trial: Trial, names: Sequence[str]) -> str:
    """What a mark says on hover."""
    lines = [f"{name.replace('_', ' ')} {words(trial.config.get(name))}" for name in names]
    return "<br>".join([f"<b>trial {trial.number}</b>", f"{METRIC} {trial.value:.4f}", *lines])


def best_figure(catalog: Catalog, study: Study, trials: Sequence[Trial], names: Sequence[str]) -> Figure:
    rows, best = [], 0.0
    for trial in trials:
        best = max(best, trial.value or 0.0)
        rows.append({"trial": trial.number, "value": trial.value, "best": best, "words": told(trial, names)})
    return Figure(
        key="best",
        title=best_finding(trials),
        columns=("trial", METRIC, "best so far"),
        rows=[(row["trial"], row["value"], row["best"]) for row in rows],
        definition=f"{METRIC} on validation of each trial (points), the best until then (line). {JUDGED} The best of "
        "many flatters itself: train with its settings to see what they are worth.",
        csv=reverse("trials_csv", args=[catalog.name, study.pk]),
        json=draw("best_so_far", rows, metric=METRIC) if rows else "",
        empty=WAIT,
        height=260,
        numeric=frozenset({0, 1, 2}),
    )


def best_finding(trials: Sequence[Trial]) -> str:
    if not trials:
        return "How far does tuning get?"
    best = max(trials, key=lambda trial: (trial.value or 0.0, -trial.number))
    first = next((trial for trial in trials if trial.origin == Trial.Origin.DEFAULT), None)
    said = f"Best in trial {best.number}: {METRIC} {plain(best.value or 0)} on validation"
    if first is None or not first.value:
        return said
    if first == best:
        return f"{said}, with the defaults"
    gain = 100 * ((best.value or 0) / first.value - 1)
    return f"{said}, {gain:.1f}% above the defaults" if gain > 0 else f"{said}, as good as the defaults"


def importance_figure(catalog: Catalog, study: Study) -> Figure:
    shares = sorted(study.importance.items(), key=lambda pair: -pair[1])
    rows = [{"setting": name.replace("_", " "), "share": share} for name, share in shares]
    title = "Which settings matter?"
    if rows:
        title = f"{rows[0]['setting'].capitalize()} matters most: {100 * rows[0]['share']:.0f}% of the differences"
    return Figure(
        key="importance",
        title=title,
        columns=("setting", "share"),
        rows=[(row["setting"], row["share"]) for row in rows],
        definition="Share of the differences between trials that a setting explains by itself, by functional analysis "
        "of variance over a random forest (Hutter and others, 2014). With few trials it is a rough guess.",
        csv=reverse("trials_csv", args=[catalog.name, study.pk]),
        json=draw("importance", rows) if rows else "",
        empty="Four trials that differ are needed to tell.",
        height=90 + 34 * max(1, len(rows)),
        numeric=frozenset({1}),
    )


def coordinates_figure(catalog: Catalog, study: Study, trials: Sequence[Trial]) -> Figure:
    dimensions = space(registry.config_class(study.algorithm), study.only)
    names = [each.name for each in dimensions]
    axes = [axis(each) for each in dimensions]
    values = [trial.value or 0.0 for trial in trials]
    low, high = min(values, default=0.0), max(values, default=1.0)
    axes.append({"name": "metric", "label": METRIC, "low": plain(low), "high": plain(high)})
    rows = [
        {"trial": trial.number, "value": trial.value, "words": told(trial, names),
         "metric": ((trial.value or 0.0) - low) / (high - low) if high > low else 0.5,
         **{each.name: place(each, trial.config.get(each.name)) for each in dimensions}}
        for trial in trials
    ]  # fmt: skip
    return Figure(
        key="coordinates",
        title="Where the best settings lie",
        columns=("trial", *[name.replace("_", " ") for name in names], METRIC),
        rows=[(each.number, *[each.config.get(name) for name in names], each.value) for each in trials],
        definition="A line per trial through its settings to its figure on the right; the five best stand out. Axes "
        "have the scales of the search (logarithmic where a range spans decades). Lines that run together on an axis "
        "mean that the good trials agree there.",
        csv=reverse("trials_csv", args=[catalog.name, study.pk]),
        json=draw("coordinates", rows, axes=axes) if len(rows) > 1 else "",
        empty="Two trials that are done are needed to compare.",
        height=340,
        numeric=frozenset({0, len(names) + 1}),
    )


def axis(dimension: Dimension) -> dict[str, str]:
    ends = (dimension.choices[0], dimension.choices[-1]) if dimension.choices else (dimension.low, dimension.high)
    low, high = (f"{end:g}" if isinstance(end, float | int) and not isinstance(end, bool) else str(end) for end in ends)
    return {"name": dimension.name, "label": dimension.name.replace("_", " "), "low": low, "high": high}


def place(dimension: Dimension, value: Any) -> float:
    """0..1 on the scale of the search."""
    if dimension.choices:
        return (
            dimension.choices.index(value) / max(1, len(dimension.choices) - 1) if value in dimension.choices else 0.0
        )
    low, high, at = (dimension.spot(each) for each in (dimension.low, dimension.high, value))
    return min(1.0, max(0.0, (at - low) / (high - low))) if high > low else 0.5
