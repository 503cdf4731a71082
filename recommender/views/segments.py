"""A run's metric by groups of people: which groups there are, whose attributes a login may see, and the figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from django.http import HttpRequest

from recommender.evaluation.segments import LEAST, Segment, bands, segments
from recommender.evaluation.significance import metric_columns
from recommender.models import Attribute, Catalog
from recommender.rights import may
from recommender.selectors import pages
from recommender.templatetags.pages import metric_name, plain
from recommender.views.figures import Figure, draw
from recommender.views.metric_words import defined

OWN = {
    "activity": (
        "by activity",
        "How many interactions of a person were known when asked, in four equal parts.",
    ),
    "popularity": (
        "by popularity of what was held out",
        "How many people had met the held-out items before, on average over a person's, in four parts of equal size.",
    ),
    "known": (
        "by new and known",
        "Whether anything was known of the person, and whether anyone had met the held-out items before.",
    ),
}
KNOWN = ["known person, known items", "known person, new items", "new person, known items", "new person, new items"]
GROUPED = (Attribute.Type.CATEGORY, Attribute.Type.FLAG, Attribute.Type.NUMBER)
ATTRIBUTE = "attribute-"


def segment_context(
    request: HttpRequest, catalog: Catalog, table: pd.DataFrame | None, algorithm: str
) -> dict[str, Any]:
    """What parts/segments.html shows; {} where nothing was measured per person. `by` and `metric` of the address."""
    if table is None or not len(table) or "of_history" not in table:
        return {}
    attributes = {each.name: each for each in seen_attributes(request.user, catalog)}
    choice = [(key, words) for key, (words, _) in OWN.items()]
    choice += [(ATTRIBUTE + name, f"by {name}") for name in attributes]
    by = request.GET.get("by", "")
    by = by if by in dict(choice) else "activity"
    metrics = metric_columns(table)
    preferred = next((name for name in ("ndcg@10", "rmse_person") if name in metrics), metrics[0])
    metric = request.GET.get("metric", "")
    metric = metric if metric in metrics else preferred
    figure = segments_figure(catalog, table, by, metric, algorithm, attributes.get(by.removeprefix(ATTRIBUTE)))
    return {"by": by, "segment_choice": choice, "segment_metrics": metrics, "segment_metric": metric,
            "segments": figure}  # fmt: skip


def seen_attributes(login: Any, catalog: Catalog) -> list[Attribute]:
    """Declared attributes of people that can be grouped; sensitive ones only for those with the right."""
    found = catalog.attributes.filter(scope=Attribute.Scope.USER, type__in=GROUPED)
    return list(found if may(login, "sensitive") else found.filter(sensitive=False))


def segments_figure(
    catalog: Catalog, table: pd.DataFrame, by: str, metric: str, algorithm: str, attribute: Attribute | None
) -> Figure:
    names, order = groups(catalog, table, by, attribute)
    rows = segments(names, table[metric].to_numpy(dtype=np.float64), order)
    shown = [row for row in rows if row.value is not None]
    overall = float(table[metric].mean())
    drawn = [vars(row) for row in shown]
    words = OWN[by][1] if by in OWN else f"By {attribute.name if attribute else by}, as the data say now."
    return Figure(
        key="segments",
        title=finding(shown, metric, overall),
        columns=("group", "people", metric_name(metric), "low", "high"),
        rows=[(row.name, row.people, *cells(row)) for row in rows],
        definition=f"{words} {metric_name(metric)}: {defined(metric)}. Whiskers are 95% intervals, people resampled; "
        f"groups under {LEAST} people are not shown.",
        json=draw("segments", drawn, metric=metric_name(metric), overall=overall, algorithm=algorithm) if shown else "",
        empty="Nobody was measured.",
        note=suppressed(rows),
        height=80 + 34 * max(2, len(shown)),
        numeric=frozenset({1, 2, 3, 4}),
    )


def cells(row: Segment) -> tuple[Any, Any, Any]:
    return ("too few people", "–", "–") if row.value is None else (row.value, row.low, row.high)


def suppressed(rows: list[Segment]) -> str:
    few = [row for row in rows if row.value is None]
    if not few:
        return ""
    people = sum(row.people for row in few)
    which = f"The group {few[0].name} is" if len(few) == 1 else f"{len(few)} groups are"
    return f"{which} not shown: under {LEAST} people each ({people:,} in all), which says too little and too much."


def finding(shown: list[Segment], metric: str, overall: float) -> str:
    """The widest gap, and whether the two intervals meet."""
    known = [row for row in shown if row.value is not None]
    if len(known) < 2:
        return f"{metric_name(metric)} is {plain(overall)} for everyone; there are no two groups to compare"
    most, least = (pick(known, key=lambda row: row.value) for pick in (max, min))
    said = f"{metric_name(metric)}: {plain(most.value)} for {most.name}, {plain(least.value)} for {least.name}"
    apart = (most.low or 0) > (least.high or 0)
    return said if apart else f"{said}; their intervals overlap"


def groups(catalog: Catalog, table: pd.DataFrame, by: str, attribute: Attribute | None) -> tuple[list[str], list[str]]:
    """The group of each person of `table`, and the groups in order ([] = by size)."""
    if by == "activity":
        return bands(table["of_history"].to_numpy(dtype=np.float64))
    if by == "popularity":
        return bands(table["of_popularity"].to_numpy(dtype=np.float64))
    if attribute is None:
        person = np.where(table["of_history"] == 0, "new person", "known person")
        item = np.where(table["of_popularity"] == 0, "new items", "known items")
        return [f"{a}, {b}" for a, b in zip(person, item, strict=True)], KNOWN
    values = pages.attribute_of_people(catalog, attribute.name)
    found = [values.get(key) for key in table["user"].tolist()]
    if attribute.type == Attribute.Type.NUMBER:
        return bands(np.array([number(value) for value in found]))
    return ["not known" if value in (None, "") else str(value) for value in found], []


def number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
