"""Figures of trust: what is drawn of which rows."""

from __future__ import annotations

import json

import pandas as pd

from explain.figures import draw
from explain.figures.theme import INK_3
from explain.figures.trust import agreement, faithful, left

ROWS = pd.DataFrame(
    [("Ablation", 0.3, 0.2, 0.4, False), ("Shapley", 0.2, 0.1, 0.3, False), ("Random order", 0.9, 0.8, 1.0, True)],
    columns=["name", "value", "low", "high", "reference"],
)


def test_the_best_method_is_on_top_and_chance_is_a_line() -> None:
    drawn = faithful(ROWS, measure="CDCG", falling=True)
    assert list(drawn.data[0].y) == ["Ablation", "Shapley"]  # the last category is the topmost
    assert list(faithful(ROWS, measure="INS", falling=False).data[0].y) == ["Shapley", "Ablation"]
    assert [note.text for note in drawn.layout.annotations] == ["Random order"]
    assert drawn.data[0].error_x.array[0] == ROWS["high"][0] - ROWS["value"][0]


def test_a_curve_has_a_band_and_chance_is_grey_and_dotted() -> None:
    rows = [(name, 0, at, 1 - at, 0.9 - at, 1.1 - at, name == "Random order") for name in ("Ablation", "Random order")
            for at in (0.0, 0.5, 1.0)]  # fmt: skip
    drawn = left(
        pd.DataFrame(rows, columns=["name", "place", "at", "value", "low", "high", "reference"]), what="taken away"
    )
    lines = [trace for trace in drawn.data if trace.name]
    assert [line.name for line in lines] == ["Ablation", "Random order"]
    assert (lines[1].line.color, lines[1].line.dash) == (INK_3, "dot")
    assert list(lines[0].x) == [0, 50, 100]
    assert len(drawn.data) == 4


def test_agreement_is_a_symmetric_matrix_with_its_numbers() -> None:
    drawn = agreement(pd.DataFrame([("A", "B", 0.8, 9), ("A", "C", -0.1, 9)], columns=["a", "b", "value", "people"]))
    assert list(drawn.data[0].z[0]) == [None, 0.8, -0.1]
    assert list(drawn.data[0].z[1]) == [0.8, None, None]
    assert list(drawn.data[0].text[0]) == ["", "0.80", "-0.10"]


def test_they_are_drawn_by_name() -> None:
    assert json.loads(draw("trust_faithful", ROWS, measure="CDCG", falling=True))["data"]
