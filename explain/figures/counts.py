"""Figures of counts: over time, by group, by value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import COUNT, INK, figure


def _whole(counts: Iterable[float]) -> dict[str, Any]:
    """An axis of counts from zero, with whole numbers only."""
    few = max(counts, default=0) <= 5
    return {"rangemode": "tozero", "tickformat": ",d", **({"dtick": 1} if few else {"nticks": 5})}


def over_time(table: pd.DataFrame, *, unit: str = "interactions") -> go.Figure:
    """Bars of `table` (period, <unit>), from zero."""
    daily = len(table) < 2 or (pd.to_datetime(table["period"]).diff().dt.days.dropna() <= 1).all()
    when = "%{x|%-d %B %Y}" if daily else "%{x|%B %Y}"
    bars = go.Bar(
        x=[str(period) for period in table["period"]],
        y=table[unit].tolist(),
        marker={"color": COUNT},
        hovertemplate=f"{when}<br>%{{y:,}} {unit}<extra></extra>",
    )
    drawn = figure([bars], bargap=0.12)
    drawn.update_xaxes(type="date", showgrid=False, nticks=8, tickangle=0)
    drawn.update_yaxes(title={"text": unit}, **_whole(table[unit]))
    return drawn


def bars(table: pd.DataFrame, *, label: str, value: str, unit: str = "") -> go.Figure:
    """Lying bars of `table` (label, value), the largest on top."""
    ordered = table.sort_values(value, kind="stable")
    drawn = figure(
        [
            go.Bar(
                y=ordered[label].astype(str).tolist(),
                x=ordered[value].tolist(),
                orientation="h",
                marker={"color": COUNT},
                hovertemplate=f"%{{y}}: %{{x:,}} {unit}<extra></extra>",
            )
        ]
    )
    drawn.update_xaxes(title={"text": unit or value}, **_whole(table[value]))
    drawn.update_yaxes(type="category", showgrid=False, ticksuffix="  ")
    return drawn


def histogram(table: pd.DataFrame, *, value: str, count: str, x_title: str, y_title: str) -> go.Figure:
    """Standing bars of `table` (value as words, in order; count)."""
    drawn = figure(
        [
            go.Bar(
                x=table[value].astype(str).tolist(),
                y=table[count].tolist(),
                marker={"color": COUNT},
                hovertemplate=f"{x_title} %{{x}}<br>%{{y:,}} {y_title}<extra></extra>",
            )
        ]
    )
    drawn.update_xaxes(type="category", showgrid=False, title={"text": x_title}, autotickangles=[0, -45, -90])
    drawn.update_yaxes(title={"text": y_title}, **_whole(table[count]))
    return drawn


def shares(table: pd.DataFrame, *, group: str) -> go.Figure:
    """Shares of groups here (bars) beside those of the whole catalog (a tick): `table` (group, share, overall)."""
    ordered = table.sort_values("share", kind="stable")
    names = ordered[group].astype(str).tolist()
    here = go.Bar(
        y=names,
        x=(100 * ordered["share"]).tolist(),
        orientation="h",
        marker={"color": COUNT},
        customdata=(100 * ordered["overall"]).tolist(),
        hovertemplate="%{y}: %{x:.1f}% here, %{customdata:.1f}% of everyone<extra></extra>",
    )
    overall = go.Scatter(
        y=names,
        x=(100 * ordered["overall"]).tolist(),
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 18, "color": INK, "line": {"width": 3, "color": INK}},
        hoverinfo="skip",
    )
    drawn = figure([here, overall], bargap=0.45)
    drawn.update_xaxes(rangemode="tozero", ticksuffix="%", nticks=5)
    drawn.update_yaxes(type="category", showgrid=False, ticksuffix="  ")
    return drawn
