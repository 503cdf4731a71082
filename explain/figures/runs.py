"""Figures of runs: metrics with their intervals, accuracy against coverage, learning curves."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import COUNT, INK_3, REFERENCES, colour, figure, label, symbol

HOVER = "%{customdata}<extra></extra>"


def _words(table: pd.DataFrame, metric: str) -> list[str]:
    return [
        f"<b>{row.name}</b><br>{metric} {row.value:.4f}<br>95% interval {row.low:.4f} to {row.high:.4f}"
        for row in table.itertuples()
    ]


def metrics(table: pd.DataFrame, *, metric: str, falling: bool = False) -> go.Figure:
    """A point with its 95% whisker per run, best on top; popularity and random also as grey lines.

    `table`: name, algorithm, value, low, high; `falling`: less is better.
    """
    ordered = table.sort_values("value", kind="stable", ascending=not falling).reset_index(drop=True)
    drawn = figure()
    for words, row in zip(_words(ordered, metric), ordered.itertuples(), strict=True):
        drawn.add_scatter(
            x=[row.value],
            y=[row.name],
            mode="markers",
            marker={"color": colour(row.algorithm), "size": 10, "symbol": "circle"},
            error_x={
                "type": "data", "symmetric": False, "array": [row.high - row.value],
                "arrayminus": [row.value - row.low], "thickness": 2, "width": 5,
            },
            customdata=[words],
            hovertemplate=HOVER,
        )  # fmt: skip
    for algorithm in REFERENCES:
        of_it = ordered[ordered["algorithm"] == algorithm]
        if len(of_it):
            value = float(of_it["value"].iloc[-1])
            drawn.add_vline(x=value, line={"color": colour(algorithm), "width": 1, "dash": "dot"}, layer="below")
    drawn.update_xaxes(rangemode="tozero", title={"text": f"{metric}, 95% intervals"}, nticks=6)
    drawn.update_yaxes(type="category", showgrid=False, ticksuffix="  ")
    return drawn


def _crowded(table: pd.DataFrame, coverage: float, value: float) -> bool:
    """Whether a label to the right of a point would leave the sheet or cover the next point."""
    width, height = float(table["coverage"].max()), float(table["high"].max())
    if coverage > 0.7 * width:
        return True
    right = (table["coverage"] > coverage) & (table["coverage"] < coverage + 0.25 * width)
    return bool((right & ((table["value"] - value).abs() < 0.06 * height)).any())


def accuracy_coverage(table: pd.DataFrame, *, metric: str, coverage: str) -> go.Figure:
    """A point per run: share of the catalog that is ever recommended against accuracy with its 95% whisker.

    `table`: name, algorithm, value, low, high, coverage (0..1).
    """
    drawn = figure()
    for words, row in zip(_words(table, metric), table.itertuples(), strict=True):
        drawn.add_scatter(
            x=[100 * row.coverage],
            y=[row.value],
            mode="markers",
            marker={
                "color": colour(row.algorithm), "size": 11, "symbol": symbol(row.algorithm),
                "line": {"width": 2 if symbol(row.algorithm).endswith("open") else 0, "color": colour(row.algorithm)},
            },
            error_y={
                "type": "data", "symmetric": False, "array": [row.high - row.value],
                "arrayminus": [row.value - row.low], "thickness": 1.5, "width": 4,
            },
            customdata=[f"{words}<br>{coverage} {100 * row.coverage:.1f}%"],
            hovertemplate=HOVER,
        )  # fmt: skip
        left = _crowded(table, row.coverage, row.value)
        label(drawn, 100 * row.coverage, row.value, row.name, xanchor="right" if left else "left",
              xshift=-10 if left else 10)  # fmt: skip
    drawn.update_xaxes(rangemode="tozero", title={"text": coverage})
    drawn.update_xaxes(ticksuffix="%", nticks=6)
    drawn.update_yaxes(rangemode="tozero", title={"text": metric}, nticks=6)
    return drawn


def learning_curve(
    table: pd.DataFrame, *, algorithm: str, metric: str, falling: bool = False, validated: bool = True
) -> go.Figure:
    """A metric after each epoch, on validation with the best one marked. `table`: epoch, value.

    `falling`: less is better; not `validated`: on what is learned from, where no epoch is the best.
    """
    tone = COUNT if algorithm in REFERENCES else colour(algorithm)
    best = None
    if len(table) and validated:
        best = table.loc[table["value"].idxmin() if falling else table["value"].idxmax()]
    drawn = figure(
        [
            go.Scatter(
                x=table["epoch"].tolist(),
                y=table["value"].tolist(),
                mode="lines+markers",
                line={"color": tone, "width": 2},
                marker={"size": 5, "color": tone},
                hovertemplate=f"epoch %{{x}}<br>{metric} %{{y:.4f}}<extra></extra>",
            )
        ]
    )
    if best is not None:
        drawn.add_scatter(
            x=[best["epoch"]], y=[best["value"]], mode="markers", hoverinfo="skip",
            marker={"size": 13, "symbol": "circle-open", "color": tone, "line": {"width": 2}},
        )  # fmt: skip
        label(drawn, best["epoch"], best["value"], f"best: epoch {best['epoch']:.0f}", yshift=16, xanchor="center",
              font={"color": INK_3, "size": 12})  # fmt: skip
    steps = {"dtick": 1} if len(table) <= 10 else {"nticks": 10}
    drawn.update_xaxes(title={"text": "epoch"}, showgrid=False, tickformat="d", **steps)
    drawn.update_yaxes(title={"text": f"{metric} on validation" if validated else metric}, nticks=5)
    return drawn
