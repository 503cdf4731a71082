"""Figures of searches: what is drawn of which rows."""

from __future__ import annotations

import pandas as pd

from explain.figures.theme import ACCENT
from explain.figures.tuning import best_so_far, coordinates, importance


def test_the_best_so_far_is_a_stair_and_the_best_trial_is_named() -> None:
    table = pd.DataFrame(
        {"trial": [1, 2, 3], "value": [0.1, 0.3, 0.2], "best": [0.1, 0.3, 0.3], "words": ["a", "b", "c"]}
    )
    drawn = best_so_far(table, metric="NDCG@10")
    assert list(drawn.data[0].y) == [0.1, 0.3, 0.3]
    assert drawn.data[0].line.shape == "hv"
    assert [note.text for note in drawn.layout.annotations] == ["best: trial 2"]


def test_the_most_important_setting_is_on_top() -> None:
    drawn = importance(pd.DataFrame({"setting": ["a", "b"], "share": [0.75, 0.25]}))
    assert list(drawn.data[0].y) == ["b", "a"]
    assert list(drawn.data[0].x) == [25, 75]


def test_a_line_per_trial_and_the_five_best_stand_out() -> None:
    table = pd.DataFrame({"value": range(7), "words": ["w"] * 7, "x": [0.5] * 7, "metric": [n / 6 for n in range(7)]})
    axes = [{"name": "x", "label": "half life", "low": "1", "high": "9"},
            {"name": "metric", "label": "NDCG@10", "low": ".1", "high": ".2"}]  # fmt: skip
    drawn = coordinates(table, axes=axes)
    assert [trace.line.color == ACCENT for trace in drawn.data] == [False] * 2 + [True] * 5
    assert list(drawn.data[-1].y) == [0.5, 1.0]
    assert {trace.type for trace in drawn.data} == {"scatter"}  # drawn as SVG: the policy forbids parcoords
    assert {note.text for note in drawn.layout.annotations} == {"1", "9", ".1", ".2"}
