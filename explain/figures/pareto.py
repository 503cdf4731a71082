"""Figures of a remedy's sweep: accuracy against a disparity, and how people's figures changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import BLUE, COUNT, INK, INK_3, LOWERS, RAISES, figure, label

AWAY, LINE, LETTER = 9, 12, 6.6
"""Pixels from a mark to its name, of a line, of a letter."""
SHEET = (280.0, 260.0)
"""Pixels of the sheet on a phone, where names have the least room."""


def pareto(table: pd.DataFrame, *, x: str, y: str) -> go.Figure:
    """A point per strength with 95% whiskers both ways, joined in the order of strength; hollow where it is dominated,
    a square where nothing is changed.

    `table`: x, x_low, x_high, y, y_low, y_high (nan: no whisker), name, dominated, base (bool), said, address. The
    page's script follows the address of a point that is clicked.
    """
    drawn = figure()
    across, up = table["x"].tolist(), table["y"].tolist()
    drawn.add_scatter(x=across, y=up, mode="lines", line={"color": INK_3, "width": 1}, hoverinfo="skip")
    drawn.add_scatter(
        x=across, y=up, mode="markers", marker=_marks(table), error_x=_whiskers(table, "x"),
        error_y=_whiskers(table, "y"), customdata=table["said"].tolist(), hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    for row, place in zip(table.itertuples(), places(table), strict=True):
        if place is not None:
            left, above = place
            label(drawn, row.x, row.y, str(row.name), xanchor="right" if left else "left",
                  xshift=-AWAY if left else AWAY, yshift=above)  # fmt: skip
    drawn.update_xaxes(title={"text": x}, nticks=6, tickangle=0)
    drawn.update_yaxes(title={"text": y}, nticks=6)
    drawn.update_layout(meta={"addresses": table["address"].tolist()})
    return drawn


def places(table: pd.DataFrame) -> list[tuple[bool, int] | None]:
    """Where each point's name stands: (left of it?, pixels above it), None where it would cover another; the strongest
    and the one that is as it is come first, hover and table name the rest."""
    across, up = (_spread(table, axis) * size for axis, size in zip(("x", "y"), SHEET, strict=True))
    order = [0, len(table) - 1, *range(1, len(table) - 1)] if len(table) > 1 else [0] * len(table)
    found: list[tuple[bool, int] | None] = [None] * len(table)
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in zip(across, up, strict=True)]
    for at in order:
        for left, above in ((False, LINE), (False, -LINE), (True, LINE), (True, -LINE)):
            box = _box(across[at], up[at] + above, LETTER * len(str(table["name"].iloc[at])), left)
            if all(box[2] <= o[0] or box[0] >= o[2] or box[3] <= o[1] or box[1] >= o[3] for o in taken):
                found[at] = (left, above)
                taken.append(box)
                break
    return found


def _spread(table: pd.DataFrame, axis: str) -> pd.Series:
    """Where each point stands, from 0 to 1 of what is drawn with the whiskers."""
    ends = table[[axis, f"{axis}_low", f"{axis}_high"]].to_numpy(dtype=float)
    low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
    return (table[axis] - low) / ((high - low) or 1.0)


def _box(x: float, y: float, width: float, left: bool) -> tuple[float, float, float, float]:
    start = x - AWAY - width if left else x + AWAY
    return start, y - LINE / 2, start + width, y + LINE / 2


def _marks(table: pd.DataFrame) -> dict[str, Any]:
    symbols = ["square" if base else "circle-open" if dominated else "circle"
               for base, dominated in zip(table["base"], table["dominated"], strict=True)]  # fmt: skip
    colours = [INK if base else BLUE for base in table["base"]]
    return {"color": colours, "size": 12, "symbol": symbols, "line": {"width": 2, "color": BLUE}}


def _whiskers(table: pd.DataFrame, axis: str) -> dict[str, Any]:
    above, below = _gap(table[f"{axis}_high"], table[axis]), _gap(table[axis], table[f"{axis}_low"])
    return {"type": "data", "symmetric": False, "thickness": 1.5, "width": 4, "color": COUNT, "array": above,
            "arrayminus": below}  # fmt: skip


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
    drawn.update_yaxes(tickvals=heights, ticktext=[f"{name}  " for name in table["name"]], showgrid=False)
    return drawn
