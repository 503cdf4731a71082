"""Figures over people: a metric by groups, differences between two runs, probabilities against what was liked."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import COUNT, INK_3, LINE, LOWERS, RAISES, colour, figure


def segments(table: pd.DataFrame, *, metric: str, overall: float, algorithm: str) -> go.Figure:
    """A point with its 95% whisker per group, in the given order from the top; everyone's mean as a line.

    `table`: name, people, value, low, high; groups without a value are left out.
    """
    shown = table.dropna(subset=["value"]).iloc[::-1]
    words = [
        f"<b>{row.name}</b>, {row.people:,} people<br>{metric} {row.value:.4f}<br>95% interval {row.low:.4f} to "
        f"{row.high:.4f}"
        for row in shown.itertuples(index=False)
    ]
    drawn = figure()
    drawn.add_scatter(
        x=shown["value"].tolist(),
        y=shown["name"].astype(str).tolist(),
        mode="markers",
        marker={"color": colour(algorithm), "size": 10},
        error_x={
            "type": "data", "symmetric": False, "array": (shown["high"] - shown["value"]).tolist(),
            "arrayminus": (shown["value"] - shown["low"]).tolist(), "thickness": 2, "width": 5,
        },
        customdata=words,
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    drawn.add_vline(x=overall, line={"color": INK_3, "width": 1, "dash": "dot"}, layer="below")
    drawn.update_xaxes(rangemode="tozero", title={"text": f"{metric}, 95% intervals; dotted: everyone"}, nticks=6)
    drawn.update_yaxes(type="category", showgrid=False, ticksuffix="  ")
    return drawn


def differences(table: pd.DataFrame, *, metric: str, a: str) -> go.Figure:
    """How many people differ by how much: bars of `table` (low, high, people), blue where `a` has more."""
    middles = (table["low"] + table["high"]) / 2
    tones = [RAISES if middle > 0 else LOWERS if middle < 0 else COUNT for middle in middles]
    bars = go.Bar(
        x=middles.tolist(),
        y=table["people"].tolist(),
        width=(table["high"] - table["low"]).tolist(),
        marker={"color": tones},
        customdata=table[["low", "high"]].to_numpy().tolist(),
        hovertemplate="%{y:,} people<br>from %{customdata[0]:.3f} to %{customdata[1]:.3f}<extra></extra>",
    )
    drawn = figure([bars], bargap=0.06)
    title = f"{metric}, difference; right of 0: more with {a}"
    drawn.update_xaxes(title={"text": title}, showgrid=False, zeroline=True, zerolinecolor=LINE, nticks=7)
    drawn.update_yaxes(title={"text": "people"}, rangemode="tozero", tickformat=",d", nticks=5)
    return drawn


def reliability(table: pd.DataFrame) -> go.Figure:
    """Share liked against mean probability, a point per bin; honest probabilities lie on the line.

    `table`: predicted, liked, n.
    """
    points = go.Scatter(
        x=table["predicted"].tolist(),
        y=table["liked"].tolist(),
        mode="lines+markers",
        line={"color": COUNT, "width": 2},
        marker={"size": 8, "color": COUNT},
        customdata=table["n"].tolist(),
        hovertemplate="said %{x:.2f}, liked %{y:.2f}<br>%{customdata:,} ratings<extra></extra>",
    )
    drawn = figure([points])
    drawn.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line={"color": INK_3, "width": 1, "dash": "dot"})
    drawn.update_xaxes(title={"text": "probability said"}, range=[0, 1], nticks=6)
    drawn.update_yaxes(title={"text": "share liked"}, range=[0, 1], nticks=6)
    return drawn
