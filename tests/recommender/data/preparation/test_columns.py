"""Types and gaps of attributes."""

from __future__ import annotations

from typing import Any

import pytest

from recommender.data.preparation.columns import cast_column, fill, gaps, kind_of
from tests.recommender.data.preparation.data import column


@pytest.mark.parametrize(
    ("values", "kind", "how", "filled", "value"),
    [
        ((1, None, 3, 8), "number", "mean", [1, 4.0, 3, 8], 4.0),
        ((1, None, 3, 8), "number", "median", [1, 3.0, 3, 8], 3.0),
        ((5, 5, None, 8), "number", "most frequent", [5, 5, 5.0, 8], 5.0),
        (("a", "", "b", "b"), "category", "most frequent", ["a", "b", "b", "b"], "b"),
        (("a", None), "category", "unknown", ["a", "unknown"], "unknown"),
        ((True, None, True), "category", "most frequent", [True, True, True], True),
        ((["a", "b"], [], ["b"]), "categories", "most frequent", [["a", "b"], ["b"], ["b"]], ["b"]),
        ((["a"], None), "categories", "unknown", [["a"], ["unknown"]], ["unknown"]),
        ((1, None), "number", "unknown", [1, None], None),
        (("a", None), "category", "mean", ["a", None], None),
        ((None, None), "number", "mean", [None, None], None),
        ((1, 2), "number", "mean", [1, 2], None),
    ],
)
def test_gaps_are_filled(values: tuple[Any, ...], kind: str, how: str, filled: list[Any], value: Any) -> None:
    found, used = fill(column(*values), kind, how)
    assert found.tolist() == filled and used == value


def test_what_is_a_gap() -> None:
    assert gaps(column(None, "", [], float("nan"), 0, False, "x")).tolist() == [True] * 4 + [False] * 3


def test_values_in_their_declared_type() -> None:
    assert cast_column(column("3", 4, "old", True, None), "number").tolist() == [3.0, 4.0, None, None, None]
    assert cast_column(column("yes", 0, "maybe", True), "flag").tolist() == [True, False, None, True]
    assert cast_column(column("a", ["b", 2]), "categories").tolist() == [["a"], ["b", "2"]]
    assert cast_column(column(1, ["b"]), "category").tolist() == ["1", None]


def test_kinds_are_declared_or_seen() -> None:
    assert kind_of("age", column("x"), {"age": "number"}) == "number"
    assert kind_of("fragile", column(True), {"fragile": "flag"}) == "category"
    assert [kind_of(name, column(None), {}) for name in ("title", "categories", "year")] == [
        "text", "categories", "number",
    ]  # fmt: skip
    assert [kind_of("x", column(*one), {}) for one in ((1, None), (["a"],), ("a", 1), (True,))] == [
        "number", "categories", "category", "category",
    ]  # fmt: skip
