"""Figures of one explanation: bars that reach from the baseline to the score, the same units marked in each."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from explain.figures import draw
from explain.figures.explanation import MOST, agreement, attention, methods, shortened, signed, steps, told, waterfall
from explain.figures.theme import LINE, LOWERS, PAGE, RAISES
from explain.views.sketch import waterfall as sketch

UNITS = pd.DataFrame(
    {"id": ["a", "b", "c"], "label": ["Alien", "Brazil", "Cube"], "value": [1.0, -3.0, 0.5], "error": [None, 0.25, 0.0]}
)


def test_bars_begin_where_the_one_before_ends_the_strongest_first() -> None:
    found = steps(UNITS, baseline=2.0, prediction=0.5)
    assert [(bar.id, bar.start, bar.value) for bar in found] == [("b", 2.0, -3.0), ("a", -1.0, 1.0), ("c", 0.0, 0.5)]
    assert [bar.error for bar in found] == [0.25, None, 0.0]


def test_what_the_parts_leave_open_is_a_bar_of_its_own() -> None:
    found = steps(UNITS, baseline=2.0, prediction=1.0)
    assert (found[-1].label, found[-1].start, found[-1].value) == ("not accounted for", 0.5, 0.5)
    drawn = waterfall(UNITS, baseline=2.0, prediction=1.0)
    assert drawn.data[0].marker.color == (LOWERS, RAISES, RAISES, LINE)


def test_beyond_the_strongest_the_rest_is_one_bar_and_nothing_is_lost() -> None:
    many = pd.DataFrame({"id": range(40), "label": "x", "value": [1.0 + at for at in range(40)], "error": None})
    found = steps(many, baseline=0.0, prediction=820.0)
    assert len(found) == MOST + 1
    assert (found[-1].label, found[-1].id) == ("28 more", "")
    assert sum(bar.value for bar in found) == 820.0
    assert found[-1].start + found[-1].value == 820.0


def test_parts_that_are_not_meant_to_sum_begin_at_zero_and_have_no_rest() -> None:
    found = steps(UNITS, baseline=2.0, prediction=9.0, additive=False)
    assert [bar.start for bar in found] == [0.0, 0.0, 0.0]
    assert "without it" in waterfall(UNITS, baseline=2.0, prediction=9.0, additive=False).layout.xaxis.title.text


def test_a_waterfall_says_at_which_height_each_unit_stands() -> None:
    drawn = waterfall(UNITS, baseline=2.0, prediction=0.5, target="lead")
    assert drawn.layout.meta["units"] == {"b": 2, "a": 1, "c": 0}
    assert list(drawn.data[0].y) == [2, 1, 0] and list(drawn.data[0].customdata) == ["b", "a", "c"]
    assert drawn.data[0].error_x.visible and list(drawn.data[0].error_x.array) == [0.25, 0.0, 0.0]
    texts = [each.text for each in drawn.layout.annotations]
    assert "baseline 2" in texts and "lead 0.5" in texts and "−3" in texts and "+1" in texts


def test_names_and_numbers_stand_on_the_ground_of_the_page_so_that_no_line_crosses_them() -> None:
    drawn = waterfall(UNITS, baseline=2.0, prediction=0.5, target="lead")
    ground = {each.text: each.bgcolor for each in drawn.layout.annotations}
    assert [ground[text] for text in ("Alien", "Brazil", "+1", "−3")] == [PAGE] * 4


def test_each_method_is_coloured_by_its_own_largest_value() -> None:
    rows = [{"id": key, "label": key, "method": name, "value": value}
            for name, values in (("one", (4.0, -2.0)), ("other", (0.1, 0.2)))
            for key, value in zip("ab", values, strict=True)]  # fmt: skip
    drawn = methods(pd.DataFrame(rows))
    heat = drawn.data[0]
    place = drawn.layout.meta["units"]
    assert list(heat.z[place["a"]]) == [1.0, 0.5] and list(heat.z[place["b"]]) == [-0.5, 1.0]
    assert list(heat.text[place["a"]]) == ["+4", "+0.1"]


def test_agreement_keeps_the_order_of_the_methods_and_has_no_number_for_what_has_none() -> None:
    pairs = [("b", "b", 1.0), ("b", "a", -0.5), ("a", "b", -0.5), ("a", "a", math.nan)]
    drawn = agreement(pd.DataFrame(pairs, columns=["one", "other", "value"]))
    assert drawn.data[0].x == ("b", "a") and drawn.data[0].y == ("a", "b")
    assert [list(row) for row in drawn.data[0].text] == [["−0.50", "–"], ["1.00", "−0.50"]]


def test_attention_has_what_is_read_most_on_top() -> None:
    rows = [{"id": key, "label": key, "head": head, "value": value}
            for key, value in (("a", 0.75), ("b", 0.25)) for head in ("h1", "h2")]  # fmt: skip
    drawn = attention(pd.DataFrame(rows))
    assert drawn.layout.meta["units"] == {"b": 0, "a": 1}
    assert [list(row) for row in drawn.data[0].z] == [[0.25, 0.25], [0.75, 0.75]]


def test_figures_are_found_by_name_and_stay_small() -> None:
    many = pd.DataFrame({"id": range(300), "label": "t" * 200, "value": [(-1) ** at / (1 + at) for at in range(300)],
                         "error": 0.1})  # fmt: skip
    found = draw("waterfall", many, baseline=0.0, prediction=float(many["value"].sum()))
    assert len(found) < 50_000 and json.loads(found)["layout"]["meta"]["units"]
    assert {trace["type"] for trace in json.loads(found)["data"]} == {"bar", "scatter"}  # SVG, no WebGL


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "+0.123"), (-3.0, "−3"), (0.0, "0"), (math.nan, "–"), (1234.5, "+1.23e+03")]
)
def test_values_carry_their_sign(value: float, text: str) -> None:
    assert signed(value) == text


def test_numbers_are_never_minus_nothing() -> None:
    assert (told(-0.0), told(-1.25), told(0.00004)) == ("0", "−1.25", "4e−05")


def test_titles_that_look_like_tags_are_no_tags() -> None:
    assert shortened("<b>Bold</b> & long", 12) == "‹b›Bold‹/b›…"


def test_the_sketch_of_a_file_has_the_same_bars() -> None:
    bars = steps(UNITS, baseline=2.0, prediction=0.5)
    svg = sketch(bars, baseline=2.0, prediction=0.5, title="T <1>", target="score", additive=True)
    assert svg.count("<rect") == 3 and svg.count('class="raises"') == 2 and "T &lt;1&gt;" in svg
    assert "baseline 2" in svg and "score 0.5" in svg
    assert sketch([], baseline=0, prediction=0, title="", target="score", additive=True) == ""
