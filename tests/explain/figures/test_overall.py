"""Figures of what counts for everyone: what is drawn of which rows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from explain.figures import draw
from explain.figures.concepts import concepts
from explain.figures.overall import apart, beeswarm, dependence, dependence_groups, jittered, parts
from explain.figures.stand_ins import coefficients, tree
from explain.figures.theme import COUNT, LOWERS, RAISES

PARTS = pd.DataFrame(
    [("a", 0.2, 0.1, 0.3, 1.0), ("b", 0.5, 0.4, 0.6, -1.0)], columns=["name", "share", "low", "high", "value"]
)
CURVE = pd.DataFrame(
    [(0, 0.0, 0, 0, -1.0, 1.0, 9), (9, 2.0, 1, 3, 0.5, 4.0, 9)],
    columns=["x", "value", "low", "high", "tenth", "ninth", "people"],
)
NODES = pd.DataFrame(
    [
        (0, None, None, "year ≤ 1990?", 0.0, False),
        (1, 0, True, "standing −1.00", -1.0, True),
        (2, 0, False, "popularity ≤ 9?", 0.5, False),
        (3, 2, False, "standing +2.00", 2.0, True),
        (4, 2, True, "standing +.10", 0.1, True),
    ],
    columns=["id", "parent", "yes", "text", "mean", "end"],
)


def test_the_largest_part_is_on_top_and_what_lowers_is_orange() -> None:
    drawn = parts(PARTS, x_title="share")
    assert list(drawn.data[0].y) == ["a", "b"]  # the last category is the topmost
    assert list(drawn.data[0].marker.color) == [RAISES, LOWERS]
    np.testing.assert_allclose(drawn.data[0].error_x.array, [10, 10])
    assert list(parts(PARTS, x_title="share", keep_order=True).data[0].y) == ["b", "a"]


def test_points_keep_apart_and_are_darker_the_more_of_the_feature() -> None:
    rows = pd.DataFrame({"feature": ["x"] * 3 + ["y"], "value": [0.5, 0.5, -0.5, 0.1], "level": [0, 4, 2, None]})
    drawn = beeswarm(rows)
    assert list(drawn.layout.yaxis.ticktext) == ["y", "x"]
    of_x = drawn.data[1]
    assert list(of_x.x) == [50, 50, -50]
    assert of_x.y[0] != of_x.y[1]
    assert list(of_x.marker.opacity) == [0.2, 1.0, 0.6]
    assert drawn.data[0].marker.color == (COUNT,)


def test_so_many_points_stay_small_enough() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"feature": np.repeat([f"f{n}" for n in range(10)], 2000), "value": rng.normal(size=20_000),
                         "level": rng.integers(5, size=20_000)})  # fmt: skip
    assert len(draw("beeswarm", rows)) < 200_000
    assert max(map(abs, jittered(rng.normal(size=2000)))) <= 0.41


def test_a_band_stands_around_the_curve_and_counts_are_spread() -> None:
    drawn = dependence(CURVE, x_title="n", numbers=True, logarithmic=True)
    assert [trace.fill for trace in drawn.data].count("tonexty") == 1
    assert list(drawn.data[-1].x) == [0, 1]  # log10(1 + x)
    assert list(drawn.layout.xaxis.ticktext) == ["0", "9"]
    words = dependence(CURVE.assign(x=["F", "M"]), x_title="gender", numbers=False)
    assert words.layout.xaxis.type == "category"
    assert list(words.data[-1].error_y.array) == [0, 1]


def test_groups_are_named_at_their_ends_apart_from_each_other() -> None:
    rows = pd.concat([CURVE.assign(group="F"), CURVE.assign(group="M")])
    notes = dependence_groups(rows, x_title="n").layout.annotations
    assert [note.text for note in notes] == ["F", "M"]
    assert abs(notes[0].y - notes[1].y) >= 0.1
    assert apart([1.0, 5.0, 1.0], 0.5) == [1.0, 5.0, 1.5]


def test_the_tree_reads_from_top_to_bottom_with_its_fidelity() -> None:
    drawn = tree(NODES, fidelity="R² .50")
    said = sorted((-note.y, note.text) for note in drawn.layout.annotations if note.yref != "paper")
    assert [text for _, text in said] == [
        "<b>year ≤ 1990?</b>", "yes: standing −1.00", "no: <b>popularity ≤ 9?</b>", "yes: standing +.10",
        "no: standing +2.00",
    ]  # fmt: skip
    assert [note.text for note in drawn.layout.annotations if note.yref == "paper"] == ["R² .50"]
    assert len(drawn.layout.shapes) == 4
    assert [trace.marker.color for trace in drawn.data] == [LOWERS, RAISES, RAISES]
    assert max(note.x for note in drawn.layout.annotations if note.yref != "paper") < 0.15, "a phone has room for words"


def test_weights_go_both_ways_from_nothing() -> None:
    drawn = coefficients(pd.DataFrame({"feature": ["a", "b"], "weight": [2.0, -1.0]}), fidelity="R² .50")
    assert list(drawn.data[0].marker.color) == [LOWERS, RAISES]
    assert drawn.layout.annotations[0].text == "R² .50"


def test_categories_stand_from_one_half_and_those_that_chance_explains_are_grey() -> None:
    rows = pd.DataFrame(
        [("A", 0.9, 0.8, 0.95, 0.01, 0.5), ("B", 0.6, 0.4, 0.7, 0.3, 0.5), ("C", 0.2, 0.1, 0.3, 0.01, 0.5)],
        columns=["concept", "share", "low", "high", "p_holm", "chance"],
    )
    drawn = concepts(rows)
    assert list(drawn.data[0].marker.color) == [LOWERS, COUNT, RAISES]
    assert drawn.data[0].base == 50
    np.testing.assert_allclose(drawn.data[0].x, [-30, 10, 40])
    assert [shape.x0 for shape in drawn.layout.shapes] == [50, 50]


def test_all_are_drawn_as_svg() -> None:
    groups = CURVE.assign(group="F")
    fidelity = {"fidelity": "R²"}
    drawn = {
        "parts": (PARTS, {"x_title": "x"}), "dependence": (CURVE, {"x_title": "x", "numbers": True}),
        "dependence_groups": (groups, {"x_title": "x"}), "stand_in_tree": (NODES, fidelity),
    }  # fmt: skip
    for name, (table, options) in drawn.items():
        assert {trace["type"] for trace in json.loads(draw(name, table, **options))["data"]} <= {"bar", "scatter"}
