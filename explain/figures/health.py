"""Figures of the health of data: gaps, the long tail, groups of people, people who act as programs do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import BLUE, COUNT, INK_3, VERMILION, figure, label

LOG_TICKS: dict[str, Any] = {
    "tickvals": [digit * 10**power for power in range(7) for digit in (1, 2, 5)],
    "ticktext": [f"{digit * 10**power:,}" for power in range(7) for digit in (1, 2, 5)],
}
"""A logarithmic axis over less than two decades would else have one number."""


def gaps(table: pd.DataFrame) -> go.Figure:
    """Lying bars of `table` (column, share 0..1, missing), the worst on top."""
    ordered = table.sort_values("share", kind="stable")
    bars = go.Bar(
        y=ordered["column"].astype(str).tolist(),
        x=(100 * ordered["share"]).tolist(),
        orientation="h",
        marker={"color": COUNT},
        customdata=ordered["missing"].tolist(),
        hovertemplate="%{y}: %{customdata:,} missing, %{x:.1f}%<extra></extra>",
    )
    drawn = figure([bars])
    drawn.update_xaxes(range=[0, 100], ticksuffix="%", nticks=5, title={"text": "missing"})
    drawn.update_yaxes(type="category", showgrid=False, ticksuffix="  ")
    return drawn


def lorenz(table: pd.DataFrame, *, gini: float) -> go.Figure:
    """Share of interactions held by the least met share of items: `table` (items, interactions), both 0..1."""
    items, held = (100 * table["items"]).tolist(), (100 * table["interactions"]).tolist()
    even = go.Scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": INK_3, "width": 1, "dash": "dot"},
                      hoverinfo="skip")  # fmt: skip
    curve = go.Scatter(
        x=items,
        y=held,
        mode="lines",
        line={"color": BLUE, "width": 2},
        hovertemplate="the least met %{x:.0f}% of items hold %{y:.1f}% of interactions<extra></extra>",
    )
    drawn = figure([even, curve])
    label(drawn, 50, 50, "all items alike", xanchor="right", xshift=-8, font={"color": INK_3, "size": 12})
    middle = min(len(items) - 1, round(0.7 * len(items)))
    label(drawn, items[middle], held[middle], f"Gini {gini:.2f}", xanchor="left", xshift=10, yshift=-8)
    drawn.update_xaxes(range=[0, 100], ticksuffix="%", nticks=5, title={"text": "items, the least met first"})
    drawn.update_yaxes(range=[0, 102], ticksuffix="%", nticks=5, title={"text": "of all interactions"})
    return drawn


def mean_over_time(table: pd.DataFrame) -> go.Figure:
    """The mean rating per period: `table` (period, mean, ratings or None)."""
    known = table[table["mean"].notna()]
    drawn = figure(
        [
            go.Scatter(
                x=[str(period) for period in known["period"]],
                y=known["mean"].tolist(),
                mode="lines+markers",
                line={"color": COUNT, "width": 2},
                marker={"size": 5, "color": COUNT},
                hovertemplate="%{x|%-d %B %Y}: mean %{y:.3f}<extra></extra>",
            )
        ]
    )
    drawn.update_xaxes(type="date", showgrid=False, nticks=8, tickangle=0)
    drawn.update_yaxes(title={"text": "mean rating"}, nticks=5)
    return drawn


def people_groups(table: pd.DataFrame) -> go.Figure:
    """A disc per group, its area the people: `table` (name, people, activity, breadth 0..1)."""
    shown = table[table["people"].notna()]
    most = max(1.0, float(shown["people"].max())) if len(shown) else 1.0
    discs = go.Scatter(
        x=shown["activity"].tolist(),
        y=(100 * shown["breadth"]).tolist(),
        mode="markers",
        marker={"color": COUNT, "opacity": 0.85, "size": (14 + 46 * np.sqrt(shown["people"] / most)).tolist()},
        customdata=[f"<b>{row.name}</b><br>{row.people:,.0f} people" for row in shown.itertuples(index=False)],
        hovertemplate="%{customdata}<br>%{x:.0f} interactions each<br>%{y:.0f}% off the beaten track<extra></extra>",
    )
    drawn = figure([discs])
    for at, row in enumerate(shown.sort_values("activity").itertuples(index=False)):
        above = 1 if at % 2 else -1  # neighbours' names on different sides
        label(drawn, np.log10(max(row.activity, 0.1)), 100 * row.breadth, row.name, xanchor="center", yshift=38 * above)
    drawn.update_xaxes(type="log", title={"text": "interactions of a person (log scale)"}, **LOG_TICKS)
    drawn.update_yaxes(ticksuffix="%", title={"text": "with items outside the top tenth"}, nticks=5)
    return drawn


def suspects(table: pd.DataFrame, *, by_lot: float) -> go.Figure:
    """A point per person, the suspicious ones marked by shape and colour: `table` (person, interactions, choice,
    flagged); the line is the bound below which a choice looks drawn by lot."""
    drawn = figure()
    for flagged, tone, shape, size in ((False, COUNT, "circle", 5), (True, VERMILION, "diamond", 9)):
        part = table[table["flagged"] == flagged]
        drawn.add_scatter(
            x=part["interactions"].tolist(),
            y=part["choice"].round(3).tolist(),
            mode="markers",
            marker={"color": tone, "symbol": shape, "size": size, "opacity": 1.0 if flagged else 0.5},
            customdata=part["person"].tolist(),
            hovertemplate="%{customdata}: %{x:,} interactions, choice %{y:.2f}<extra></extra>",
        )
    drawn.add_hline(y=by_lot, line={"color": INK_3, "width": 1, "dash": "dot"}, layer="below")
    drawn.update_xaxes(type="log", title={"text": "interactions of a person (log scale)"}, **LOG_TICKS)
    drawn.update_yaxes(title={"text": "choice: 0 as by lot, above by popularity"}, nticks=6)
    return drawn
