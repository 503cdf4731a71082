"""The table of quality by interactions known, and its headline, from rows alone."""

from __future__ import annotations

from recommender.views.lab_scenarios import ITEMS
from recommender.views.shots_figure import finding, matrix, table


def test_the_table_has_a_row_each_and_a_column_per_number() -> None:
    rows = [{"name": "a", "shots": 0, "value": 0.5, "low": 0.4, "high": 0.6, "people": 9},
            {"name": "b", "shots": 3, "value": 0.5, "low": None, "high": None, "people": 8},
            {"name": "a", "shots": 3, "value": 0.6, "low": 0.5, "high": 0.7, "people": 7}]  # fmt: skip
    columns, cells = matrix(rows)
    assert columns == ["recommender", "0 known", "3 known"]
    assert cells[0] == ("a", {"value": 0.5, "low": 0.4, "high": 0.6}, {"value": 0.6, "low": 0.5, "high": 0.7})
    assert cells[1:] == [("b", None, {"value": 0.5, "low": None, "high": None}), ("people asked", 9, "7 to 8")]


def test_words_without_a_floor_claim_nothing() -> None:
    assert finding([], "ndcg@10") == "NDCG@10 by interactions known of a new person"
    assert finding([], "ndcg@10", ITEMS).startswith("NDCG@10 by interactions known of each new item")
    assert table([], "ndcg@10") == [] and matrix([]) == (["recommender"], [])
