"""Counts worked by hand, and suspicious people found in labelled data."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from recommender.data.health import Rows, report
from recommender.data.health.groups import groups
from recommender.data.health.rows import repeats
from recommender.data.health.shape import activity, long_tail, over_time, ratings, sizes
from recommender.data.health.suspects import bursts, choices, suspects

Given = tuple[int, int, float, float]
DAY = 86_400.0
NO = math.nan


def rows(given: Sequence[Given], n_users: int = 3, n_items: int = 4) -> Rows:
    """From (person, item, rating, time)."""
    users, items, values, times = (np.array(column) for column in zip(*given, strict=True)) if given else ([],) * 4
    return Rows(
        users=np.asarray(users, dtype=np.int64),
        items=np.asarray(items, dtype=np.int64),
        values=np.asarray(values, dtype=np.float64),
        times=np.asarray(times, dtype=np.float64),
        kinds=np.zeros(len(users), dtype=np.int16),
        kind_names=("rating",),
        n_users=n_users,
        n_items=n_items,
    )


def test_rows_that_repeat_or_contradict_are_counted_once_each() -> None:
    given = [(0, 0, 5, NO), (0, 0, 5, NO), (0, 0, 3, NO), (0, 0, 3, NO), (0, 0, 1, NO), (1, 0, 5, NO), (1, 1, 5, NO)]
    found = repeats(rows(given))
    assert found["duplicates"] == 2  # the second 5 and the second 3
    assert found["contradictions"] == 2  # 3 and 1 against the first 5
    assert found["contradicting_pairs"] == 1
    assert (found["repeated_pairs"], found["repeated_rows"]) == (1, 4)


def test_a_mind_that_changed_later_is_no_contradiction() -> None:
    found = repeats(rows([(0, 0, 5, 1.0), (0, 0, 3, 2.0), (1, 0, 4, 1.0), (1, 0, 2, 1.0)]))
    assert (found["duplicates"], found["contradictions"], found["changed"]) == (0, 1, 1)


def test_the_same_value_at_another_time_is_no_duplicate() -> None:
    assert repeats(rows([(0, 0, 5, 1.0), (0, 0, 5, 2.0)]))["duplicates"] == 0


def test_sparsity_counts_different_pairs() -> None:
    found = sizes(rows([(0, 0, 5, NO), (0, 0, 4, NO), (1, 2, 3, 1.0)]))
    assert found["sparsity"] == 1 - 2 / 12
    assert (found["idle_people"], found["idle_items"], found["without_time"]) == (1, 2, 2)


def test_gini_by_hand() -> None:
    # Interactions of the items: 0, 1, 1, 2. G = (−3·0 − 1·1 + 1·1 + 3·2) / (4 · 4) = 6/16.
    found = long_tail(rows([(0, 0, 1, NO), (1, 0, 1, NO), (0, 1, 1, NO), (2, 2, 1, NO)]))
    assert found["gini"] == 6 / 16
    assert found["half"] == 1 / 4
    assert found["curve"][0] == {"items": 0.0, "interactions": 0.0}
    assert found["curve"][2] == {"items": 0.5, "interactions": 0.25}


def test_all_items_alike_have_a_gini_of_nothing() -> None:
    assert long_tail(rows([(0, item, 1, NO) for item in range(4)]))["gini"] == 0


def test_ratings_and_activity() -> None:
    found = rows([(0, 0, 5, NO), (0, 1, 5, NO), (1, 2, 2.5, NO)])
    assert ratings(found) == [{"value": "2.5", "count": 1}, {"value": "5", "count": 2}]
    assert [row for row in activity(found) if row["people"]] == [
        {"bin": "0", "people": 1}, {"bin": "1", "people": 1}, {"bin": "2–4", "people": 1},
    ]  # fmt: skip


def test_over_time_fills_gaps_and_means_ratings() -> None:
    found = over_time(rows([(0, 0, 5, 0.0), (1, 0, 3, 1.0), (0, 1, 1, 2 * DAY), (0, 2, 1, NO)]))
    assert [(row["period"], row["interactions"], row["people"], row["mean"]) for row in found] == [
        ("1970-01-01", 2, 2, 4.0), ("1970-01-02", 0, 0, None), ("1970-01-03", 1, 1, 1.0),
    ]  # fmt: skip


def test_a_long_time_is_told_by_month() -> None:
    found = over_time(rows([(0, 0, 5, 0.0), (0, 1, 5, 130 * DAY)]))
    assert [row["period"] for row in found][:2] == ["1970-01-01", "1970-02-01"]


def test_a_burst_is_the_most_within_a_minute() -> None:
    given = [(0, 0, 5, 0.0), (0, 1, 5, 59.0), (0, 2, 5, 60.0), (1, 0, 5, 7.0), (1, 1, 5, 7.0)]
    assert bursts(rows(given)).tolist() == [2, 0, 0]


def test_choice_is_the_mean_log_of_popularity_over_chance() -> None:
    found = rows([(0, 0, 1, NO), (1, 0, 1, NO), (2, 0, 1, NO), (2, 1, 1, NO)])
    # Item 0: (3 − 1) · 2 / 4 = 1; item 1: ½ · 2 / 4 = ¼ (nobody else met it: half an interaction).
    assert np.allclose(choices(found), [0.0, 0.0, math.log(1 / 4) / 2])


def test_nothing_and_little_data_make_a_report_too() -> None:
    for given in ([], [(0, 0, 5.0, NO)]):
        assert json.dumps(report(rows(given)), allow_nan=False)
    assert json.dumps(report(rows([], 0, 0)), allow_nan=False)


def test_groups_of_few_have_no_size() -> None:
    rng = np.random.default_rng(0)
    given = [(user, int(item), float(rng.integers(3, 6)), NO) for user in range(60) for item in rng.integers(0, 30, 5)]
    given += [(user, int(item), 1.0, NO) for user in (60, 61) for item in rng.integers(0, 30, 400)]
    found = groups(rows(given, 62, 30))
    assert any(row["people"] is None for row in found)
    assert all(row["people"] is None or row["people"] >= 10 for row in found)
    assert json.dumps(found)


def labelled(folder: Path) -> tuple[Rows, np.ndarray]:
    given = pd.read_csv(folder / "ratings.txt", sep=" ", names=["user", "item", "rating"])
    labels = pd.read_csv(folder / "labels.txt", sep=" ", names=["user", "label"]).set_index("user")["label"]
    users, user = np.unique(given["user"], return_inverse=True)
    items, item = np.unique(given["item"], return_inverse=True)
    pairs = list(zip(user.tolist(), item.tolist(), given["rating"].tolist(), [NO] * len(given), strict=True))
    return rows(pairs, len(users), len(items)), labels.reindex(users).to_numpy() == 1


def test_planted_profiles_are_found(datasets: Path) -> None:
    """The figures in docs/figures.md; the bound was chosen on other attacks, planted into the clean ratings."""
    folder = datasets / "shilling" / "averageattack"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    given, planted = labelled(folder)
    found = [person["user"] for person in suspects(given)["people"]]
    right = planted[found].sum()
    precision, recall = right / len(found), right / planted.sum()
    print(f"suspects: precision {precision:.3f}, recall {recall:.3f} of {planted.sum()} planted")
    assert recall >= 0.99
    assert precision >= 0.8
