"""Figures of what counts for everyone: parts of the attributions, their spread over people, dependence on one thing."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import (
    ACCENT,
    BLUE,
    COUNT,
    GREEN,
    INK,
    LINE,
    LOWERS,
    ORANGE,
    PURPLE,
    RAISES,
    SKY,
    VERMILION,
    figure,
    label,
)

LINES = (
    (BLUE, "solid"),
    (VERMILION, "dash"),
    (GREEN, "dot"),
    (PURPLE, "dashdot"),
    (ORANGE, "longdash"),
    (SKY, "solid"),
)
NAME = 0.075
"""Room for a name beside a line, in parts of the height."""
STANDING = "standing, deviations above the mean"
POINTS = 250
"""Points of a feature, at most."""
OPACITY = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Of the fifths of a feature's values, the lowest first."""


def parts(table: pd.DataFrame, *, x_title: str, keep_order: bool = False) -> go.Figure:
    """Lying bars of shares with their 95% whiskers, the largest on top or in the order given; blue where the part
    raises on the whole, orange where it lowers. `table`: name, share, low, high (0..1), value."""
    ordered = table.iloc[::-1] if keep_order else table.sort_values("share", kind="stable")
    words = [
        f"<b>{row.name}</b><br>{100 * row.share:.1f}% of what counts<br>95% interval {100 * row.low:.1f} to "
        f"{100 * row.high:.1f}%<br>{'raises' if row.value >= 0 else 'lowers'} on the whole"
        for row in ordered.itertuples()
    ]
    drawn = figure(
        [
            go.Bar(
                y=ordered["name"].tolist(), x=(100 * ordered["share"]).tolist(), orientation="h",
                marker={"color": [RAISES if value >= 0 else LOWERS for value in ordered["value"]]},
                error_x={
                    "type": "data", "symmetric": False, "color": INK, "thickness": 1.5, "width": 4,
                    "array": (100 * (ordered["high"] - ordered["share"])).tolist(),
                    "arrayminus": (100 * (ordered["share"] - ordered["low"])).tolist(),
                },
                customdata=words, hovertemplate="%{customdata}<extra></extra>",
            )
        ]
    )  # fmt: skip
    drawn.update_xaxes(title={"text": x_title}, ticksuffix="%", rangemode="tozero", nticks=6)
    drawn.update_yaxes(type="category", showgrid=False, ticksuffix="  ")
    return drawn


def beeswarm(table: pd.DataFrame) -> go.Figure:
    """A row of points per feature, the one that counts most on top: right raises, left lowers; the darker, the more of
    the feature. `table`: feature, value (signed share), level (0..4 or None), in the order of features."""
    names = list(dict.fromkeys(table["feature"]))
    drawn = figure()
    for at, name in enumerate(reversed(names)):
        part = table[table["feature"] == name].head(POINTS)
        told = part["level"].notna()
        drawn.add_scatter(
            x=(100 * part["value"]).round(2).tolist(),
            y=[round(at + shift, 3) for shift in jittered(part["value"].to_numpy(dtype=float))],
            mode="markers",
            marker={
                "size": 6, "color": [ACCENT if each else COUNT for each in told],
                "opacity": [OPACITY[int(at)] if each else 0.6 for at, each in zip(part["level"], told, strict=True)],
            },
            hovertemplate=f"{name}<br>%{{x:.1f}}% of what counts<extra></extra>",
        )  # fmt: skip
    drawn.add_vline(x=0, line={"color": LINE, "width": 1}, layer="below")
    drawn.update_xaxes(title={"text": "left lowers, right raises"}, ticksuffix="%", nticks=7)
    drawn.update_yaxes(
        tickmode="array", tickvals=list(range(len(names))), ticktext=list(reversed(names)), ticksuffix="  ",
        showgrid=False, range=[-0.7, len(names) - 0.3],
    )  # fmt: skip
    return drawn


def jittered(values: np.ndarray) -> list[float]:
    """Shifts (−.4 to .4) that keep points of like value apart: the k-th point of a bin alternately above and below."""
    if not len(values):
        return []
    low, high = float(values.min()), float(values.max())
    bins = np.floor((values - low) / ((high - low) or 1.0) * 60).astype(int)
    counted: dict[int, int] = {}
    most = max(np.bincount(bins).max(), 6)
    shifts = []
    for each in bins.tolist():
        k = counted.get(each, 0)
        counted[each] = k + 1
        shifts.append((1 if k % 2 else -1) * math.ceil(k / 2) * 0.8 / most)
    return shifts


def dependence(
    table: pd.DataFrame, *, x_title: str, numbers: bool, logarithmic: bool = False, y_title: str = STANDING
) -> go.Figure:
    """Standing of the recommended item against one thing, with the band of its 95% interval and, dotted, where one
    person in ten stays below and above. `table`: x, value, low, high, tenth, ninth, people; words get points with
    whiskers."""
    drawn = _lines(table) if numbers else _points(table)
    places = table["x"].tolist()
    if logarithmic and numbers:
        drawn.update_xaxes(tickmode="array", tickvals=_places(places, True), ticktext=[f"{x:g}" for x in places])
    drawn.update_xaxes(title={"text": x_title}, showgrid=False)
    if not numbers:
        drawn.update_xaxes(type="category", automargin=True)
    drawn.update_yaxes(title={"text": y_title}, nticks=6)
    drawn.add_hline(y=0, line={"color": LINE, "width": 1}, layer="below")
    if logarithmic and numbers:
        for trace in drawn.data:
            trace.x = _places(list(trace.x), True)
    return drawn


def _places(values: list[float], logarithmic: bool) -> list[float]:
    return [round(math.log10(1 + x), 4) if logarithmic else x for x in values]


def _lines(table: pd.DataFrame) -> go.Figure:
    x = table["x"].tolist()
    words = _words(table)
    drawn = figure()
    for name in ("tenth", "ninth"):
        drawn.add_scatter(x=x, y=table[name].tolist(), mode="lines", hoverinfo="skip",
                          line={"color": COUNT, "width": 1, "dash": "dot"})  # fmt: skip
    drawn.add_scatter(x=x, y=table["low"].tolist(), mode="lines", line={"width": 0}, hoverinfo="skip")
    drawn.add_scatter(x=x, y=table["high"].tolist(), mode="lines", line={"width": 0}, hoverinfo="skip",
                      fill="tonexty", fillcolor="rgba(0, 114, 178, .25)")  # fmt: skip
    drawn.add_scatter(x=x, y=table["value"].tolist(), mode="lines+markers", line={"color": RAISES, "width": 2},
                      customdata=words, hovertemplate="%{customdata}<extra></extra>")  # fmt: skip
    return drawn


def _points(table: pd.DataFrame) -> go.Figure:
    x = [str(each) for each in table["x"]]
    drawn = figure()
    for name, symbol in (("tenth", "line-ew-open"), ("ninth", "line-ew-open")):
        drawn.add_scatter(x=x, y=table[name].tolist(), mode="markers", hoverinfo="skip",
                          marker={"symbol": symbol, "size": 12, "color": COUNT})  # fmt: skip
    drawn.add_scatter(
        x=x, y=table["value"].tolist(), mode="markers", marker={"size": 10, "color": RAISES},
        error_y={
            "type": "data", "symmetric": False, "thickness": 2, "width": 5,
            "array": (table["high"] - table["value"]).tolist(),
            "arrayminus": (table["value"] - table["low"]).tolist(),
        },
        customdata=_words(table), hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    return drawn


def _words(table: pd.DataFrame) -> list[str]:
    return [
        f"<b>{row.x}</b><br>standing {row.value:.2f}<br>95% interval {row.low:.2f} to {row.high:.2f}<br>"
        f"{row.people} people"
        for row in table.itertuples()
    ]


def dependence_groups(table: pd.DataFrame, *, x_title: str, y_title: str = STANDING) -> go.Figure:
    """A line per group of people, named at its end. `table`: group, x (number), value; as many groups as LINES."""
    drawn = figure()
    ends: list[tuple[str, float, float]] = []
    for at, (name, part) in enumerate(table.groupby("group", sort=False)):
        colour, dash = LINES[at % len(LINES)]
        drawn.add_scatter(
            x=_places(part["x"].tolist(), True), y=part["value"].tolist(), mode="lines+markers",
            line={"color": colour, "width": 2, "dash": dash}, marker={"size": 5},
            hovertemplate=f"{name}: standing %{{y:.2f}}<extra></extra>",
        )  # fmt: skip
        ends.append((str(name), _places([part["x"].iloc[-1]], True)[0], float(part["value"].iloc[-1])))
    right = max((x for _, x, _ in ends), default=0.0)
    span = float(table["value"].max() - table["value"].min()) or 1.0
    for (name, _, _), y in zip(ends, apart([y for _, _, y in ends], span * NAME), strict=True):
        label(drawn, right, y, name, xshift=8)
    told = sorted(set(table["x"].tolist()))
    drawn.update_xaxes(title={"text": x_title}, showgrid=False, tickmode="array", tickvals=_places(told, True),
                       ticktext=[f"{x:g}" for x in told])  # fmt: skip
    drawn.update_yaxes(title={"text": y_title}, nticks=6)
    longest = max((len(name) for name, _, _ in ends), default=0)
    drawn.update_layout(margin={"r": 24 + 7 * longest})
    return drawn


def apart(places: list[float], gap: float) -> list[float]:
    """Places moved up so that none is closer than `gap` to the one below, in the order given."""
    order = np.argsort(places, kind="stable")
    moved, last = list(places), -math.inf
    for at in order.tolist():
        moved[at] = last = max(places[at], last + gap)
    return moved
