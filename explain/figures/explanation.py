"""One explanation drawn: from the baseline to the score, methods side by side, attention.

Every figure says in its `meta` at which height each unit stands, so that a page can mark one unit in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import COUNT, INK, INK_2, INK_3, LINE, LOWERS, PAGE, RAISES, figure

MOST = 12
"""Units that get a bar of their own; the rest is one bar together."""
ROW = 38
"""Pixels of a bar with its label."""
VALUES = 0.86
"""Part of the width that bars have; the rest is for the numbers."""
GAP = 1e-4
"""Part of the difference from which on what the parts do not account for is drawn."""
LONGEST, SHORT = 44, 24
DIVERGING = [[0.0, "#f2c45c"], [0.5, PAGE], [1.0, "#6cb0da"]]
"""Paler than bars, since numbers stand on it."""


@dataclass(frozen=True)
class Step:
    """A bar from `start` to `start + value`; `id` "" where it is no unit of its own. `error`: a standard error."""

    id: str
    label: str
    value: float
    start: float
    error: float | None = None


def steps(
    table: pd.DataFrame, *, baseline: float, prediction: float, additive: bool = True, most: int = MOST
) -> list[Step]:
    """Bars for `table` (id, label, value, error), the strongest first, then the rest together, then what the parts
    leave open. Where they are not additive each starts at zero, and the rest is left out."""
    ordered = table.iloc[table["value"].abs().argsort(kind="stable")[::-1].to_numpy()]
    errors = ordered["error"] if "error" in ordered else pd.Series(math.nan, index=ordered.index)
    found, at = [], baseline if additive else 0.0
    rows = list(zip(ordered["id"], ordered["label"], ordered["value"], pd.to_numeric(errors), strict=True))
    for key, label, value, error in rows[:most]:
        found.append(Step(str(key), str(label), float(value), at, None if math.isnan(error) else float(error)))
        at += float(value) if additive else 0.0
    if not additive:
        return found
    if rest := [float(row[2]) for row in rows[most:]]:
        found.append(Step("", f"{len(rest):,} more", sum(rest), at))
        at += sum(rest)
    if abs(prediction - at) > GAP * (abs(prediction - baseline) or abs(prediction)):
        found.append(Step("", "not accounted for", prediction - at, at))
    return found


def waterfall(
    table: pd.DataFrame, *, baseline: float, prediction: float, target: str = "score", additive: bool = True
) -> go.Figure:
    """Lying bars from the baseline (dotted) to the prediction (solid line); blue raises, orange lowers; whiskers of one
    standard error. `table`: id, label, value, error."""
    bars = steps(table, baseline=baseline, prediction=prediction, additive=additive)
    heights = [len(bars) - 1 - at for at in range(len(bars))]
    drawn = figure([_bars(bars, heights)], bargap=0)
    if additive:
        _connect(drawn, bars, heights)
        _ends(drawn, bars, baseline, prediction, target)
    for bar, height in zip(bars, heights, strict=True):
        _row(drawn, bar, height)
    drawn.update_layout(
        margin={"l": 4, "r": 4, "t": 40, "b": 8},
        meta={"units": {bar.id: height for bar, height in zip(bars, heights, strict=True) if bar.id}},
    )
    title = target if additive else f"what the {target} loses without it"
    drawn.update_xaxes(
        title={"text": title}, nticks=6, showgrid=False, zeroline=not additive, zerolinecolor=LINE, domain=[0, VALUES]
    )
    drawn.update_yaxes(visible=False, range=[-0.6, len(bars) - 0.4])
    return drawn


def _bars(bars: Sequence[Step], heights: Sequence[int]) -> go.Bar:
    return go.Bar(
        y=list(heights), x=[bar.value for bar in bars], base=[bar.start for bar in bars], orientation="h",
        width=0.36, offset=-0.42, customdata=[bar.id for bar in bars], hovertext=[_hover(bar) for bar in bars],
        hovertemplate="%{hovertext}<extra></extra>",
        marker={"color": [_tone(bar) for bar in bars], "line": {"width": 0}},
        error_x={
            "type": "data", "array": [bar.error or 0.0 for bar in bars], "thickness": 1.5, "width": 3, "color": INK_3,
            "visible": any(bar.error for bar in bars),
        },
    )  # fmt: skip


def _tone(bar: Step) -> str:
    return LINE if bar.label == "not accounted for" and not bar.id else RAISES if bar.value >= 0 else LOWERS


def _hover(bar: Step) -> str:
    error = f" ± {bar.error:.3g} (one standard error)" if bar.error else ""
    return f"<b>{bar.label}</b><br>{'raises' if bar.value >= 0 else 'lowers'} by {abs(bar.value):.4g}{error}"


def _row(drawn: go.Figure, bar: Step, height: int) -> None:
    """Its name at the left and its value at the right, above the bar, on the page's ground: the lines of baseline and
    prediction stop at them."""
    given = {"y": height + 0.22, "xref": "paper", "showarrow": False, "yanchor": "middle", "bgcolor": PAGE}
    drawn.add_annotation(
        x=0, xanchor="left", xshift=3, text=shortened(bar.label, LONGEST), font={"color": INK, "size": 12}, **given
    )
    drawn.add_annotation(x=1, xanchor="right", text=signed(bar.value), font={"color": INK_2, "size": 12}, **given)


def _connect(drawn: go.Figure, bars: Sequence[Step], heights: Sequence[int]) -> None:
    """Hairlines from where one bar ends to where the next begins."""
    x: list[float | None] = []
    y: list[float | None] = []
    for bar, height in list(zip(bars, heights, strict=True))[:-1]:
        end = bar.start + bar.value
        x += [end, end, None]
        y += [height - 0.42, height - 1.06, None]
    drawn.add_scatter(x=x, y=y, mode="lines", line={"color": LINE, "width": 1}, hoverinfo="skip")


def _ends(drawn: go.Figure, bars: Sequence[Step], baseline: float, prediction: float, target: str) -> None:
    """Baseline and prediction as lines, named above each other at the side where there is room."""
    reached = [baseline, prediction, *(bar.start + bar.value for bar in bars)]
    middle = (min(reached) + max(reached)) / 2
    drawn.add_vline(x=baseline, line={"color": LINE, "width": 1, "dash": "dot"})
    drawn.add_vline(x=prediction, line={"color": INK_2, "width": 1.5})
    for turn, (x, text) in enumerate(
        ((baseline, f"baseline {told(baseline)}"), (prediction, f"{target} {told(prediction)}"))
    ):
        drawn.add_annotation(
            x=x, y=1, yref="paper", yanchor="bottom", yshift=15 * turn, xanchor="left" if x <= middle else "right",
            showarrow=False, text=text, font={"color": INK_2, "size": 12},
        )  # fmt: skip


def methods(table: pd.DataFrame, *, most: int = MOST) -> go.Figure:
    """A row per unit, a column per method; each method's values in parts of its largest. `table`: id, label, method,
    value."""
    wide = table.pivot_table(index=["id", "label"], columns="method", values="value", sort=False)
    scaled = wide / wide.abs().max().replace(0.0, 1.0)
    kept = scaled.abs().mean(axis=1).sort_values(kind="stable").index[-most:]
    scaled, wide = scaled.loc[kept], wide.loc[kept]
    heights = list(range(len(kept)))
    drawn = figure(
        [
            go.Heatmap(
                z=scaled.to_numpy(), x=list(scaled.columns), y=heights, zmin=-1, zmax=1, colorscale=DIVERGING,
                showscale=False, xgap=2, ygap=2, text=[[signed(value) for value in row] for row in wide.to_numpy()],
                texttemplate="%{text}", hovertext=[[label] * wide.shape[1] for _, label in kept],
                hovertemplate="<b>%{hovertext}</b><br>%{x}: %{text}<extra></extra>", textfont={"size": 12},
            )
        ]
    )  # fmt: skip
    drawn.update_layout(meta={"units": {str(key): at for at, (key, _) in enumerate(kept)}})
    drawn.update_xaxes(side="top", showgrid=False, type="category")
    drawn.update_yaxes(
        tickvals=heights, ticktext=[shortened(str(label), SHORT) for _, label in kept], showgrid=False, ticksuffix="  "
    )
    return drawn


def attention(table: pd.DataFrame) -> go.Figure:
    """A row per unit, the one read most on top, a column per head. `table`: id, label, head, value, from 0 to 1."""
    wide = table.pivot_table(index=["id", "label"], columns="head", values="value", sort=False).iloc[::-1]
    heights = list(range(len(wide)))
    drawn = figure(
        [
            go.Heatmap(
                z=wide.to_numpy(), x=list(wide.columns), y=heights, zmin=0, colorscale=[[0.0, PAGE], [1.0, COUNT]],
                showscale=False, xgap=2, ygap=2, texttemplate="%{z:.2f}", textfont={"size": 12},
                hovertext=[[label] * wide.shape[1] for _, label in wide.index],
                hovertemplate="<b>%{hovertext}</b><br>%{x}: %{z:.3f}<extra></extra>",
            )
        ]
    )  # fmt: skip
    drawn.update_layout(meta={"units": {str(key): at for at, (key, _) in enumerate(wide.index)}})
    drawn.update_xaxes(side="top", showgrid=False, type="category")
    drawn.update_yaxes(
        tickvals=heights, ticktext=[shortened(str(label), SHORT) for _, label in wide.index], showgrid=False,
        ticksuffix="  ",
    )  # fmt: skip
    return drawn


def agreement(table: pd.DataFrame) -> go.Figure:
    """Rank correlation of every two methods: `table` one, other, value (nan where one says the same of all)."""
    wide = table.pivot(index="one", columns="other", values="value")
    names = list(dict.fromkeys(table["one"]))
    wide = wide.loc[names[::-1], names]
    told = [
        ["–" if math.isnan(value) else f"{value:.2f}".replace("-", "−") for value in row]
        for row in wide.to_numpy(dtype=float)
    ]
    drawn = figure(
        [
            go.Heatmap(
                z=wide.to_numpy(dtype=float), x=names, y=names[::-1], zmin=-1, zmax=1, colorscale=DIVERGING, text=told,
                texttemplate="%{text}", showscale=False, xgap=2, ygap=2, textfont={"size": 12},
                hovertemplate="%{y} and %{x}: %{text}<extra></extra>",
            )
        ]
    )  # fmt: skip
    drawn.update_xaxes(side="top", showgrid=False, type="category")
    drawn.update_yaxes(showgrid=False, type="category", ticksuffix="  ")
    return drawn


def signed(value: float) -> str:
    """+0.12, −3.4, 0."""
    if value == 0 or math.isnan(value):
        return "0" if value == 0 else "–"
    return f"{'+' if value > 0 else '−'}{abs(value):.3g}"


def told(value: float) -> str:
    """Four digits that count; never −0."""
    return f"{value:.4g}".replace("-", "−") if float(f"{value:.4g}") else "0"


def shortened(text: str, most: int) -> str:
    """Plotly reads a little HTML, so signs that begin a tag are replaced."""
    plain = text.replace("<", "‹").replace(">", "›")
    return plain if len(plain) <= most else f"{plain[: most - 1].rstrip()}…"
