"""Figures of the cold-start lab: quality by interactions known."""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import INK_3, LINE, colour, figure, label, symbol

NAMED = 6
"""Lines named at their right ends."""
CHARACTER, PHONE = 6.8, 310.0
"""Pixels of a character, and of the picture on a phone."""


def by_shots(
    table: pd.DataFrame, *, metric: str, axis: str = "interactions known of a new person", falling: bool = False
) -> go.Figure:
    """A line with 95% whiskers per recommender over the number of interactions given, floors dotted in grey.

    `table`: name, algorithm, shots, value, low, high, people, floor, and label where hovering says more than the name;
    the numbers of shots stand evenly, as categories. `axis` names them; a `falling` metric is an error.
    """
    table = table.assign(**{part: pd.to_numeric(table[part]) for part in ("value", "low", "high")})
    places = {shots: at for at, shots in enumerate(sorted(table["shots"].unique().tolist()))}
    groups = [rows for _, rows in table.groupby("name", sort=False)]
    drawn = figure()
    for turn, rows in enumerate(groups):
        shift = 0.16 * ((turn + 0.5) / len(groups) - 0.5)  # whiskers of one place stand beside each other
        _line(drawn, rows, [places[shots] + shift for shots in rows["shots"]], metric)
    _name(drawn, groups, places, falling)
    last = max(places.values(), default=0)
    drawn.update_xaxes(
        title={"text": axis}, showgrid=False, tickvals=list(places.values()),
        ticktext=[str(shots) for shots in places], range=[-0.3, last + _room(groups, last)],
    )  # fmt: skip
    title = f"{metric}, lower is better, 95% intervals" if falling else f"{metric}, 95% intervals"
    drawn.update_yaxes(title={"text": title}, rangemode="normal" if falling else "tozero", nticks=6)
    return drawn


def _line(drawn: go.Figure, rows: pd.DataFrame, x: list[float], metric: str) -> None:
    """The points of one recommender at `x`, with whiskers."""
    floor, algorithm = bool(rows["floor"].iloc[0]), str(rows["algorithm"].iloc[0])
    tone = LINE if floor else colour(algorithm)
    drawn.add_scatter(
        x=x,
        y=rows["value"].tolist(),
        mode="lines+markers",
        line={"color": tone, "width": 1.5 if floor else 2, "dash": "dot" if floor else "solid"},
        marker={"color": tone, "size": 6 if floor else 8, "symbol": "circle" if floor else symbol(algorithm)},
        error_y={
            "type": "data", "symmetric": False, "thickness": 1.5, "width": 3, "color": tone,
            "array": (rows["high"] - rows["value"]).fillna(0).tolist(),
            "arrayminus": (rows["value"] - rows["low"]).fillna(0).tolist(),
        },
        customdata=_words(rows, metric),
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _words(rows: pd.DataFrame, metric: str) -> list[str]:
    rows = rows.assign(said=rows["label"] if "label" in rows else rows["name"])
    return [
        f"<b>{row.said}</b>, {row.shots} known<br>{metric} {row.value:.4f}{_span(row.low, row.high)}<br>"
        f"{row.people:,} people"
        for row in rows.itertuples(index=False)
    ]


def _span(low: float | None, high: float | None) -> str:
    return "" if pd.isna(low) or pd.isna(high) else f", {low:.4f} to {high:.4f}"


def _room(groups: list[pd.DataFrame], last: int) -> float:
    """What the names at the right ends take on a phone's width, in units of the axis."""
    longest = max((len(str(rows["name"].iloc[0])) for rows in groups[:NAMED]), default=0)
    share = min(0.45, 0.03 + longest * CHARACTER / PHONE)
    return float(share / (1 - share) * (last + 0.3 + _gap(last)) + _gap(last))


def _gap(last: int) -> float:
    """From the last place to the names: past the whiskers that stand beside each other there."""
    return 0.1 + 0.04 * (last + 1)


def _name(drawn: go.Figure, groups: list[pd.DataFrame], places: dict[int, int], falling: bool) -> None:
    """Names at the right ends, apart from each other; from the sixth on only hover and table name a line."""
    last = max(places.values(), default=0)
    ends = sorted((float(rows["value"].iloc[-1]), str(rows["name"].iloc[0])) for rows in groups[:NAMED])
    highest = max((float(rows["high"].fillna(rows["value"]).max()) for rows in groups), default=1.0)
    lowest = min((float(rows["low"].fillna(rows["value"]).min()) for rows in groups), default=0.0) if falling else 0.0
    top, taken = highest - lowest or 1.0, -math.inf
    for value, name in ends:
        at = max(value, taken + top * 0.055)
        taken = at
        label(drawn, last + _gap(last), at, name, font={"color": INK_3, "size": 12})
