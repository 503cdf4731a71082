"""Figures of a search over settings: best so far, importance, parallel coordinates drawn from lines."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import ACCENT, COUNT, INK_3, LINE, figure, label

BEST = 5
"""So many of the best trials stand out among the coordinates."""


def best_so_far(table: pd.DataFrame, *, metric: str) -> go.Figure:
    """A point per trial and the best until then as a stair. `table`: trial, value, best, words."""
    drawn = figure(
        [
            go.Scatter(
                x=table["trial"].tolist(), y=table["best"].tolist(), mode="lines", hoverinfo="skip",
                line={"color": ACCENT, "width": 2, "shape": "hv"},
            ),
            go.Scatter(
                x=table["trial"].tolist(), y=table["value"].tolist(), mode="markers",
                customdata=table["words"].tolist(), marker={"color": COUNT, "size": 8},
                hovertemplate="%{customdata}<extra></extra>",
            ),
        ]
    )  # fmt: skip
    top = table.loc[table["value"].idxmax()]
    label(drawn, top["trial"], top["value"], f"best: trial {top['trial']:.0f}", yshift=14, xanchor="center",
          font={"color": INK_3, "size": 12})  # fmt: skip
    drawn.update_xaxes(title={"text": "trial"}, showgrid=False, nticks=10, tickformat="d")
    drawn.update_yaxes(title={"text": f"{metric} on validation"}, nticks=5)
    return drawn


def importance(table: pd.DataFrame) -> go.Figure:
    """Lying bars, the most important on top. `table`: setting, share (0..1)."""
    ordered = table.sort_values("share", kind="stable")
    drawn = figure(
        [
            go.Bar(
                y=ordered["setting"].tolist(), x=(100 * ordered["share"]).tolist(), orientation="h",
                marker={"color": COUNT}, hovertemplate="%{y}: %{x:.0f}%<extra></extra>",
            )
        ]
    )  # fmt: skip
    drawn.update_xaxes(title={"text": "share of the differences between trials"}, ticksuffix="%", rangemode="tozero",
                       nticks=6)  # fmt: skip
    drawn.update_yaxes(type="category", showgrid=False, ticksuffix="  ")
    return drawn


def coordinates(table: pd.DataFrame, *, axes: list[dict[str, str]]) -> go.Figure:
    """A line per trial across the settings to the metric; the best few in the accent's colour, on top.

    `table`: trial, value, words, and a place 0..1 per setting, in columns named as `axes` name them; each of `axes`
    has name, label, low, high (words for its ends). The last axis is the metric.
    """
    drawn = figure()
    ordered = table.sort_values("value", kind="stable").reset_index(drop=True)
    for at, row in ordered.iterrows():
        good = int(at) >= len(ordered) - BEST
        drawn.add_scatter(
            x=list(range(len(axes))), y=[row[axis["name"]] for axis in axes], mode="lines+markers",
            line={"color": ACCENT if good else LINE, "width": 2 if good else 1}, opacity=1.0 if good else 0.45,
            marker={"size": 5, "color": ACCENT if good else LINE}, customdata=[row["words"]] * len(axes),
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    for at, axis in enumerate(axes):
        drawn.add_shape(
            type="line", x0=at, x1=at, y0=0, y1=1, line={"color": LINE, "width": 1}, layer="below"
        )  # fmt: skip
        for place, words, shift in ((1.0, axis["high"], 12), (0.0, axis["low"], -12)):
            label(drawn, at, place, words, xanchor="center", yshift=shift, font={"color": INK_3, "size": 11})
    names = [axis["label"].replace(" ", "<br>") for axis in axes]
    drawn.update_xaxes(tickmode="array", tickvals=list(range(len(axes))), ticktext=names, showgrid=False,
                       range=[-0.35, len(axes) - 0.65])  # fmt: skip
    drawn.update_yaxes(visible=False, range=[-0.14, 1.14])
    return drawn
