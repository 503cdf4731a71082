"""Simple models in a recommender's stead: found where they are true, refused where they are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from explain.attribution.fidelity import fidelity, held_out
from explain.attribution.stand_in_rows import Described, Known, described
from explain.attribution.surrogate_linear import linear
from explain.attribution.surrogate_tree import tree
from recommender.data.dataset import Float, Histories, Int
from tests.recommender.builders import histories

PEOPLE, ITEMS = 60, 20


def rows_of(scores: Any, *, seed: int = 0) -> Described:
    """Features x and y by chance for 60 people × 20 items; `scores` of the table."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"x": rng.random(PEOPLE * ITEMS), "y": rng.random(PEOPLE * ITEMS)})
    people = np.repeat(np.arange(PEOPLE), ITEMS)
    return Described(table, {"x": "number", "y": "number"}, np.asarray(scores(table), dtype=np.float64), people)


def test_a_stepwise_score_is_found_exactly():
    found = tree(rows_of(lambda table: np.where(table["x"] <= 0.5, np.where(table["y"] <= 0.25, -2.0, -1.0), 1.0)))
    nodes = {node["id"]: node for node in found["nodes"]}
    top = nodes[0]
    assert (top["feature"], top["parent"]) == ("x", None)
    assert top["at"] == pytest.approx(0.5, abs=0.01)
    ends = sorted((node["mean"], node["share"]) for node in nodes.values() if node["feature"] is None)
    assert [mean for mean, _ in ends] == [-2, -1, 1]
    assert sum(share for _, share in ends) == pytest.approx(1)
    second = next(node for node in nodes.values() if node["parent"] == 0 and node["yes"])
    assert second["feature"] == "y"
    assert found["fidelity"]["r2"] == pytest.approx(1, abs=0.02)
    assert found["fidelity"]["agreement"] == pytest.approx(1, abs=0.02)
    assert found["fidelity"]["people"] == 20
    assert found["refused"] == ""


def test_a_linear_score_is_found_by_the_sparse_model():
    found = linear(rows_of(lambda table: 3 * table["x"]))
    assert [row["feature"] for row in found["coefficients"]] == ["x"]
    row = found["coefficients"][0]
    assert row["weight"] / row["deviation"] == pytest.approx(
        3, rel=0.15
    )  # the lasso shrinks: within .01 of the best R²
    assert found["fidelity"]["r2"] > 0.98
    assert found["path"][0]["features"] == 0
    assert found["path"][-1]["r2"] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("fit", [tree, linear])
def test_a_score_that_no_feature_tells_is_refused_and_no_rule_is_held(fit: Any):
    found = fit(rows_of(lambda table: np.random.default_rng(9).normal(size=len(table))))
    assert "would not be the recommender’s" in found["refused"]
    assert not found.get("nodes")
    assert not found.get("coefficients")
    assert found["fidelity"]["r2"] < 0.1


@pytest.mark.parametrize("fit", [tree, linear])
def test_too_few_people_are_said(fit: Any):
    few = rows_of(lambda table: table["x"])
    one = replace(few, table=few.table[:20], scores=few.scores[:20], people=few.people[:20])
    assert "too few people" in fit(one)["refused"]
    twelve = replace(few, table=few.table[:240], scores=few.scores[:240], people=few.people[:240])
    assert "4 people" in fit(twelve)["refused"]
    assert fit(Described(pd.DataFrame(), {}, np.empty(0), np.empty(0, dtype=np.int64)))["fidelity"] is None


def test_fidelity_is_worked_out_by_hand():
    people = np.array([0, 0, 0, 1, 1, 1])
    found = fidelity(np.array([1.0, 2, 3, 3, 2, 1]), np.array([1.0, 2, 3, 1, 2, 3]), people)
    assert found.r2 == pytest.approx(1 - 8 / 4)
    assert found.agreement == pytest.approx(0)  # 1 and −1
    assert (found.agreement_low, found.agreement_high) == (-1, 1)
    assert found.refusal.startswith("Its fidelity was measured on 2 people")


def test_what_orders_otherwise_is_refused_though_its_errors_are_small():
    rng = np.random.default_rng(1)
    people = np.repeat(np.arange(20), 10)
    shift = np.repeat(rng.normal(0, 10, 20), 10)
    inside = rng.normal(size=200)
    assert "orders items otherwise" in fidelity(shift - inside, shift + inside, people).refusal


def test_held_out_people_are_whole():
    people = np.repeat(np.arange(9), 4)
    apart = held_out(people)
    assert apart.sum() == 12
    assert all(len(set(apart[people == each])) == 1 for each in range(9))


class ByYear:
    name = "by_year"

    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        return np.tile(np.arange(6, dtype=np.float32), (len(met), 1))


def test_rows_describe_items_to_a_person():
    known = Known(
        counts=np.array([5, 1, 2, 3, 4, 6]),
        categories=[["A"], ["B"], ["A", "B"], [], ["A"], ["C"]],
        creators=[[]] * 6,
        years=np.array([1990, 2000, 2010, np.nan, 1990, 1995]),
        alike=sparse.csr_matrix(np.full((6, 6), 0.5)),
        vectors=np.eye(6, dtype=np.float32),
    )
    asked = replace(histories([[0, 1], [0]]), fields={"gender": np.array(["F", "M"], dtype=object)})
    found = described(ByYear(), asked, known, np.array([5], dtype=np.int64), ["gender"])
    first = found.table[found.people == 0].reset_index(drop=True)  # items 2, 3, 4
    assert first["popularity"].tolist() == [2, 3, 4]
    assert first["categories in common"].tolist() == [0.5, 0, 0.5]
    assert first["years from the usual"].tolist()[0] == 15
    np.testing.assert_allclose(found.scores[found.people == 0], np.array([-1, 0, 1]) / np.std([2, 3, 4]))
    assert set(found.people) == {0, 1}
    assert "met by the same people" not in found.table, "what is the same everywhere tells nothing"
    assert "gender is F" not in found.table, "so few people are not told apart"
