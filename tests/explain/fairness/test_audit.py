"""The report as a whole: its parts, what it says in words, and what it does with bad input."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from explain.fairness import groups
from explain.fairness.audit import audit
from explain.fairness.base import Asked, Grouping
from tests.explain.fairness.materials import coded, material

QUICK = Asked(resamples=200, permutations=199)


def hits(people: int, seed: int = 0) -> np.ndarray:
    """Figures like NDCG@10: mostly 0, else 1 / log2(1 + rank)."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(people) < 0.3, 1 / np.log2(1 + rng.integers(1, 11, people)), 0.0)


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    gender, age = coded("gender", [150, 90]), coded("age", [100, 60, 70, 10], seed=1)
    values = hits(240)
    values[:150] += 0.4
    quality = {"recall@10": hits(240, 1), "ndcg@10": values}
    made = material(quality, [gender, age, groups.cross(gender, age)], problems={"town": "Nobody has a town."})
    return audit(made, QUICK)


def test_the_report_holds_every_part_and_is_json(report: dict[str, Any]):
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert set(report) >= {"about", "groupings", "people", "exposure", "popularity", "calibration", "classes",
                           "over_time", "tests", "summary", "limits", "problems"}  # fmt: skip
    assert report["about"]["main"] == "ndcg@10" and report["about"]["metrics"] == ["ndcg@10", "recall@10"]
    assert report["about"]["people"] == 240 and report["about"]["source"] == "held-out"
    assert [each["name"] for each in report["groupings"]] == ["gender", "age", "gender × age", "town"]
    first = report["groupings"][0]["groups"][0]
    assert (first["value"], first["people"], first["suppressed"]) == ("a", 150, False)
    assert set(first["metrics"]["ndcg@10"]) == {
        "mean", "low", "high", "bias", "versus_rest", "rest_low", "rest_high", "p", "p_holm", "detectable", "power_03",
        "shrunk"}  # fmt: skip


def test_a_difference_that_is_there_is_found_and_told(report: dict[str, Any]):
    found = report["tests"]["found"]
    assert [(each["grouping"], each["value"]) for each in found][:1] == [("gender", "a")]
    assert found[0]["low"] < 0.4 < found[0]["high"]
    assert "Gender a above the rest by" in report["summary"]
    assert report["groupings"][0]["omnibus"]["ndcg@10"]["p_holm"] <= 0.05


def test_two_groups_that_are_everyone_are_one_comparison(report: dict[str, Any]):
    shown = sum(not group["suppressed"] for each in report["groupings"] for group in each["groups"])
    assert report["tests"]["looked_at"] == shown - 1
    women, men = (group["metrics"]["ndcg@10"] for group in report["groupings"][0]["groups"])
    assert women["p_holm"] == men["p_holm"] and women["versus_rest"] == -men["versus_rest"]


def test_a_suppressed_group_has_neither_figures_nor_a_size(report: dict[str, Any]):
    hidden = [group for each in report["groupings"] for group in each["groups"] if group["suppressed"]]
    assert hidden and all(group["people"] is None and group["metrics"] == {} for group in hidden)


def test_without_a_difference_the_summary_says_what_would_not_have_been_seen():
    summary = audit(material({"ndcg@10": hits(300)}, [coded("gender", [200, 100])]), QUICK)["summary"]
    assert "no group differs from the rest further than chance explains" in summary
    assert "does not mean none" in summary and "with 100 people" in summary


def test_the_limits_tell_how_often_a_gap_would_be_found():
    values = hits(3000)
    told = audit(material({"ndcg@10": values}), QUICK)["limits"][-1]
    errors = values.std() * np.sqrt(1 / np.array([20, 200]) + 1 / np.array([2980, 2800]))
    found = stats.norm.cdf(0.03 / errors - 1.96) + stats.norm.cdf(-0.03 / errors - 1.96)
    assert f"20 people {100 * found[0]:.0f} times of 100" in told
    assert f"200 people {100 * found[1]:.0f} times of 100" in told and "5,000 people" not in told


def nobody_has_it() -> Grouping:
    return Grouping("town", "Town", "attribute", np.full(60, -1), ("a",))


BAD = {
    "all missing": ({"ndcg@10": hits(60)}, nobody_has_it(), "Of nobody it is known"),
    "one group": ({"ndcg@10": hits(60)}, coded("town", [60]), "in one group"),
    "a group of one": ({"ndcg@10": hits(60)}, coded("town", [59, 1]), "All groups of Town are suppressed"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_grouping_that_says_nothing_gets_a_sentence_and_the_rest_of_the_report(case: str):
    quality, grouping, sentence = BAD[case]
    report = audit(material(quality, [grouping, coded("gender", [30, 30], seed=2)]), QUICK)
    assert sentence in report["groupings"][0]["problem"]
    assert report["groupings"][1]["problem"] == ""
    assert report["groupings"][1]["groups"][0]["metrics"]["ndcg@10"]["low"] is not None


def test_constant_missing_and_endless_figures_get_a_sentence_each():
    rating = np.where(np.arange(60) < 15, np.inf, 1.0 + np.arange(60) % 3)
    quality = {"ndcg@10": np.full(60, 0.5), "mae": np.full(60, np.nan), "rmse": rating}
    report = audit(material(quality, [coded("gender", [30, 30])]), QUICK)
    said = " ".join(report["problems"])
    assert "ndcg@10 is the same for everyone" in said
    assert "mae is not known of anybody" in said and "rmse is not known of everyone" in said
    assert report["about"]["metrics"] == ["ndcg@10", "rmse"]
    group = report["groupings"][0]["groups"][0]["metrics"]
    assert group["ndcg@10"]["mean"] == 0.5 and group["ndcg@10"]["p"] is None
    assert group["rmse"]["mean"] is None  # 15 of its 30 people have a figure


def test_without_metrics_or_people_or_lists_there_is_still_a_report():
    no_metrics = audit(material({}, [coded("gender", [30, 30])], people=60), QUICK)
    assert any("no metric per person" in each for each in no_metrics["problems"])
    few = audit(material({"ndcg@10": hits(12)}, [coded("gender", [6, 6])]), QUICK)
    assert few["groupings"] == [] and any("fewer than 20 people" in each for each in few["problems"])
    nobody = audit(material({"ndcg@10": np.empty(0)}, [coded("gender", [])]), QUICK)
    assert "There is nobody." in nobody["problems"] and "There are no lists to look at." in nobody["problems"]


def test_lists_shorter_than_k_are_told():
    made = material({"ndcg@10": hits(60)}, k=7)
    assert "60 of 60 lists have fewer than 10 items" in audit(made, QUICK)["problems"][0]


def test_figures_of_trust_are_told_by_group():
    trust = pd.DataFrame({"user": np.arange(60), "pos@5": np.arange(60) / 60})
    trust.loc[:4, "pos@5"] = np.nan
    report = audit(material({"ndcg@10": hits(60)}, [coded("gender", [30, 30])], explanations=trust), QUICK)
    rows = report["groupings"][0]["explanations"]
    assert [(row["value"], row["figure"]) for row in rows] == [("a", "pos@5"), ("b", "pos@5")]
    assert rows[0]["mean"] == pytest.approx(np.arange(5, 30).mean() / 60, abs=1e-6)
    assert rows[0]["low"] < rows[0]["mean"] < rows[0]["high"]


def odd_values(rng: np.random.Generator, people: int) -> np.ndarray:
    kinds = (
        lambda: np.zeros(people),
        lambda: rng.random(people),
        lambda: np.where(rng.random(people) < 0.1, rng.random(people), 0),
        lambda: np.full(people, np.nan),
        lambda: np.where(rng.random(people) < 0.5, np.nan, rng.random(people)),
        lambda: np.where(np.arange(people) < 2, np.inf, rng.normal(size=people) * 1e6),
        lambda: np.where(np.arange(people) == 0, 1.0, 0.0),
    )
    return kinds[rng.integers(len(kinds))]()


def odd_grouping(rng: np.random.Generator, name: str, people: int) -> Grouping:
    many = int(rng.integers(1, 5))
    codes = rng.integers(-1, many, people) if rng.random() < 0.7 else np.full(people, rng.integers(-1, many))
    return Grouping(name, name, "attribute", codes.astype(np.int64), tuple("uvwxyz"[:many]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_odd_about_the_data_there_is_a_report(seed: int):
    rng = np.random.default_rng(seed)
    people = int(rng.choice([1, 2, 5, 19, 20, 21, 25, 40, 60, 150]))
    quality = {name: odd_values(rng, people) for name in ("ndcg@10", "mae", "recall@10")[: rng.integers(1, 4)]}
    made = [odd_grouping(rng, name, people) for name in "abc"[: rng.integers(0, 4)]]
    crossed = [groups.cross(*made[:2])] if len(made) > 1 else []
    trust = pd.DataFrame({"user": np.arange(people), "pos@5": odd_values(rng, people)})
    lists = np.full((people, 10), -1)
    report = audit(material(quality, [*made, *crossed], n_items=20, lists=lists, explanations=trust), QUICK)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert (
        report["summary"]
        and report["limits"]
        and len(report["groupings"]) == (len(made + crossed) if people > 19 else 0)
    )


def test_a_metric_known_of_too_few_people_is_left_out():
    values = np.where(np.arange(60) < 19, 0.5, np.nan)
    report = audit(material({"ndcg@10": hits(60), "mae": values}, [coded("gender", [30, 30])]), QUICK)
    assert "mae is known of fewer than 20 people, so it is left out." in report["problems"]
    assert "mae" not in report["people"]
