"""What lists are like for groups of people, worked out by hand; hidden groups have no rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from explain.fairness.audit import audit
from explain.fairness.base import Asked, Classes
from explain.fairness.by_people import Distances, Lifts, opportunity, parity
from explain.fairness.provider import Attention
from explain.fairness.seen import Seen
from tests.explain.fairness.materials import coded, histories, material

KINDS = Classes("kind", "Kind", ("old", "young"), np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32))
LISTS = [[0, 1], [0, 2], [2, 3], [2, 0]]
TAKEN = [[0], [2], [1], [2]]
MET = [[1], [0], [3], [3, 2]]
CODES = np.array([0, 0, 1, 1])


def seen(least: int = 1, **changed: Any) -> Seen:
    given = {
        "lists": np.array(LISTS),
        "targets": histories(TAKEN),
        "histories": histories(MET),
        "classes": (KINDS,),
        "shares": np.array([0.5, 0.25, 0.25, 0.5]),
        "offered": np.ones(4, dtype=bool),
        "new": np.zeros(4, dtype=bool),
    }
    return Seen(Attention(material({}, people=4, n_items=4, k=2, **(given | changed)), Asked(k=2, least=least)))


def test_popularity_lift_of_groups():
    first, second = Lifts(seen()).of(CODES, 2)
    assert (first["profile"], first["lists"], first["lift"]) == (0.375, 0.375, 0.0)
    assert (second["profile"], second["lists"]) == (0.4375, 0.375)
    assert second["lift"] == pytest.approx(0.375 / 0.4375 - 1, abs=1e-6)
    assert Lifts(seen(least=3)).of(CODES, 2)[0]["lift"] is None


def test_the_interval_of_a_lift_is_that_of_people_drawn_again():
    rng = np.random.default_rng(0)
    shares = rng.random(30)
    lists, met = rng.integers(0, 30, size=(300, 4)), rng.integers(0, 30, size=(300, 6))

    def of(rows: Any) -> dict[str, Any]:
        made = material({}, people=300, n_items=30, k=4, lists=lists[rows], histories=histories(met[rows].tolist()),
                        shares=shares)  # fmt: skip
        return Lifts(Seen(Attention(made, Asked(k=4)))).of(np.zeros(300, dtype=np.int64), 1)[0]

    drawn = [of(rng.integers(300, size=300))["lift"] for _ in range(300)]
    row = of(np.arange(300))
    assert (row["high"] - row["low"]) / (2 * 1.968) == pytest.approx(np.std(drawn), rel=0.12)


def test_distance_to_tastes_of_groups():
    first, second = Distances(seen()).of(CODES, 2)

    def distance(p: float, q: float) -> float:
        mixed = 0.99 * q + 0.01 * p
        pairs = ((p, mixed), (1 - p, 1 - mixed))
        return sum(a * np.log(a / b) for a, b in pairs if a > 0)

    assert first["mean"] == pytest.approx((distance(1, 1) + distance(1, 0.5)) / 2, abs=1e-6)
    assert second["mean"] == pytest.approx((distance(0, 0) + distance(0, 0.5)) / 2, abs=1e-6)
    assert Distances(seen()).title == "Kind"


def test_without_classes_there_is_no_distance():
    nothing = Distances(seen(classes=()))
    assert nothing.title == "" and nothing.of(CODES, 2)[0] == {"mean": None, "low": None, "high": None}


def test_demographic_parity_is_the_mean_share_of_places():
    grouping = coded("gender", [2, 2])
    (rows,) = parity(seen(), KINDS, [grouping], [np.array([True, True])])
    shares = {(row["value"], row["class"]): row["share"] for row in rows}
    assert shares == {("a", "old"): 0.75, ("a", "young"): 0.25, ("b", "old"): 0.25, ("b", "young"): 0.75}
    # 1 and .5 vary by .0625 of their mean, two thirds of what .75 of yes and no would; drawn to 1 as by two people: 8/9
    z = stats.t.ppf(0.975, 3) ** 2 * (8 / 9) / 2
    reach = np.sqrt(z * 0.75 * 0.25 + z**2 / 4)
    ends = (0.75 + z / 2 - reach) / (1 + z), (0.75 + z / 2 + reach) / (1 + z)
    assert (rows[0]["low"], rows[0]["high"]) == pytest.approx(ends, abs=1e-4)


def test_equal_opportunity_is_recall_of_a_class():
    grouping = coded("gender", [2, 2])
    (rows,) = opportunity(seen(), KINDS, [grouping], [np.array([True, True])])
    shares = {(row["value"], row["class"]): row["share"] for row in rows}
    assert shares == {("a", "old"): 1.0, ("a", "young"): 1.0, ("b", "old"): 0.0, ("b", "young"): 1.0}
    assert opportunity(seen(targets=None), KINDS, [grouping], [np.array([True, True])]) == [[]]


def test_hidden_groups_and_cells_of_few_people_have_no_figures():
    grouping = coded("gender", [2, 2])
    (rows,) = parity(seen(), KINDS, [grouping], [np.array([True, False])])
    assert {row["value"] for row in rows} == {"a"}
    (rows,) = opportunity(seen(least=2), KINDS, [grouping], [np.array([True, True])])
    assert all(row["share"] is None for row in rows), "one person took something of the class in each group"


def test_the_report_holds_all_parts_of_items_and_groups():
    gender, age = coded("gender", [60, 40]), coded("age", [55, 40, 5], seed=2)
    members = (np.arange(30)[:, None] % 3 == np.arange(3)).astype(np.float32)
    kinds = Classes("kind", "Kind", ("x", "y", "z"), members)
    made = material({"ndcg@10": np.random.default_rng(0).random(100)}, [gender, age], classes=(kinds,))
    report = audit(made, Asked(resamples=100, permutations=99))
    assert report["exposure"]["coverage"] == 1.0 and report["exposure"]["gini_low"] < report["exposure"]["gini"]
    assert report["popularity"]["lift"] is not None and report["calibration"]["classes"] == "Kind"
    assert [row["value"] for row in report["classes"][0]["rows"]] == ["x", "y", "z"] and report["over_time"] is None
    shown = {group["value"] for group in report["groupings"][1]["groups"] if not group["suppressed"]}
    assert len(shown) < 3
    for part in ("popularity", "calibration", "parity", "opportunity"):
        assert {row["value"] for row in report["groupings"][1][part]} == shown, part
