"""Figures of simple models that stand in for a recommender, with their fidelity in the same picture."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import HAIRLINE, INK, INK_2, INK_3, LINE, LOWERS, RAISES, figure

STEP = 0.055
"""Width of a step to the right, in parts of the sheet."""


def tree(table: pd.DataFrame, *, fidelity: str) -> go.Figure:
    """The tree as an outline, a row per node, each below its question and a step to the right, so that a phone has room
    for it; at an end the mean score as a coloured square with its figures.

    `table`: id, parent, yes, text (the question or, at an end, the figures), mean, end (whether it is one), in any
    order.
    """
    nodes = {int(row["id"]): row for row in table.to_dict("records")}
    order = _outline(nodes)
    places = {node: (depth * STEP, -at) for at, (node, depth) in enumerate(order)}
    drawn = figure(height=60 + 30 * len(order))
    for node, (x, y) in places.items():
        row = nodes[node]
        parent = row["parent"]
        if parent is not None and not pd.isna(parent):
            _elbow(drawn, places[int(parent)], (x, y))
        _node(drawn, row, x, y)
    _said(drawn, fidelity, "left")
    drawn.update_xaxes(visible=False, range=[-0.01, 1.0])
    drawn.update_yaxes(visible=False, range=[-len(order) + 0.4, 0.6])
    return drawn


def _outline(nodes: dict[int, dict[str, Any]]) -> list[tuple[int, int]]:
    """(node, depth) in the order of reading: a question, where it holds, where it does not."""
    below: dict[int | None, list[int]] = {}
    for each, row in nodes.items():
        parent = None if row["parent"] is None or pd.isna(row["parent"]) else int(row["parent"])
        below.setdefault(parent, []).append(each)
    found: list[tuple[int, int]] = []

    def read(node: int, depth: int) -> None:
        found.append((node, depth))
        for each in sorted(below.get(node, []), key=lambda one: not nodes[one]["yes"]):
            read(each, depth + 1)

    for top in below.get(None, []):
        read(top, 0)
    return found


def _elbow(drawn: go.Figure, above: tuple[float, float], here: tuple[float, float]) -> None:
    middle = above[0] + 0.012
    path = f"M {middle},{above[1] - 0.3} L {middle},{here[1]} L {here[0]},{here[1]}"
    drawn.add_shape(type="path", path=path, line={"color": LINE, "width": 1}, layer="below")


def _node(drawn: go.Figure, row: dict[str, Any], x: float, y: float) -> None:
    side = "" if row["yes"] is None or pd.isna(row["yes"]) else ("yes: " if row["yes"] else "no: ")
    text = f"{side}{row['text']}" if row["end"] else f"{side}<b>{row['text']}</b>"
    if row["end"]:
        colour = RAISES if row["mean"] >= 0 else LOWERS
        drawn.add_scatter(x=[x + 0.012], y=[y], mode="markers", hoverinfo="skip",
                          marker={"symbol": "square", "size": 11, "color": colour})  # fmt: skip
    drawn.add_annotation(
        x=x, y=y, text=text, xanchor="left", showarrow=False, align="left", xshift=14 if row["end"] else 0,
        font={"size": 12, "color": INK_2 if row["end"] else INK},
    )  # fmt: skip


def coefficients(table: pd.DataFrame, *, fidelity: str) -> go.Figure:
    """Lying bars to both sides of 0, the largest on top: blue raises, orange lowers. `table`: feature, weight."""
    ordered = table.iloc[::-1]
    drawn = figure(
        [
            go.Bar(
                y=ordered["feature"].tolist(), x=ordered["weight"].tolist(), orientation="h",
                marker={"color": [RAISES if weight >= 0 else LOWERS for weight in ordered["weight"]]},
                hovertemplate="%{y}: %{x:+.3f} per standard deviation<extra></extra>",
            )
        ]
    )  # fmt: skip
    _said(drawn, fidelity, "right")
    drawn.add_vline(x=0, line={"color": LINE, "width": 1})
    drawn.update_xaxes(title={"text": "score per standard deviation"}, nticks=6, gridcolor=HAIRLINE)
    drawn.update_yaxes(type="category", showgrid=False, ticksuffix="  ")
    return drawn


def _said(drawn: go.Figure, fidelity: str, side: str) -> None:
    """How true it is, above the picture, at the side that has room for it."""
    drawn.add_annotation(x=0 if side == "left" else 1, y=1, xref="paper", yref="paper", text=fidelity, showarrow=False,
                         xanchor=side, yanchor="bottom", align=side, yshift=6,
                         font={"size": 12, "color": INK_3})  # fmt: skip
    drawn.update_layout(margin={"l": 8, "r": 16, "t": 68, "b": 8})
