"""Figures of disparities: how unevenly exposure and quality are spread, classes of items, and weeks."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from explain.figures.disparity import places
from explain.figures.theme import BLUE, GREEN, INK, INK_3, ORANGE, PURPLE, VERMILION, figure, label

TONES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE)
LEGEND = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "itemclick": False, "itemdoubleclick": False}


def lorenz(table: pd.DataFrame, *, x: str, y: str, even: str) -> go.Figure:
    """Lorenz curves: `table` (name, x, y; both 0..1), a curve per name, named beside it where it is alone; the line of
    evenness is called `even`. `x`, `y`: what the axes count."""
    drawn = figure()
    dotted = {"color": INK_3, "width": 1, "dash": "dot"}
    drawn.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line=dotted, hoverinfo="skip", showlegend=False)
    label(drawn, 50, 50, even, xanchor="right", xshift=-8, font={"color": INK_3, "size": 12})
    for at, (name, rows) in enumerate(table.groupby("name", sort=False)):
        across, up = (100 * rows["x"]).tolist(), (100 * rows["y"]).tolist()
        drawn.add_scatter(
            x=across, y=up, mode="lines", name=str(name), line={"color": TONES[at % 5], "width": 2},
            hovertemplate=f"<b>{name}</b><br>the lowest %{{x:.0f}}% of {x}: %{{y:.1f}}% of {y}<extra></extra>",
        )  # fmt: skip
        if table["name"].nunique() == 1:
            middle = min(len(across) - 1, round(0.72 * len(across)))
            label(drawn, across[middle], up[middle], str(name), xanchor="right", xshift=-6, yshift=8)
    if table["name"].nunique() > 1:  # curves may lie on each other, and their names would too
        drawn.update_layout(showlegend=True, legend=LEGEND, margin={"t": 34})
    drawn.update_xaxes(range=[0, 100], ticksuffix="%", nticks=5, title={"text": f"share of {x}, the lowest first"})
    drawn.update_yaxes(range=[0, 102], ticksuffix="%", nticks=5, title={"text": f"share of {y}"})
    return drawn


def shares(table: pd.DataFrame) -> go.Figure:
    """Per class of items its share of exposure with a 95% whisker, beside its share of the catalogue (a tick) and of
    what people wanted (a diamond). `table`: name, exposure, low, high, catalogue, relevance (0..1, nan: not known)."""
    heights, ticks, names = places(table["name"])
    drawn, exposure = figure(), 100 * table["exposure"]
    below = (exposure - 100 * table["low"]).fillna(0.0).tolist()
    above = (100 * table["high"] - exposure).fillna(0.0).tolist()
    drawn.add_scatter(
        x=exposure.tolist(), y=heights, mode="markers", name="exposure in lists", marker={"color": BLUE, "size": 10},
        error_x={"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 2, "width": 5},
        customdata=table["said"].tolist(), hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    for column, name, symbol, tone in (
        ("catalogue", "of the catalogue", "line-ns-open", INK),
        ("relevance", "of what people chose", "diamond-open", VERMILION),
    ):
        drawn.add_scatter(
            x=(100 * table[column]).tolist(), y=heights, mode="markers", name=name, hoverinfo="skip",
            marker={"symbol": symbol, "size": 14 if column == "catalogue" else 10, "color": tone,
                    "line": {"width": 2, "color": tone}},
        )  # fmt: skip
    drawn.update_xaxes(rangemode="tozero", ticksuffix="%", nticks=6, tickangle=0, title={"text": "share"})
    drawn.update_yaxes(tickvals=ticks, ticktext=names, range=[-0.6, len(ticks) - 0.4], showgrid=False, ticksuffix="  ")
    drawn.update_layout(showlegend=True, legend=LEGEND, margin={"t": 34})
    return drawn


def weeks(table: pd.DataFrame, *, what: str, share: bool = False) -> go.Figure:
    """A line per series over weeks, with its 95% band where there is one and its name at its end.

    `table`: series, week ("YYYY-MM-DD"), value, low, high (nan: no band)."""
    drawn = figure()
    for at, (name, rows) in enumerate(table.groupby("series", sort=False)):
        tone, dates = TONES[at % 5], rows["week"].tolist()
        if rows["low"].notna().all():
            drawn.add_scatter(
                x=dates + dates[::-1], y=rows["high"].tolist() + rows["low"].tolist()[::-1], fill="toself",
                fillcolor=tone, opacity=0.14, line={"width": 0}, mode="lines", hoverinfo="skip", showlegend=False,
            )  # fmt: skip
        drawn.add_scatter(
            x=dates, y=rows["value"].tolist(), mode="lines+markers", line={"color": tone, "width": 2},
            marker={"size": 5, "color": tone}, name=str(name),
            hovertemplate=f"<b>{name}</b><br>week of %{{x|%-d %B %Y}}: %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    drawn.update_xaxes(type="date", showgrid=False, nticks=6, tickangle=0)
    form: dict[str, Any] = {"tickformat": ".0%"} if share else {}
    drawn.update_yaxes(title={"text": what}, nticks=5, **form)
    if table["series"].nunique() > 1:
        drawn.update_layout(showlegend=True, legend=LEGEND, margin={"t": 34})
    return drawn
