"""Figure of sensitivity to concepts: how many people's first recommendation gains along each category."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import COUNT, INK, LINE, LOWERS, RAISES, figure

ALPHA = 0.05


def concepts(table: pd.DataFrame) -> go.Figure:
    """Bars from the line of one half, with 95% whiskers: blue above, orange below, grey where chance would do the same.

    `table`: concept, share, low, high (0..1), p_holm, chance (the mean share along vectors of chance, dotted).
    """
    ordered = table.iloc[::-1]
    colours = [
        COUNT if row.p_holm >= ALPHA else RAISES if row.share >= row.chance else LOWERS for row in ordered.itertuples()
    ]
    words = [
        f"<b>{row.concept}</b><br>{100 * row.share:.0f}% of people, 95% interval {100 * row.low:.0f} to "
        f"{100 * row.high:.0f}%<br>"
        + ("not told from chance" if row.p_holm >= ALPHA else f"p {row.p_holm:.4f} after Holm")
        for row in ordered.itertuples()
    ]
    drawn = figure(
        [
            go.Bar(
                y=ordered["concept"].tolist(), x=(100 * ordered["share"] - 50).tolist(), base=50, orientation="h",
                marker={"color": colours}, customdata=words, hovertemplate="%{customdata}<extra></extra>",
            ),
            go.Scatter(
                y=ordered["concept"].tolist(), x=(100 * ordered["share"]).tolist(), mode="markers", hoverinfo="skip",
                marker={"size": 4, "color": INK},
                error_x={
                    "type": "data", "symmetric": False, "color": INK, "thickness": 1.5, "width": 4,
                    "array": (100 * (ordered["high"] - ordered["share"])).tolist(),
                    "arrayminus": (100 * (ordered["share"] - ordered["low"])).tolist(),
                },
            ),
        ]
    )  # fmt: skip
    drawn.add_vline(x=50, line={"color": LINE, "width": 1})
    if len(table):
        drawn.add_vline(x=100 * float(table["chance"].iloc[0]), line={"color": COUNT, "width": 1, "dash": "dot"})
    drawn.update_xaxes(title={"text": "people whose first recommendation gains"}, ticksuffix="%", range=[0, 100])
    drawn.update_yaxes(type="category", showgrid=False, ticksuffix="  ")
    return drawn
