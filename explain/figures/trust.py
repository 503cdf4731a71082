"""Figures of how far explanations can be trusted: what is left after taking away, and which methods agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import (
    BLUE,
    GREEN,
    INK_3,
    LINE,
    LOWERS,
    PURPLE,
    RAISES,
    SKY,
    VERMILION,
    figure,
    label,
)

HOVER = "%{customdata}<extra></extra>"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, SKY)
"""Of methods, in the order they come in; chance is a grey dotted line."""
LINE_HEIGHT = 15
"""Pixels between names of the two lines, which may stand close together."""
WRITTEN = 6
"""Methods up to which a matrix has its numbers in it: of more they would not fit on a phone."""


def faithful(table: pd.DataFrame, *, measure: str, falling: bool) -> go.Figure:
    """A point with its 95% whisker per method, the best on top; random order and greedy removal as lines with bands.

    `table`: name, value, low, high, reference (True for the two lines); `falling`: less is better.
    """
    ordered = table[~table["reference"]].sort_values("value", kind="stable", ascending=not falling)
    drawn = figure()
    for height, row in enumerate(table[table["reference"]].itertuples()):
        drawn.add_vrect(x0=row.low, x1=row.high, fillcolor=LINE, opacity=0.18, line_width=0, layer="below")
        drawn.add_vline(x=row.value, line={"color": INK_3, "width": 1, "dash": "dot"}, layer="below")
        placed = {"yref": "paper", "yanchor": "bottom", "xanchor": "center", "font": {"color": INK_3, "size": 12}}
        label(drawn, row.value, 1, row.name, yshift=LINE_HEIGHT * height, **placed)
    drawn.add_scatter(
        x=ordered["value"].tolist(), y=[_folded(name) for name in ordered["name"]], mode="markers",
        marker={"color": BLUE, "size": 10},
        error_x={"type": "data", "symmetric": False, "array": (ordered["high"] - ordered["value"]).tolist(),
                 "arrayminus": (ordered["value"] - ordered["low"]).tolist(), "thickness": 2, "width": 5},
        customdata=[_interval(row, measure) for row in ordered.itertuples()], hovertemplate=HOVER,
    )  # fmt: skip
    drawn.update_xaxes(rangemode="tozero", title={"text": f"{measure}, 95% intervals"}, nticks=6)
    drawn.update_yaxes(type="category", showgrid=False, ticksuffix="  ")
    drawn.update_layout(margin={"l": 8, "r": 24, "t": 46, "b": 8})
    return drawn


def _folded(name: str) -> str:
    """On two lines where it names what is explained, so that a phone has room for the marks."""
    return name.replace(", margin", ",<br>margin")


def _interval(row: Any, measure: str) -> str:
    return f"<b>{row.name}</b><br>{measure} {row.value:.3f}<br>95% interval {row.low:.3f} to {row.high:.3f}"


def left(table: pd.DataFrame, *, what: str) -> go.Figure:
    """What is left of the score along a curve: a line with its 95% band per method, chance in grey.

    `table`: name, place (of the method, which gives it its colour), at (0..1), value, low, high, reference; the rows of
    a name in order of `at`.
    """
    drawn = figure()
    for name, rows in table.groupby("name", sort=False):
        chance = bool(rows["reference"].iloc[0])
        tone = INK_3 if chance else COLOURS[int(rows["place"].iloc[0]) % len(COLOURS)]
        x = (100 * rows["at"]).tolist()
        drawn.add_scatter(
            x=x + x[::-1], y=rows["high"].tolist() + rows["low"].tolist()[::-1], fill="toself", fillcolor=tone,
            opacity=0.12, line={"width": 0}, mode="lines", hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        drawn.add_scatter(
            x=x, y=rows["value"].tolist(), mode="lines", name=str(name), customdata=_steps(str(name), rows, what),
            line={"color": tone, "width": 2, "dash": "dot" if chance else "solid"}, hovertemplate=HOVER,
        )  # fmt: skip
    drawn.add_hline(y=0, line={"color": LINE, "width": 1}, layer="below")
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "itemclick": False, "itemdoubleclick": False}
    drawn.update_layout(showlegend=True, legend=legend)
    drawn.update_xaxes(title={"text": f"share of what is known, {what}"}, ticksuffix="%", nticks=6)
    drawn.update_yaxes(title={"text": "of the score"}, tickformat=".0%", nticks=6)
    return drawn


def _steps(name: str, rows: pd.DataFrame, what: str) -> list[str]:
    return [
        f"<b>{name}</b><br>{100 * row.at:.0f}% {what}: {100 * row.value:.1f}% of the score "
        f"({100 * row.low:.1f}% to {100 * row.high:.1f}%)"
        for row in rows.itertuples()
    ]


def agreement(table: pd.DataFrame) -> go.Figure:
    """Mean rank correlation of every two methods: blue where they agree, orange where they say the opposite.

    `table`: a, b, value, people.
    """
    names = list(dict.fromkeys([*table["a"], *table["b"]]))
    values = np.full((len(names), len(names)), np.nan)
    words = np.full(values.shape, "", dtype=object)
    for row in table.itertuples():
        a, b = names.index(row.a), names.index(row.b)
        values[a, b] = values[b, a] = row.value
        words[a, b] = words[b, a] = f"<b>{row.a}</b><br><b>{row.b}</b><br>{row.value:.3f}, {row.people:,} people"
    cells = [[None if np.isnan(value) else float(value) for value in row] for row in values]
    columns = [f"{at} " for at in range(1, len(names) + 1)]  # a number alone would be a place on an axis of numbers
    rows = [f"{_folded(name)}  {at}" for at, name in zip(columns, names, strict=True)]
    shown = [["" if np.isnan(value) else f"{value:.2f}" for value in row] for row in values]
    drawn = figure()
    drawn.add_heatmap(
        x=columns, y=rows, z=cells, zmin=-1, zmax=1, xgap=2, ygap=2, showscale=False, hoverongaps=False,
        colorscale=[[0, LOWERS], [0.5, "#f4f4f2"], [1, RAISES]], customdata=words.tolist(), hovertemplate=HOVER,
        text=shown, texttemplate="%{text}" if len(names) <= WRITTEN else "",
    )  # fmt: skip
    drawn.update_xaxes(type="category", showgrid=False, side="top")
    drawn.update_yaxes(type="category", showgrid=False, autorange="reversed", ticksuffix=" ")
    return drawn
