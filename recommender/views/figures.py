"""A figure on a page: its finding, its JSON, its table, the file of its rows, what it shows by which formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd
from django.core.cache import cache
from django.http import HttpResponse
from django.urls import reverse

from recommender import hooks
from recommender.models import Catalog, Item
from recommender.selectors import audience, pages

WORTH_KEEPING = 200_000
"""Interactions from which on counting them is noticed."""


@dataclass(frozen=True)
class Figure:
    """`rows` under `columns` is the table; without rows the page says `empty` instead of drawing."""

    key: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    definition: str
    csv: str = ""
    json: str = ""
    empty: str = ""
    height: int = 320
    """Pixels, reserved before the figure is drawn."""
    note: str = ""
    numeric: frozenset[int] = field(default_factory=frozenset)


def draw(name: str, rows: Iterable[dict[str, Any]], **options: Any) -> str:
    """JSON of a figure; "" where no app brought figures."""
    return hooks.figures[name](pd.DataFrame(list(rows)), **options) if name in hooks.figures else ""


def csv_answer(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    writer = csv.writer(answer)
    writer.writerow([harmless(name) for name in columns])
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return answer


def harmless(cell: Any) -> Any:
    """A spreadsheet must not take a title for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def month(period: date) -> str:
    return period.strftime("%B %Y")


def interactions_figure(catalog: Catalog, item: Item | None = None) -> Figure:
    rows = over_time(catalog, item)
    where = reverse("interactions_csv", args=[catalog.name])
    if item is not None:
        where = reverse("item_interactions_csv", args=[catalog.name, item.client_id])
    return Figure(
        key="interactions",
        title=interactions_finding(rows),
        columns=("period", "interactions"),
        rows=[(row["period"], row["interactions"]) for row in rows],
        definition="How many interactions happened in each day or month, by the time they carry (UTC).",
        csv=where,
        json=draw("over_time", rows) if rows else "",
        empty="No interactions yet. Import a file or send events, and their course over time shows here.",
        height=220,
        numeric=frozenset({1}),
    )


def over_time(catalog: Catalog, item: Item | None) -> list[dict[str, Any]]:
    """Counting a million takes half a second, so what was counted is kept for a minute."""
    address = f"over-time:{catalog.pk}:{item.pk if item else ''}"
    kept = cache.get(address)
    if kept is None:
        kept = pages.interactions_over_time(catalog, item=item)
        if sum(row["interactions"] for row in kept) > WORTH_KEEPING:
            cache.set(address, kept, 60)
    return kept


def interactions_finding(rows: Sequence[dict[str, Any]]) -> str:
    """“Busiest in November 1997, quiet since March 1998.”"""
    if not rows:
        return "Interactions over time"
    busiest = max(rows, key=lambda row: row["interactions"])
    total = sum(row["interactions"] for row in rows)
    daily = len(rows) > 1 and (rows[1]["period"] - rows[0]["period"]).days == 1
    if len(rows) == 1:
        return f"All {total:,} interactions fall in one period" if total > 1 else "One interaction so far"
    when = busiest["period"].strftime("%-d %B %Y") if daily else month(busiest["period"])
    return f"Busiest in {when}: {busiest['interactions']:,} of {total:,} interactions".replace(
        "Busiest in", "Busiest on" if daily else "Busiest in"
    )


def values_figure(rows: Sequence[dict[str, Any]], of: str) -> Figure:
    total = sum(row["count"] for row in rows)
    mean = sum(row["value"] * row["count"] for row in rows) / total if total else 0.0
    shown = [{"value": f"{row['value']:g}", "count": row["count"]} for row in rows]
    options = {"value": "value", "count": "count", "x_title": "value", "y_title": "interactions"}
    return Figure(
        key="values",
        title=f"{mean:.2f} on average over {total:,} values" if total else "Values given",
        columns=("value", "interactions"),
        rows=[(row["value"], row["count"]) for row in shown],
        definition="How often each value was given, rounded to one digit. The average weighs every value the same.",
        json=draw("histogram", shown, **options) if shown else "",
        empty="Nobody gave values, or all gave the same; ratings show here.",
        height=220,
        numeric=frozenset({0, 1}),
    )


def shares_figure(item: Item, attribute: str) -> Figure:
    rows = audience.shares(item, attribute)
    people = sum(row["people"] for row in rows)
    where = reverse("audience_csv", args=[item.catalog.name, item.client_id, attribute])
    return Figure(
        key="audience",
        title=shares_finding(rows, attribute, people),
        columns=(attribute, "people", "share here", "share of everyone"),
        rows=[(row["group"], row["people"], row["share"], row["overall"]) for row in rows],
        definition=f"Share of each {attribute} among the {people:,} people who met this item (bar), beside its share "
        "of everyone in the catalog (tick). At most twelve groups. A share of few people says little.",
        csv=where,
        json=draw("shares", rows, group="group") if people else "",
        empty="Nobody has met this item yet.",
        height=48 + 30 * len(rows),
        numeric=frozenset({1, 2, 3}),
    )


def shares_finding(rows: Sequence[dict[str, Any]], attribute: str, people: int) -> str:
    if not people:
        return f"Who meets it, by {attribute}"
    first = max(rows, key=lambda row: row["share"] - row["overall"])
    return (
        f"{100 * first['share']:.0f}% of those who met it have {attribute} {first['group']}, "
        f"{100 * first['overall']:.0f}% of everyone"
    )
