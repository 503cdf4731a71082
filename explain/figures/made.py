"""Recommenders made of others: who answers after how many interactions."""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go

from explain.figures.theme import ACCENT, INK_3, colour, figure, label, symbol


def handover(table: pd.DataFrame, *, cold: str, warm: str, threshold: float | None) -> go.Figure:
    """Quality by interactions known of a person: a line each for the cold one, the warm one and the blend, and where
    both count alike. `table`: interactions, cold, warm, blend."""
    drawn = figure()
    lines = (
        ("cold", cold, colour(cold), "dot"),
        ("warm", warm, colour(warm), "dot"),
        ("blend", "blend", ACCENT, "solid"),
    )
    for column, name, tone, dash in lines:
        drawn.add_scatter(
            x=table["interactions"].tolist(), y=table[column].tolist(), mode="lines+markers", name=name,
            line={"color": tone, "width": 2, "dash": dash}, marker={"size": 6, "color": tone, "symbol": symbol(name)},
            hovertemplate=f"{name}<br>%{{x}} interactions<br>NDCG@10 %{{y:.4f}}<extra></extra>",
        )  # fmt: skip
    ends = sorted(((float(table[column].iloc[-1]), name) for column, name, _, _ in lines), reverse=True)
    for place, (value, name) in enumerate(ends):
        label(drawn, _log(table["interactions"].iloc[-1]), value, name, xanchor="right", yshift=22 - 14 * place)
    if threshold and table["interactions"].min() <= threshold <= table["interactions"].max():
        drawn.add_vline(x=threshold, line={"color": INK_3, "width": 1, "dash": "dash"})
        label(drawn, _log(threshold), 0, f" both alike at {threshold:.3g}", yanchor="bottom")
    ticks = table["interactions"].tolist()
    drawn.update_xaxes(
        type="log", title={"text": "interactions known of a person"}, tickvals=ticks, ticktext=list(map(str, ticks))
    )
    drawn.update_yaxes(rangemode="tozero", title={"text": "NDCG@10 on validation"}, nticks=6)
    return drawn


def _log(value: float) -> float:
    """Where an annotation stands on a logarithmic axis."""
    return math.log10(value)
