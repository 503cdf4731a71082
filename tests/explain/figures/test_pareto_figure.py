"""The curve of a sweep: what is hollow, square, reachable and drawn with intervals."""

from __future__ import annotations

import pandas as pd
import pytest

from explain.figures.pareto import gains, pareto, places
from explain.figures.theme import COUNT, LOWERS, RAISES

NAN = float("nan")
POINTS = pd.DataFrame({
    "x": [0.9, 0.8, 0.85], "x_low": [0.88, 0.7, NAN], "x_high": [0.92, 0.83, NAN], "y": [0.3, 0.29, 0.28],
    "y_low": [0.2] * 3, "y_high": [0.4] * 3, "name": ["as it is", "0.1", "0.2"], "dominated": [False, False, True],
    "base": [True, False, False], "said": ["a", "b", "c"], "address": ["/0/", "/1/", "/2/"],
})  # fmt: skip


def test_points_are_joined_by_strength_with_whiskers_both_ways_and_lead_somewhere() -> None:
    drawn = pareto(POINTS, x="Gini", y="NDCG@10")
    line, marks = drawn.data
    assert list(line.x) == [0.9, 0.8, 0.85] and line.mode == "lines"
    assert list(marks.marker.symbol) == ["square", "circle", "circle-open"]
    assert list(marks.error_x.array) == pytest.approx([0.02, 0.03, 0.0])
    assert list(marks.error_x.arrayminus) == pytest.approx([0.02, 0.1, 0.0])
    assert list(marks.error_y.array) == pytest.approx([0.1, 0.11, 0.12])
    assert drawn.layout.meta == {"addresses": ["/0/", "/1/", "/2/"]}
    assert [each.text for each in drawn.layout.annotations] == ["as it is", "0.1", "0.2"]
    assert (drawn.layout.xaxis.title.text, drawn.layout.yaxis.title.text) == ("Gini", "NDCG@10")


def test_names_that_would_cover_each_other_are_left_to_hover_and_table() -> None:
    close = pd.DataFrame({"x": [0.5] * 9 + [0.9], "y": [0.1] * 9 + [0.2], "name": ["as it is", *"12345678", "9"]})
    found = places(close.assign(x_low=NAN, x_high=close["x"], y_low=0.1, y_high=0.2))
    assert found[0] is not None and found[-1] is not None, "the ends of the curve keep their names"
    assert sum(each is None for each in found) >= 4


def test_people_who_lose_are_at_the_top_in_the_colour_of_what_lowers() -> None:
    table = pd.DataFrame(
        {"name": ["lose", "same", "gain"], "people": [30, 90, 20], "side": [-1, 0, 1], "said": [""] * 3}
    )
    bars = gains(table).data[0]
    assert list(bars.y) == [2, 1, 0] and list(bars.x) == [30, 90, 20]
    assert list(bars.marker.color) == [LOWERS, COUNT, RAISES]
