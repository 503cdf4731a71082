"""Figures: what is drawn of which rows, in colours that the style sheet knows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from explain.figures import FIGURES, draw
from explain.figures import theme as look
from explain.figures.counts import bars, histogram, over_time, shares
from explain.figures.runs import _places, accuracy_coverage, learning_curve, metrics
from recommender.algorithms.registry import ALGORITHMS

STATIC = Path(__file__).parents[3] / "static" / "recommender"
RUNS = pd.DataFrame(
    {
        "name": ["ease #3", "popularity #2", "random #1"],
        "algorithm": ["ease", "popularity", "random"],
        "value": [0.07, 0.04, 0.01],
        "low": [0.06, 0.03, 0.0],
        "high": [0.08, 0.05, 0.02],
        "coverage": [0.4, 0.1, 0.9],
    }
)


def test_an_algorithm_has_the_same_colour_in_figures_and_on_pages() -> None:
    style = (STATIC / "site.css").read_text()
    written = dict(re.findall(r"--algorithm-(\w+): (?:light-dark\()?(#[0-9a-f]{6})", style))
    assert {name: written.get(name) for name in look.ALGORITHM_COLOURS} == look.ALGORITHM_COLOURS
    for name in look.ALGORITHM_COLOURS:
        assert f".swatch-{name} " in style


def test_no_two_of_the_first_recommenders_share_colour_and_mark() -> None:
    assert len({(look.colour(name), look.symbol(name)) for name in ALGORITHMS}) == len(ALGORITHMS)


def test_inks_follow_the_page() -> None:
    style, script = (STATIC / "site.css").read_text(), (STATIC / "figures.js").read_text()
    follows = dict(re.findall(r'"(#[0-9a-f]{6})": "(--[\w-]+)"', script))
    for ink in (look.INK, look.INK_2, look.INK_3, look.LINE, look.HAIRLINE, look.ACCENT, look.COUNT, look.PAGE):
        assert f"{follows[ink]}: light-dark({ink}," in style


@pytest.mark.parametrize(("foreground", "least"), [("--ink", 7), ("--ink-2", 4.5), ("--ink-3", 4.5), ("--accent", 4.5),
                                                   ("--good", 4.5), ("--bad", 4.5), ("--warn", 4.5)])  # fmt: skip
def test_text_stands_out_from_every_ground(foreground: str, least: float) -> None:
    style = (STATIC / "site.css").read_text()
    tokens = {name: (light, dark) for name, light, dark in
              re.findall(r"(--[\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", style)}  # fmt: skip
    for ground in ("--page", "--bar", "--tint", "--raised"):
        for scheme in (0, 1):
            assert contrast(tokens[foreground][scheme], tokens[ground][scheme]) >= least, (ground, scheme)


def contrast(one: str, other: str) -> float:
    """(L₁ + .05) / (L₂ + .05) of WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_runs_are_sorted_with_the_best_on_top_and_whiskers_are_drawn() -> None:
    drawn = metrics(RUNS.sample(frac=1, random_state=1), metric="NDCG@10")
    assert [trace.y[0] for trace in drawn.data] == ["random #1", "popularity #2", "ease #3"]
    assert drawn.data[-1].error_x.array[0] == pytest.approx(0.01)
    assert drawn.data[-1].error_x.arrayminus[0] == pytest.approx(0.01)
    assert len(drawn.layout.shapes) == 2  # popularity and random as lines


def test_every_point_is_labelled_directly() -> None:
    drawn = accuracy_coverage(RUNS, metric="NDCG@10", coverage="coverage@10")
    assert [note.text for note in drawn.layout.annotations] == list(RUNS["name"])
    assert drawn.layout.showlegend is False
    assert [trace.x[0] for trace in drawn.data] == pytest.approx([40, 10, 90])


def test_a_label_goes_to_the_left_where_the_next_point_would_cover_it() -> None:
    close = RUNS.assign(coverage=[0.40, 0.45, 0.99], value=[0.070, 0.071, 0.01])
    drawn = accuracy_coverage(close, metric="NDCG@10", coverage="coverage@10")
    assert [note.xanchor for note in drawn.layout.annotations] == ["right", "left", "right"]


def test_no_name_covers_another_and_what_has_no_place_is_left_to_the_table() -> None:
    many = pd.concat([RUNS.iloc[:1]] * 9).assign(name=[f"ease #{n}" for n in range(9)])
    places = _places(many)
    kept = [place for place in places if place is not None]
    assert places[0] is not None  # the best is named in any case
    assert len(set(kept)) == len(kept) < len(places)


def test_the_curve_marks_its_best_epoch() -> None:
    drawn = learning_curve(pd.DataFrame({"epoch": [1, 2, 3], "value": [0.1, 0.3, 0.2]}), algorithm="sasrec", metric="x")
    assert drawn.data[1].x == (2,)
    assert drawn.layout.annotations[0].text == "best: epoch 2"


def test_of_an_error_the_least_is_best_and_on_what_is_learned_from_none_is() -> None:
    table = pd.DataFrame({"epoch": [1, 2, 3], "value": [0.3, 0.1, 0.2]})
    drawn = learning_curve(table, algorithm="ncf", metric="RMSE", falling=True)
    assert drawn.layout.annotations[0].text == "best: epoch 2"
    assert not learning_curve(table, algorithm="mf", metric="RMSE", validated=False).layout.annotations
    board = pd.DataFrame({"name": ["a", "b"], "algorithm": ["mf", "ncf"], "value": [0.9, 0.95]})
    drawn = metrics(board.assign(low=0.8, high=1.0), metric="RMSE", falling=True)
    assert [each.y for each in drawn.data if each.mode == "markers"][-1] == ("a",)  # the best on top


def test_bars_start_at_zero_and_are_sorted() -> None:
    drawn = bars(pd.DataFrame({"label": ["a", "b"], "value": [5, 2]}), label="label", value="value")
    assert drawn.data[0].y == ("b", "a")
    assert drawn.layout.xaxis.rangemode == "tozero"
    counted = over_time(pd.DataFrame({"period": pd.to_datetime(["2020-01-01", "2020-02-01"]), "interactions": [3, 4]}))
    assert counted.layout.yaxis.rangemode == "tozero"


def test_shares_stand_beside_those_of_everyone() -> None:
    drawn = shares(pd.DataFrame({"group": ["F", "M"], "share": [0.4, 0.6], "overall": [0.3, 0.7]}), group="group")
    assert drawn.data[0].x == pytest.approx((40, 60))
    assert drawn.data[1].x == pytest.approx((30, 70))


LATER: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "handover": (
        pd.DataFrame({"interactions": [1], "cold": [0.1], "warm": [0.1], "blend": [0.1]}),
        {"cold": "prototypes", "warm": "ease", "threshold": 1.0},
    ),
    "interests": (pd.DataFrame({"name": ["Drama"], "long_term": [0.7], "recent": [0.2]}), {}),
    "gaps": (pd.DataFrame({"column": ["year"], "share": [0.5], "missing": [1]}), {}),
    "lorenz": (pd.DataFrame({"items": [0.0, 0.5, 1.0], "interactions": [0.0, 0.2, 1.0]}), {"gini": 0.3}),
    "mean_over_time": (pd.DataFrame({"period": ["2020-01-01"], "mean": [3.5], "ratings": [2]}), {}),
    "people_groups": (pd.DataFrame({"name": ["busy"], "people": [3], "activity": [20.0], "breadth": [0.4]}), {}),
    "suspects": (
        pd.DataFrame({"person": ["a"], "interactions": [9], "choice": [0.1], "flagged": [True]}), {"by_lot": 0.0},
    ),
    "segments": (
        pd.DataFrame({"name": ["m"], "people": [9], "value": [0.2], "low": [0.1], "high": [0.3]}),
        {"metric": "NDCG@10", "overall": 0.2, "algorithm": "ease"},
    ),
    "differences": (pd.DataFrame({"low": [0.0], "high": [0.1], "people": [3]}), {"metric": "NDCG@10", "a": "ease #3"}),
    "reliability": (pd.DataFrame({"predicted": [0.4], "liked": [0.5], "n": [7]}), {}),
    "quality_by_seconds": (
        pd.DataFrame({"name": ["ours"], "training": [1], "seconds": [2.0], "value": [0.1]}),
        {"metric": "NDCG@10", "ours": "ours"},
    ),
    "best_so_far": (
        pd.DataFrame({"trial": [1], "value": [0.1], "best": [0.1], "words": ["a"]}), {"metric": "NDCG@10"},
    ),
    "by_shots": (
        pd.DataFrame({"name": ["maml #1", "popularity #2"], "algorithm": ["maml", "popularity"], "shots": [5, 5],
                      "value": [0.2, 0.1], "low": [0.1, 0.05], "high": [0.3, 0.2], "people": [9, 9],
                      "floor": [False, True]}),
        {"metric": "NDCG@10"},
    ),
    "importance": (pd.DataFrame({"setting": ["a"], "share": [1.0]}), {}),
    "coordinates": (
        pd.DataFrame({"trial": [1], "value": [1.0], "words": ["w"], "x": [0.5], "metric": [1.0]}),
        {"axes": [{"name": "x", "label": "x", "low": "1", "high": "9"},
                  {"name": "metric", "label": "NDCG@10", "low": ".1", "high": ".2"}]},
    ),
}  # fmt: skip

OVER_PEOPLE = {
    "parts": (pd.DataFrame({"name": ["a"], "share": [0.5], "low": [0.4], "high": [0.6], "value": [1.0]}),
              {"x_title": "x"}),
    "beeswarm": (pd.DataFrame({"feature": ["a"], "value": [0.5], "level": [1]}), {}),
    "dependence": (pd.DataFrame({"x": [1], "value": [1.0], "low": [0.5], "high": [2.0], "tenth": [0.1], "ninth": [3.0],
                                 "people": [9]}), {"x_title": "x", "numbers": True}),
    "dependence_groups": (pd.DataFrame({"group": ["F"], "x": [1], "value": [1.0]}), {"x_title": "x"}),
    "stand_in_tree": (pd.DataFrame({"id": [0], "parent": [None], "yes": [None], "text": ["t"], "mean": [1.0],
                                    "end": [True]}), {"fidelity": "R²"}),
    "stand_in_linear": (pd.DataFrame({"feature": ["a"], "weight": [1.0]}), {"fidelity": "R²"}),
    "concepts": (pd.DataFrame({"concept": ["A"], "share": [0.9], "low": [0.8], "high": [1.0], "p_holm": [0.01],
                               "chance": [0.5]}), {}),
    "trust_faithful": (pd.DataFrame({"name": ["A"], "value": [0.3], "low": [0.2], "high": [0.4], "reference": [False]}),
                       {"measure": "CDCG", "falling": True}),
    "trust_left": (pd.DataFrame({"name": ["A"], "place": [0], "at": [0.5], "value": [0.3], "low": [0.2], "high": [0.4],
                                 "reference": [False]}), {"what": "taken away"}),
    "trust_agreement": (pd.DataFrame({"a": ["A"], "b": ["B"], "value": [0.5], "people": [9]}), {}),
}  # fmt: skip
UNIT = pd.DataFrame({"id": ["a"], "label": ["A"], "value": [1.0], "error": [None]})
OF_ONE = {
    "waterfall": (UNIT, {"baseline": 0.0, "prediction": 1.0}),
    "methods": (UNIT.assign(method="m"), {}),
    "attention": (UNIT.assign(head="h"), {}),
    "agreement": (pd.DataFrame({"one": ["m"], "other": ["m"], "value": [1.0]}), {}),
}
OF_DISPARITIES = {
    "disparity_whiskers": (pd.DataFrame({"name": ["F"], "value": [0.1], "low": [0.0], "high": [0.2], "told": [True],
                                         "said": ["."]}), {"axis": "difference"}),
    "disparity_bars": (pd.DataFrame({"name": ["F"], "value": [9]}), {"axis": "people"}),
    "disparity_matrix": (pd.DataFrame({"row": ["F"], "column": ["old"], "value": [0.1], "said": ["."]}), {"what": "x"}),
    "disparity_lorenz": (pd.DataFrame({"name": ["a", "a"], "x": [0, 1], "y": [0, 1]}),
                         {"x": "items", "y": "exposure", "even": "alike"}),
    "disparity_shares": (pd.DataFrame({"name": ["War"], "exposure": [0.1], "low": [0.0], "high": [0.2],
                                       "catalogue": [0.2], "relevance": [0.1], "said": ["."]}), {}),
    "disparity_weeks": (pd.DataFrame({"series": ["a"], "week": ["2026-01-05"], "value": [0.1], "low": [0.0],
                                      "high": [0.2]}), {"what": "Gini"}),
}  # fmt: skip
OF_REMEDIES = {
    "remedy_pareto": (pd.DataFrame({"x": [0.9], "x_low": [0.8], "x_high": [1.0], "y": [0.1], "y_low": [0.0],
                                    "y_high": [0.2], "name": ["as it is"], "dominated": [False], "base": [True],
                                    "said": ["."], "address": ["/"]}), {"x": "Gini", "y": "NDCG@10"}),
    "remedy_gains": (pd.DataFrame({"name": ["gain"], "people": [9], "side": [1], "said": ["."]}), {}),
}  # fmt: skip
SVG = {"bar", "scatter", "heatmap"}


def test_no_figure_needs_webgl_or_eval() -> None:
    tables = {
        "over_time": (pd.DataFrame({"period": ["2020-01-01"], "interactions": [3]}), {}),
        "bars": (pd.DataFrame({"label": ["a"], "value": [1]}), {"label": "label", "value": "value"}),
        "histogram": (
            pd.DataFrame({"v": [1], "n": [2]}), {"value": "v", "count": "n", "x_title": "v", "y_title": "people"},
        ),
        "shares": (pd.DataFrame({"g": ["a"], "share": [1.0], "overall": [1.0]}), {"group": "g"}),
        "metrics": (RUNS, {"metric": "NDCG@10"}),
        "accuracy_coverage": (RUNS, {"metric": "NDCG@10", "coverage": "coverage@10"}),
        "learning_curve": (pd.DataFrame({"epoch": [1], "value": [0.1]}), {"algorithm": "ease", "metric": "x"}),
    }  # fmt: skip
    tables |= LATER | OVER_PEOPLE | OF_ONE | OF_DISPARITIES | OF_REMEDIES
    assert set(tables) == set(FIGURES)
    for name, (table, options) in tables.items():
        kinds = {trace["type"] for trace in json.loads(draw(name, table, **options))["data"]}
        assert kinds <= SVG


def test_a_histogram_keeps_the_order_of_its_values() -> None:
    table = pd.DataFrame({"value": ["1", "10", "2"], "count": [1, 2, 3]})
    drawn = histogram(table, value="value", count="count", x_title="value", y_title="people")
    assert drawn.data[0].x == ("1", "10", "2")
    assert drawn.layout.xaxis.type == "category"


def test_a_handover_shows_both_parts_the_blend_and_the_threshold() -> None:
    table = pd.DataFrame({"interactions": [1, 5, 20], "cold": [0.2, 0.2, 0.2], "warm": [0.1, 0.2, 0.3],
                          "blend": [0.2, 0.25, 0.3]})  # fmt: skip
    drawn = json.loads(draw("handover", table, cold="ridge_head", warm="ease", threshold=4.0))
    assert [trace["name"] for trace in drawn["data"]] == ["ridge_head", "ease", "blend"]
    assert drawn["layout"]["shapes"][0]["x0"] == 4.0
    assert " both alike at 4" in [each["text"] for each in drawn["layout"]["annotations"]]
    assert "shapes" not in json.loads(draw("handover", table, cold="ridge_head", warm="ease", threshold=0.0))["layout"]


def test_shots_of_errors_do_not_begin_at_zero_and_may_lack_intervals() -> None:
    rows = pd.DataFrame({"name": ["maml #1", "best floor"], "label": ["maml #1", "best floor: hybrid"],
                         "algorithm": ["maml", "hybrid"], "shots": [5, 5], "value": [0.8, 0.9], "low": [0.7, None],
                         "high": [0.9, None], "people": [9, 1], "floor": [False, True]})  # fmt: skip
    drawn = json.loads(draw("by_shots", rows, metric="MAE", axis="first interactions", falling=True))
    assert (
        drawn["layout"]["yaxis"]["rangemode"] == "normal"
        and "lower is better" in drawn["layout"]["yaxis"]["title"]["text"]
    )
    assert drawn["layout"]["xaxis"]["title"]["text"] == "first interactions"
    assert [trace["error_y"]["array"] for trace in drawn["data"]] == [[pytest.approx(0.1)], [0]]
    assert "best floor: hybrid" in drawn["data"][1]["customdata"][0] and " to " not in drawn["data"][1]["customdata"][0]
