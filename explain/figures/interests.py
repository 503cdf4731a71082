"""What a person is interested in, long-term and lately."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import ACCENT, COUNT, figure

SHOWN = (("long_term", "all time", COUNT), ("recent", "lately", ACCENT))


def interests(table: pd.DataFrame) -> go.Figure:
    """Lying bars, two a row, of `table` (name, long_term, recent), the first row on top."""
    ordered = table.iloc[::-1]
    names = ordered["name"].astype(str).tolist()
    bars = [
        go.Bar(
            y=names,
            x=ordered[column].tolist(),
            name=words,
            orientation="h",
            marker={"color": colour},
            hovertemplate=f"%{{y}}, {words}: %{{x:.2f}}<extra></extra>",
        )
        for column, words, colour in SHOWN
    ]
    drawn = figure(bars[::-1], barmode="group", bargap=0.35, showlegend=True)
    drawn.update_layout(legend={"traceorder": "reversed", "orientation": "h", "y": 1.02, "yanchor": "bottom"})
    drawn.update_xaxes(rangemode="tozero", nticks=5)
    drawn.update_yaxes(type="category", showgrid=False, ticksuffix="  ")
    return drawn
