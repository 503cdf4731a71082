"""How fast trainings get good: quality on validation by seconds of training."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import COUNT, colour, figure, label


def quality_by_seconds(table: pd.DataFrame, *, metric: str, ours: str) -> go.Figure:
    """A line per training, its name at its end; those of `ours` in the algorithm's colour, the peer's in grey.

    `table`: name, training (any key that tells lines apart), seconds, value.
    """
    drawn = figure()
    labelled: set[str] = set()
    for (name, _), line in table.groupby(["name", "training"], sort=False):
        tone = colour(ours) if name == ours else COUNT
        drawn.add_scatter(
            x=line["seconds"].tolist(), y=line["value"].tolist(), mode="lines+markers", name=str(name),
            line={"color": tone, "width": 2}, marker={"size": 5, "color": tone},
            hovertemplate=f"{name}<br>%{{x:.0f}} s<br>{metric} %{{y:.4f}}<extra></extra>",
        )  # fmt: skip
        if name not in labelled:
            labelled.add(str(name))
            last = line.iloc[-1]
            label(drawn, last["seconds"], last["value"], str(name), xanchor="right", yshift=14)
    drawn.update_xaxes(rangemode="tozero", title={"text": "seconds of training"}, nticks=8)
    drawn.update_yaxes(rangemode="tozero", title={"text": f"{metric} on validation"}, nticks=6)
    return drawn
