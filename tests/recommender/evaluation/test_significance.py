"""Intervals over people and paired tests."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from recommender.evaluation.significance import compare, compare_all, holm, intervals, sign_flip_p


def table(values: list[float] | np.ndarray, users: list[int] | None = None) -> pd.DataFrame:
    return pd.DataFrame({"user": users or range(len(values)), "ndcg@10": values})


def test_the_interval_is_the_normal_one_where_people_are_many() -> None:
    values = np.random.default_rng(3).random(4000)
    found = intervals(table(values))["ndcg@10"]
    half = 1.96 * values.std() / 4000**0.5
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=half / 10)
    assert found.high == pytest.approx(values.mean() + half, abs=half / 10)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        found = intervals(table(rng.binomial(1, 0.3, size=150).astype(float)), resamples=500)["ndcg@10"]
        covered += found.low <= 0.3 <= found.high
    assert 0.90 <= covered / 200 <= 0.99


def test_one_person_has_a_value_and_no_interval() -> None:
    found = intervals(table([0.5]))["ndcg@10"]
    assert found.value == 0.5
    assert np.isnan(found.low)


def test_sign_flips_by_hand() -> None:
    # all 2^3 sign patterns of (1, 1, 1): |sum| is 3 in 2 of 8
    assert sign_flip_p(np.array([1.0, 1.0, 1.0])) == pytest.approx(2 / 8, abs=0.02)
    assert sign_flip_p(np.zeros(5)) == 1.0


def test_runs_are_compared_on_the_people_they_share() -> None:
    a, b = table([1.0, 0.5, 0.0], [1, 2, 3]), table([0.0, 0.5, 1.0], [2, 3, 4])
    found = compare(a, b, "ndcg@10")
    assert found.people == 2
    assert found.difference == pytest.approx(((0.5 - 0.0) + (0.0 - 0.5)) / 2)
    assert compare(a, table([1.0], [9]), "ndcg@10").people == 0


def test_a_real_difference_is_found_and_none_is_not() -> None:
    rng = np.random.default_rng(1)
    people = rng.random(500)
    better = compare(table(people + 0.05 + rng.normal(0, 0.1, 500)), table(people), "ndcg@10")
    same = compare(table(people + rng.normal(0, 0.1, 500)), table(people), "ndcg@10")
    assert better.p < 0.001 < 0.02 < same.p
    assert better.low > 0 > same.low


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])


def test_every_pair_is_compared_once() -> None:
    runs = {name: table(np.random.default_rng(at).random(50)) for at, name in enumerate("abc")}
    found = compare_all(runs, "ndcg@10")
    assert list(zip(found["a"], found["b"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert (found["p_holm"] >= found["p"]).all()


def test_two_thousand_resamples_of_six_thousand_people_take_seconds_not_minutes() -> None:
    values = pd.DataFrame(
        {"user": range(6040)} | {f"m{at}@10": np.random.default_rng(at).random(6040) for at in range(21)}
    )
    start = time.perf_counter()
    intervals(values)
    assert time.perf_counter() - start < 10


def test_people_of_whom_a_metric_is_not_known_take_no_part_in_it() -> None:
    people = pd.DataFrame({"user": range(4), "a@1": [1.0, 0.0, 1.0, 0.0], "b@1": [1.0, np.nan, 0.0, np.nan],
                           "c@1": [np.nan, np.nan, np.nan, 1.0], "of_note": range(4)})  # fmt: skip
    found = intervals(people)
    assert set(found) == {"a@1", "b@1", "c@1"}
    assert (found["a@1"].value, found["b@1"].value, found["c@1"].value) == (0.5, 0.5, 1.0)
    assert 0 <= found["b@1"].low < found["b@1"].high <= 1
    assert np.isnan(found["c@1"].low)
