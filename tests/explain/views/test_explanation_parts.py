"""The table under the figure of an explanation."""

from __future__ import annotations

from explain.views.asked import State
from explain.views.explanation_parts import waterfall_figure
from recommender.models import Catalog
from recommender.templatetags.pages import cell


def test_a_table_of_parts_has_errors_only_where_there_are_some_and_digits_of_what_is_small() -> None:
    units = [{"kind": "item", "id": "a", "label": "Alien", "value": 0.000123}]
    document = {
        "units": units, "target": "score", "method": "contributions", "baseline": "nothing met", "prediction": 0.000123,
        "baseline_prediction": 0.0, "gap": 0.0, "relative_gap": 0.0, "additive": True,
    }  # fmt: skip
    state = State("a", "u0")
    exact = waterfall_figure(Catalog(name="films"), state, document)
    assert exact.columns == ("what", "kind", "adds")
    assert [cell(value) for value in exact.rows[0]] == ["Alien", "item", "0.000123"]
    sampled = waterfall_figure(Catalog(name="films"), state, document | {"units": [units[0] | {"error": 0.5}]})
    assert sampled.columns[3] == "standard error" and sampled.rows[0][3] == 0.5
    assert [cell(value) for value in (0.0, -0.5, 0.00999, 12.0)] == ["0.0000", "-0.5000", "0.00999", "12.0000"]
