"""Figures of disparities: what is drawn of which rows, for the page and as SVG."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from explain.figures import draw
from explain.figures.disparity import LONGEST, matrix, whiskers
from explain.figures.disparity_curves import lorenz, shares, weeks
from explain.views.disparity_sketch import Axis, sketch

NAN = float("nan")
GROUPS = [
    {"name": "F", "value": -0.03, "low": -0.04, "high": -0.02, "told": True, "said": "F"},
    {"name": "M <of all>", "value": 0.01, "low": NAN, "high": NAN, "told": False, "said": "M"},
]
CELLS = [
    {"row": row, "column": column, "value": value, "said": "."}
    for row, column, value in (("F", "young", 0.2), ("F", "old", 0.4), ("M", "young", NAN), ("M", "old", 0.3))
]
CLASSES = [{"name": "War", "exposure": 0.1, "low": 0.08, "high": 0.12, "catalogue": 0.2, "relevance": NAN, "said": "."}]
CURVE = [{"name": "exposure", "x": at, "y": at**2} for at in (0.0, 0.5, 1.0)]
WEEKS = [{"series": "Gini", "week": f"2026-01-{day:02}", "value": 0.8, "low": NAN, "high": NAN} for day in (5, 12)]


def test_a_difference_that_is_told_is_filled_and_one_that_is_not_is_hollow() -> None:
    drawn = whiskers(pd.DataFrame(GROUPS), axis="difference", middle=0.0)
    assert list(drawn.data[0].marker.symbol) == ["circle", "circle-open"]
    assert list(drawn.data[0].y) == [1, 0], "the first row is on top"
    assert drawn.data[0].error_x.array[0] == pytest.approx(0.01)
    assert drawn.data[0].error_x.array[1] == 0, "without an interval there is no whisker"
    assert drawn.layout.shapes[0].x0 == 0


def test_two_series_stand_side_by_side_with_names() -> None:
    rows = [row | {"series": series} for series in ("before", "after") for row in GROUPS]
    drawn = whiskers(pd.DataFrame(rows), axis="difference")
    assert [trace.name for trace in drawn.data] == ["before", "after"]
    assert list(drawn.data[0].y) == [1.16, 0.16]
    assert drawn.layout.showlegend


def test_long_names_that_begin_alike_stay_two_rows() -> None:
    rows = [GROUPS[0] | {"name": "x" * 50 + end} for end in "ab"]
    drawn = whiskers(pd.DataFrame(rows), axis="difference")
    assert list(drawn.data[0].y) == [1, 0]
    assert all(len(name) == LONGEST for name in drawn.layout.yaxis.ticktext)


def test_cells_of_too_few_people_are_empty_boxes_that_say_so() -> None:
    drawn = matrix(pd.DataFrame(CELLS), what="NDCG@10", middle=0.3)
    assert [list(row) for row in drawn.data[0].z] == [[0.2, 0.4], [None, 0.3]]
    assert (drawn.data[0].zmin, drawn.data[0].zmax) == (pytest.approx(0.2), pytest.approx(0.4))
    assert [note.text for note in drawn.layout.annotations] == ["too few"]
    assert (drawn.layout.shapes[0].x0, drawn.layout.shapes[0].y1) == (-0.48, 1.46)


def test_a_large_matrix_has_no_words_in_its_cells() -> None:
    rows = [{"row": row, "column": column, "value": NAN if row == column else 0.5, "said": "."}
            for row in range(9) for column in range(9)]  # fmt: skip
    drawn = matrix(pd.DataFrame(rows), what="share", share=True)
    assert drawn.data[0].texttemplate == ""
    assert not drawn.layout.annotations
    assert len(drawn.layout.shapes) == 18


def test_a_lorenz_curve_stands_beside_the_line_of_evenness() -> None:
    drawn = lorenz(pd.DataFrame(CURVE), x="items", y="exposure", even="all alike")
    assert list(drawn.data[1].y) == [0, 25, 100]
    assert [note.text for note in drawn.layout.annotations] == ["all alike", "exposure"]


def test_a_class_has_its_exposure_and_its_shares() -> None:
    drawn = shares(pd.DataFrame(CLASSES))
    assert [trace.name for trace in drawn.data] == ["exposure in lists", "of the catalogue", "of what people chose"]
    assert list(drawn.data[1].x) == [20]
    assert np.isnan(drawn.data[2].x[0])


def test_weeks_without_an_interval_have_no_band() -> None:
    assert len(weeks(pd.DataFrame(WEEKS), what="exposure").data) == 1
    banded = [row | {"low": 0.7, "high": 0.9} for row in WEEKS]
    assert len(weeks(pd.DataFrame(banded), what="exposure").data) == 2


@pytest.mark.parametrize(
    ("kind", "points", "options", "marks"),
    [
        ("whiskers", GROUPS, {"axis": "difference", "middle": 0.0}, {"circle": 2}),
        ("whiskers", [row | {"series": name} for name in "ab" for row in GROUPS], {"axis": "d"}, {"circle": 6}),
        ("matrix", CELLS, {"what": "NDCG@10", "middle": 0.3}, {"rect": 4}),
        ("matrix", CELLS, {"what": "share", "share": True}, {"rect": 4}),
        ("lorenz", CURVE, {"x": "items", "y": "exposure", "even": "alike"}, {"polyline": 1}),
        ("shares", CLASSES, {}, {"circle": 4}),
        ("weeks", WEEKS, {"what": "exposure"}, {"polyline": 1}),
        ("bars", [{"name": "F", "value": 3}], {"axis": "people"}, {"rect": 1}),
    ],
)
def test_the_same_rows_are_drawn_by_name_and_as_svg(kind: str, points: list, options: dict, marks: dict) -> None:
    assert json.loads(draw(f"disparity_{kind}", pd.DataFrame(points), **options))["data"]
    drawn = ElementTree.fromstring(sketch(kind, points, options, "A “title” <of words>"))
    assert drawn.get("aria-label").startswith("A “title” <of words>")
    for tag, number in marks.items():
        assert len(drawn.findall(f"{{*}}{tag}")) == number
    assert not any("nan" in value for each in drawn.iter() for value in each.attrib.values())


def test_without_rows_there_is_no_svg() -> None:
    assert sketch("whiskers", [], {"axis": "difference"}, "nothing") == ""


def test_an_axis_holds_its_values_and_what_must_be_seen() -> None:
    axis = Axis.around([-1.0, 3.0], 0.0)
    assert axis.low < -1 and axis.high > 3
    assert Axis.around([1.0, 3.0], 0.0).low == 0
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks()) and len(axis.ticks()) >= 3
