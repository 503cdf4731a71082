"""Figures of a remedy's sweep: accuracy against a disparity, and how people's figures changed."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import BLUE, COUNT, INK, INK_3, LOWERS, RAISES, figure, label

WORD = 7
"""Pixels from a mark to its name."""


def pareto(table: pd.DataFrame, *, x: str, y: str) -> go.Figure:
    """A point per strength with 95% whiskers both ways, joined in the order of strength; hollow where it is dominated,
    a square where nothing is changed.

    `table`: x, x_low, x_high, y, y_low, y_high (nan: no whisker), name, dominated, base (bool), said, address. The
    page's script follows the address of a point that is clicked.
    """
    drawn = figure()
    across, up = table["x"].tolist(), table["y"].tolist()
    drawn.add_scatter(x=across, y=up, mode="lines", line={"color": INK_3, "width": 1}, hoverinfo="skip")
    symbols = ["square" if base else "circle-open" if dominated else "circle"
               for base, dominated in zip(table["base"], table["dominated"], strict=True)]  # fmt: skip
    whisker = {"type": "data", "symmetric": False, "thickness": 1.5, "width": 4, "color": COUNT}
    drawn.add_scatter(
        x=across, y=up, mode="markers",
        marker={"color": [INK if base else BLUE for base in table["base"]], "size": 12, "symbol": symbols,
                "line": {"width": 2, "color": BLUE}},
        error_x=whisker | {"array": _gap(table["x_high"], table["x"]), "arrayminus": _gap(table["x"], table["x_low"])},
        error_y=whisker | {"array": _gap(table["y_high"], table["y"]), "arrayminus": _gap(table["y"], table["y_low"])},
        customdata=table["said"].tolist(), hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    for at, row in enumerate(table.itertuples()):
        above = at % 2 == 0
        label(drawn, row.x, row.y, str(row.name), xanchor="left", xshift=WORD, yshift=WORD + 4 if above else -WORD - 4)
    drawn.update_xaxes(title={"text": x}, nticks=6, tickangle=0)
    drawn.update_yaxes(title={"text": y}, nticks=6)
    drawn.update_layout(meta={"addresses": table["address"].tolist()})
    return drawn


def _gap(above: pd.Series, below: pd.Series) -> list[float]:
    return [float(each) for each in (above - below).fillna(0.0)]


def gains(table: pd.DataFrame) -> go.Figure:
    """Lying bars of people by how their figure changed, those who lose at the top. `table`: name, people, side (−1, 0,
    1), said."""
    drawn = figure()
    tones = {-1: LOWERS, 0: COUNT, 1: RAISES}
    heights = list(range(len(table)))[::-1]
    drawn.add_bar(
        x=table["people"].tolist(), y=heights, orientation="h",
        marker={"color": [tones[side] for side in table["side"]]},
        customdata=table["said"].tolist(), hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    drawn.update_xaxes(title={"text": "people"}, nticks=5, tickangle=0, tickformat=",d", rangemode="tozero")
    drawn.update_yaxes(tickvals=heights, ticktext=table["name"].tolist(), showgrid=False, ticksuffix="  ")
    return drawn
