"""The floors beside a measurement: a table of lists and one of ratings, and the sentence that each allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recommender.evaluation.cold_start.against import FIRST, NAMES, ONE_DRAWING, chance, sentences
from recommender.models import Measurement
from recommender.templatetags.pages import metric_name
from recommender.views.metric_words import defined

TITLES = {"lists": "Lists", "ratings": "Predicted ratings"}
WORDS = {
    "popularity": "what most people took, for everyone alike",
    "content": "items like those of the history, by what is said of them",
    "item_knn": "items that met those of the history in others’ histories",
    "random": "any rating of the scale, drawn",
    "item mean": "the item’s mean rating, pulled towards the mean of all",
    "median of the given": "the median of what the person gave; of whoever gave nothing, that of all",
    "bias model": "mean of all + what is usual for the person + what is usual for the item",
    "ridge on content": "a regression per person on what is said of items",
    "hybrid": "the same, on factors of items’ ratings and the person’s attributes too",
}
"""What each floor is, in a line."""


@dataclass(frozen=True)
class FloorTable:
    """`rows` of {"name", "words", "setting", "cells": [{"value", "gap", "chance"}]} under `columns`, the run first."""

    title: str
    said: str
    columns: Sequence[Mapping[str, str]]
    rows: Sequence[Mapping[str, Any]]
    people: int


def floors_context(row: Measurement) -> dict[str, Any]:
    found = row.details.get("floors", [])
    said = {of: [text for text in sentences(found) if text.startswith(NAMES[FIRST[of]])] for of in TITLES}
    tables = [table_of(row, [each for each in found if each["of"] == of], of, said[of]) for of in TITLES]
    notes = row.details.get("floors_notes", [])
    return {"floors": [table for table in tables if table], "floors_notes": notes, "one_drawing": ONE_DRAWING}


def table_of(row: Measurement, found: Sequence[Mapping[str, Any]], of: str, said: Sequence[str]) -> FloorTable | None:
    metrics = list(dict.fromkeys(name for each in found for name in each["metrics"]))
    if not metrics:
        return None
    own = {name: own_of(row, found, name) for name in metrics}
    first = {"name": str(row.run), "own": True, "cells": [{"value": own[name]} for name in metrics]}
    rest = [
        {
            "name": each["floor"], "words": WORDS.get(each["floor"], ""), "setting": setting_words(each["setting"]),
            "cells": [cell_of(each["metrics"].get(name)) for name in metrics],
        }
        for each in found
    ]  # fmt: skip
    people = max(cell["people"] for each in found for cell in each["metrics"].values())
    columns = [{"name": metric_name(name), "definition": defined(name)} for name in metrics]
    return FloorTable(TITLES[of], " ".join(said), columns, [first, *rest], people)


def own_of(row: Measurement, found: Sequence[Mapping[str, Any]], metric: str) -> dict[str, Any]:
    """The run's figure; without interval where its floors were asked of fewer people than it."""
    cell = next(each["metrics"][metric] for each in found if metric in each["metrics"])
    measured = row.metrics.get(metric) or {}
    same = abs(measured.get("value", float("inf")) - cell["run"]) < 1e-9
    return measured if same else {"value": cell["run"]}


def cell_of(cell: Mapping[str, Any] | None) -> dict[str, Any]:
    if cell is None:
        return {}
    gap = {"value": cell["difference"], "low": cell["difference_low"], "high": cell["difference_high"]}
    return {"value": cell, "gap": gap, "chance": "" if cell["p_holm"] is None else chance(cell["p_holm"])}


SETTINGS = {
    "penalty": "penalty", "content": "content", "of_items": "items pulled by", "of_people": "people by",
    "shrinkage": "pulled by", "neighbours": "neighbours", "shrink": "similarities shrunk by", "half_life": "half-life",
}  # fmt: skip
"""What validation chooses, in words and in this order; the rest was never chosen."""


def setting_words(setting: Mapping[str, Any] | None) -> str:
    """“penalty 16, content 0.7”."""
    chosen = setting or {}
    return ", ".join(f"{words} {chosen[name]:g}" for name, words in SETTINGS.items() if name in chosen)
