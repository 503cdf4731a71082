"""Figures of disparities: groups with their intervals, and groups crossed with groups or with classes of items."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import BLUE, COUNT, INK_3, LOWERS, RAISES, VERMILION, figure, label

LONGEST = 28
"""Letters of a name beside a mark; the rest is in the table and on hover."""
NEUTRAL = "#f4f4f2"
WRITTEN = 72
"""Cells up to which a matrix has its numbers in it."""
SERIES = ((BLUE, "circle", "circle-open"), (VERMILION, "diamond", "diamond-open"))


def short(name: str, longest: int = LONGEST) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1].rstrip()}…"


def places(names: pd.Series) -> tuple[list[int], list[int], list[str]]:
    """For rows with these names from the top: the height of each row, and the heights and labels of the names. Heights
    are numbers, so that two long names that begin alike stay apart."""
    known = list(dict.fromkeys(names.astype(str)))
    heights = {name: len(known) - 1 - at for at, name in enumerate(known)}
    return [heights[str(name)] for name in names], list(heights.values()), [short(name) for name in known]


def whiskers(table: pd.DataFrame, *, axis: str, middle: float | None = None, zero: bool = False) -> go.Figure:
    """A point with its 95% whisker per row, from the top; hollow where no difference is told.

    `table`: name, value, low, high (nan: no whisker), told (bool), said (words on hover), and `series` where two are
    drawn side by side. `middle`: where a dotted line stands; `zero`: whether the axis begins at 0.
    """
    drawn = figure()
    heights, ticks, names = places(table["name"])
    table = table.assign(height=heights)
    several = list(dict.fromkeys(table["series"])) if "series" in table else [None]
    for at, (series, (tone, full, hollow)) in enumerate(zip(several, SERIES, strict=False)):
        rows = table if series is None else table[table["series"] == series]
        shift = 0.0 if series is None else 0.16 - 0.32 * at
        drawn.add_scatter(
            x=rows["value"].tolist(), y=(rows["height"] + shift).tolist(), mode="markers", name=str(series or ""),
            marker={"color": tone, "size": 10, "symbol": [full if told else hollow for told in rows["told"]],
                    "line": {"width": 2, "color": tone}},
            error_x={"type": "data", "symmetric": False, "array": _gap(rows["high"], rows["value"]),
                     "arrayminus": _gap(rows["value"], rows["low"]), "thickness": 2, "width": 5, "color": tone},
            customdata=rows["said"].tolist(), hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    if middle is not None:
        drawn.add_vline(x=middle, line={"color": INK_3, "width": 1, "dash": "dot"}, layer="below")
    drawn.update_xaxes(title={"text": axis}, nticks=6, tickangle=0, **({"rangemode": "tozero"} if zero else {}))
    drawn.update_yaxes(tickvals=ticks, ticktext=names, range=[-0.6, len(ticks) - 0.4], showgrid=False, ticksuffix="  ")
    return _named(drawn) if len(several) > 1 else drawn


def bars(table: pd.DataFrame, *, axis: str) -> go.Figure:
    """Lying bars of counts, from the top. `table`: name, value."""
    heights, ticks, names = places(table["name"])
    drawn = figure()
    drawn.add_bar(
        x=table["value"].tolist(), y=heights, orientation="h", marker={"color": COUNT},
        customdata=table["name"].tolist(), hovertemplate=f"%{{customdata}}: %{{x:,}} {axis}<extra></extra>",
    )  # fmt: skip
    drawn.update_xaxes(title={"text": axis}, nticks=5, tickangle=0, tickformat=",d", rangemode="tozero")
    drawn.update_yaxes(tickvals=ticks, ticktext=names, range=[-0.6, len(ticks) - 0.4], showgrid=False, ticksuffix="  ")
    return drawn


def _gap(above: pd.Series, below: pd.Series) -> list[float]:
    return [float(each) for each in (above - below).fillna(0.0)]


def _named(drawn: go.Figure) -> go.Figure:
    place = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "itemclick": False, "itemdoubleclick": False}
    drawn.update_layout(showlegend=True, legend=place, margin={"t": 34})
    return drawn


def matrix(table: pd.DataFrame, *, what: str, middle: float | None = None, share: bool = False) -> go.Figure:
    """Cells of rows × columns: blue above `middle`, orange below it; without one, the more blue the more.

    `table`: row, column, value (nan: too few people, the cell is hatched), said. `share`: values are parts of one.
    """
    rows, columns, values, said = _grid(table)
    known = values[~np.isnan(values)]
    low, high = _limits(known, middle)
    scale = [[0, LOWERS], [0.5, NEUTRAL], [1, RAISES]] if middle is not None else [[0, NEUTRAL], [1, RAISES]]
    form = "{:.0%}" if share else "{:.3f}"
    drawn = figure()
    drawn.add_heatmap(
        x=list(range(len(columns))), y=list(range(len(rows))), z=_cells(values), zmin=low, zmax=high,
        xgap=2, ygap=2, showscale=False, hoverongaps=False, colorscale=scale, customdata=said.tolist(),
        hovertemplate="%{customdata}<extra></extra>",
        text=[["" if np.isnan(cell) else form.format(cell) for cell in row] for row in values],
        texttemplate="%{text}" if values.size <= WRITTEN else "",
    )  # fmt: skip
    _hatch(drawn, values, written=values.size <= WRITTEN)
    names = [short(name, 16) for name in columns]
    slant = -40 if len(names) > 4 or max(map(len, names), default=0) > 8 else 0
    drawn.update_xaxes(tickvals=list(range(len(columns))), ticktext=names, showgrid=False, side="top", tickangle=slant)
    names = [short(name, 22) for name in rows]
    drawn.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=names, showgrid=False, autorange="reversed", ticksuffix="  ",
        title={"text": ""},
    )  # fmt: skip
    drawn.update_layout(meta={"what": what})
    return drawn


def _grid(table: pd.DataFrame) -> tuple[list[str], list[str], Any, Any]:
    """Names of the rows and of the columns, and per cell (n_rows, n_columns) its value and its words."""
    rows, columns = ([str(each) for each in dict.fromkeys(table[side])] for side in ("row", "column"))
    values, said = np.full((len(rows), len(columns)), np.nan), np.full((len(rows), len(columns)), "", dtype=object)
    for each in table.itertuples():
        at = rows.index(str(each.row)), columns.index(str(each.column))
        values[at], said[at] = each.value, each.said
    return rows, columns, values, said


def _limits(known: Any, middle: float | None) -> tuple[float, float]:
    if not len(known):
        return 0.0, 1.0
    if middle is None:
        return 0.0, float(known.max()) or 1.0
    reach = float(np.abs(known - middle).max()) or 1.0
    return middle - reach, middle + reach


def _cells(values: Any) -> list[list[float | None]]:
    return [[None if np.isnan(cell) else float(cell) for cell in row] for row in values]


def _hatch(drawn: go.Figure, values: Any, *, written: bool) -> None:
    """A cell nothing may be said of: a box of hairlines crossed by one, and the words where there is room."""
    for row, column in np.argwhere(np.isnan(values)):
        x0, x1, y0, y1 = column - 0.48, column + 0.48, row - 0.46, row + 0.46
        line = {"color": "#8f9198", "width": 1, "dash": "dot"}
        drawn.add_shape(type="rect", x0=x0, x1=x1, y0=y0, y1=y1, line=line, layer="below")
        if written:
            words = {"xanchor": "center", "yanchor": "middle", "font": {"color": INK_3, "size": 11}}
            label(drawn, int(column), int(row), "too few", **words)
        else:
            drawn.add_shape(type="line", x0=x0, x1=x1, y0=y0, y1=y1, line=line, layer="below")
