"""The one template of figures: colours, type, margins.

Colours of ink are those of the light page; the page's script puts the dark ones in their place (figures.js lists
them). static/recommender/site.css holds the same colours; a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import plotly.graph_objects as go

INK, INK_2, INK_3, LINE, HAIRLINE, PAGE = "#1b1c1f", "#55585f", "#696c74", "#8f9198", "#e5e5e1", "#ffffff"
ACCENT = "#4540c4"
COUNT = "#66758c"
"""Bars of counts: quieter than what can be clicked, and no algorithm's colour."""
RAISES, LOWERS = "#0072b2", "#e69f00"
"""Diverging pair of attributions: what raises a score, what lowers it."""

# Okabe and Ito (2008), "Color Universal Design": told apart by colour-blind eyes.
ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7",
)  # fmt: skip

ALGORITHM_COLOURS: dict[str, str] = {
    "random": "#8f9198",
    "popularity": "#5c5f66",
    "latest": "#8f9198",
    "user_knn": YELLOW,
    "item_knn": SKY,
    "content": YELLOW,
    "mf": PURPLE,
    "fm": PURPLE,
    "ials": ORANGE,
    "ease": GREEN,
    "item2vec": SKY,
    "ncf": PURPLE,
    "gru": VERMILION,
    "sasrec": BLUE,
    "ensemble": VERMILION,
    "ridge_head": GREEN,
    "neural_process": ORANGE,
    "prototypes": SKY,
    "maml": BLUE,
    "fomaml": BLUE,
    "anil": BLUE,
    "reptile": BLUE,
    "cold_item": YELLOW,
    "blend": VERMILION,
    "student": BLUE,
    "reranked": GREEN,
}
"""Always the same colour for the same algorithm. Where two share one, their marks differ."""

ALGORITHM_SYMBOLS: dict[str, str] = {
    "random": "x-thin-open",
    "popularity": "line-ew-open",
    "latest": "triangle-down",
    "content": "diamond",
    "fm": "diamond",
    "ncf": "square",
    "item2vec": "square",
    "ensemble": "diamond",
    "ridge_head": "square",
    "neural_process": "square",
    "prototypes": "diamond",
    "maml": "square",
    "fomaml": "diamond",
    "anil": "triangle-up",
    "reptile": "triangle-down",
    "cold_item": "square",
    "blend": "square",
    "student": "cross",
    "reranked": "cross",
}
REFERENCES = ("popularity", "random")
"""Drawn as grey lines beside the rest."""


def colour(algorithm: str) -> str:
    return ALGORITHM_COLOURS.get(algorithm, PURPLE)


def symbol(algorithm: str) -> str:
    return ALGORITHM_SYMBOLS.get(algorithm, "circle")


def figure(traces: Iterable[Any] = (), **layout: Any) -> go.Figure:
    """An empty sheet: hairlines, no box, room for labels, no legend."""
    axis = {"gridcolor": HAIRLINE, "zeroline": False, "showline": False, "ticks": "", "automargin": True}
    sheet = go.Layout(
        template=None,
        margin={"l": 8, "r": 16, "t": 12, "b": 8},
        font={"size": 12, "color": INK_2},
        showlegend=False,
        hovermode="closest",
        dragmode=False,
        xaxis=axis | {"fixedrange": True},
        yaxis=axis | {"fixedrange": True},
        bargap=0.28,
    )
    drawn = go.Figure(data=list(traces), layout=sheet)
    drawn.update_layout(**layout)
    return drawn


def label(figure: go.Figure, x: Any, y: Any, text: str, **options: Any) -> None:
    """Words beside a mark, in the ink of text (a colour alone may be too pale to read)."""
    placed = {"xanchor": "left", "showarrow": False, "font": {"color": INK, "size": 12}} | options
    figure.add_annotation(x=x, y=y, text=text, **placed)
