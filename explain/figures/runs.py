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


SHEET = (300.0, 200.0)
"""Pixels of the sheet on a phone, where names have the least room."""
LETTER, LINE, GAP = 6.6, 15.0, 10.0
"""Width of a letter, height of a line, and the gap between a mark and its name, in pixels."""


def _box(x: float, y: float, shift: float, width: float, left: bool) -> tuple[float, float, float, float]:
    start = x - GAP - width if left else x + GAP
    return start, y + shift - LINE / 2, start + width, y + shift + LINE / 2


def _free(box: tuple[float, float, float, float], taken: list[tuple[float, float, float, float]]) -> bool:
    inside = box[0] >= 0 and box[2] <= SHEET[0] and box[1] >= 0
    return inside and all(
        box[2] <= other[0] or box[0] >= other[2] or box[3] <= other[1] or box[1] >= other[3] for other in taken
    )


def _places(table: pd.DataFrame) -> list[tuple[bool, float] | None]:
    """Where each point's name stands: (left of it?, pixels above it), None where it would cover another name or mark.

    The best come first; hover and table name the rest.
    """
    x = table["coverage"].to_numpy() / max(float(table["coverage"].max()), 1e-9) * SHEET[0]
    y = table["value"].to_numpy() / max(float(table["high"].max()), 1e-9) * SHEET[1]
    taken = [(a - 5, b - 5, a + 5, b + 5) for a, b in zip(x, y, strict=True)]
    places: list[tuple[bool, float] | None] = []
    for a, b, name in zip(x, y, table["name"], strict=True):
        tries = [(left, shift) for shift in (0.0, LINE, -LINE, 2 * LINE, -2 * LINE) for left in (False, True)]
        boxes = [(each, _box(a, b, each[1], LETTER * len(name), each[0])) for each in tries]
        place, box = next(((each, box) for each, box in boxes if _free(box, taken)), (None, None))
        places.append(place)
        taken += [box] if box else []
    return places


def accuracy_coverage(table: pd.DataFrame, *, metric: str, coverage: str) -> go.Figure:
    """A point per run: share of the catalog that is ever recommended against accuracy with its 95% whisker.

    `table`: name, algorithm, value, low, high, coverage (0..1).
    """
    drawn = figure()
    for words, row, place in zip(_words(table, metric), table.itertuples(), _places(table), strict=True):
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
        if place is not None:
            left, above = place
            label(drawn, 100 * row.coverage, row.value, row.name, xanchor="right" if left else "left",
                  xshift=-GAP if left else GAP, yshift=above)  # fmt: skip
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
