"""The table of learners on a handful of people: what is asked, kept, compared and told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.conf import LazySettings

from recommender.data.dataset import Dataset
from recommender.evaluation.cold_start.by_shots import drawn
from recommender.evaluation.cold_start.protocols import SCENARIOS
from recsite.benchmarks import learners, learners_told
from tests.recommender.evaluation.test_by_shots import crowd

SHOTS = (0, 3)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setattr(learners, "SHOTS", SHOTS)
    return crowd()


def test_who_is_kept_apart_is_new_in_validation_only(few: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners, "TRAINED", 20)
    found = [learners.division(few, seed) for seed in (None, 0, 1)]
    new = [np.flatnonzero(sum(each.asked[name].lengths for name in ("new people", "both"))) for each in found]
    known = [np.flatnonzero(each.train.histories.lengths) for each in found]
    assert new[0].tolist() == [0, 10, 20, 30]
    assert [len(each) for each in known] == [20, 20, 20] and [len(each) for each in new[1:]] == [8, 8]
    assert not any((each % 10 == 0).any() for each in (*new[1:], *known))
    assert new[1].tolist() != new[2].tolist()


def test_a_row_per_scenario_shots_and_person_and_nothing_where_a_contender_cannot(few: Dataset) -> None:
    given = learners.division(few, 0)
    asked = drawn(given, SHOTS, 100, 0)
    table = learners.measured(learners.contender("popularity", {}, given.train, 0), asked)
    assert len(table) == sum(len(each.cases[0].people) for each in asked.values()) * len(SHOTS)
    assert table["ndcg@10"].notna().all() and table["mae"].isna().all()
    knn = learners.measured(learners.contender("item_knn", {}, given.train, 0), asked)
    assert set(knn["scenario"]) == {"new people"}


def test_a_learner_ranks_and_rates_in_every_scenario(few: Dataset) -> None:
    given = learners.division(few, 0)
    settings = {"epochs": 1, "use_text": False}
    table = learners.measured(learners.contender("ridge_head", settings, given.train, 0), drawn(given, SHOTS, 100, 0))
    assert set(table["scenario"]) == set(SCENARIOS)
    assert table[list(learners_told.METRICS)].notna().all(axis=None)


def test_a_table_is_measured_once(tmp_path: Path, settings: LazySettings) -> None:
    settings.DATA_DIR = tmp_path
    made = []

    def make() -> pd.DataFrame:
        made.append(1)
        return pd.DataFrame({"user": [1]})

    assert learners.kept("0-x", make).equals(learners.kept("0-x", make))
    assert made == [1]


def figures(above: float) -> pd.DataFrame:
    """Of 30 people in two seeds: ridge_head above every other by `above` on average, maml as the rest."""
    rng, tables = np.random.default_rng(0), []
    for seed in range(2):
        for name in ("popularity", "content", "item_knn", "ridge_head", "maml", "anil", "hybrid"):
            gain = 0.3 + 0.01 * rng.random(30) + above * (name == "ridge_head")
            rates = name in ("ridge_head", "maml", "anil", "hybrid")
            table = pd.DataFrame({"user": np.arange(30), "ndcg@10": np.nan if name == "hybrid" else gain})
            for metric in learners_told.METRICS[1:]:
                table[metric] = gain if rates else np.nan
            tables.append(table.assign(contender=name, seed=seed, scenario="new people", shots=5))
    return pd.concat(tables, ignore_index=True)


def test_the_bar_and_every_difference_are_told_with_their_corrected_p() -> None:
    found = learners_told.summary(figures(0.1), lambda line: None)
    assert found["reached"] and found["ratio"] > 1
    assert [row["against"] for row in found["bar"]] == ["popularity", "content", "item_knn"]
    shown = [row for row in found["rows"] if "value" in row]
    assert all(row["low"] <= row["value"] <= row["high"] and row["people"] == 30 for row in shown)
    assert not [row for row in shown if row["contender"] == "popularity" and row["metric"] == "mae"]
    apart = {(row["contender"], row["against"], row["metric"]) for row in found["rows"] if "against" in row}
    assert {("maml", "anil", "mae"), ("maml", "hybrid", "mae"), ("ridge_head", "popularity", "ndcg@10")} <= apart
    assert ("maml", "hybrid", "ndcg@10") not in apart
    best = {row["metric"]: row for row in found["winners"]}
    assert best["ndcg@10"]["best"] == "ridge_head" and not best["ndcg@10"]["not told from"]
    assert best["mae"]["best"] != "ridge_head" and len(best["mae"]["not told from"]) == 2  # ridge_head errs most


def test_no_difference_reaches_no_bar() -> None:
    assert not learners_told.summary(figures(0.0), lambda line: None)["reached"]
