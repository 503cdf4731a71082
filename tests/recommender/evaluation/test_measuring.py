"""All figures of one recommender: lists and ratings together, folds joined, probabilities learned on validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log2, sqrt
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from recommender.algorithms.popularity import Popularity
from recommender.data.dataset import Dataset, Float, Histories, Int
from recommender.data.splits import cold_items, k_fold, leave_last_out
from recommender.evaluation.measuring import as_rows, measure, measure_lists, measure_opinions, opinions_of
from recommender.evaluation.protocol import Fitted, fit_measured
from recommender.exceptions import NotTrainable
from tests.recommender.builders import blocks, dataset


def quiet(progress: float, metrics: Mapping[str, float], state: Any) -> None:
    pass


class Means(Popularity):
    """Predicts the mean rating of an item in training, of all where nobody rated it."""

    ranks: ClassVar[bool] = True

    def fit(self, train: Dataset, **options: Any) -> Means:
        super().fit(train, **options)
        items, values = train.histories.items, train.histories.values
        counts = np.bincount(items, minlength=train.n_items)
        sums = np.bincount(items, weights=values, minlength=train.n_items)
        self.means = np.where(counts > 0, sums / np.maximum(counts, 1), values.mean())
        return self

    def predict(self, histories: Histories, rows: Int, items: Int, *, adapted: Any = None) -> Float:
        return self.means[items].astype(np.float32)


class Clicks(Means):
    def predict(self, *args: Any, **options: Any) -> Float:
        raise NotTrainable("It was trained on clicks.")


def with_ratings(data: Dataset, seed: int = 0) -> Dataset:
    """Odd items are liked (4 or 5), even ones are not (1 to 3)."""
    rng = np.random.default_rng(seed)
    items = data.histories.items
    values = np.where(items % 2 == 1, rng.integers(4, 6, len(items)), rng.integers(1, 4, len(items)))
    return data.with_histories(replace(data.histories, values=values.astype(np.float32)))


def fitted(cls: Any, split: Any) -> Fitted:
    return fit_measured(cls, cls.config_class(), split, seed=1, report=quiet)


def test_lists_have_their_figures_and_what_is_known_of_people() -> None:
    data = dataset([[0, 1, 2], [0, 3, 1], [0, 4], [1, 2, 0]], 6)
    data = replace(data, item_fields=pd.DataFrame({"categories": [["a"], ["a"], ["b"], ["b"], [], None]}))
    split = leave_last_out(data)
    found = measure_lists(fitted(Popularity, split).model, split.test, split.before_test, ks=(2,))
    # before the test item 0 was met by 3 of 4 people, 1 by 2, 2 and 3 by one each, the others by nobody
    assert found.per_user["of_popularity"].tolist() == [1, 2, 0, 3]
    assert found.per_user["of_history"].tolist() == [2, 2, 1, 2]
    # lists of two: [2, 3], [1, 2], [1, 2], [0, 3]
    assert found.metrics["popularity@2"].value == pytest.approx((1 / 4 + 3 / 8 + 3 / 8 + 2 / 4) / 4)
    assert found.per_user["novelty@2"].tolist() == pytest.approx([2, 1.5, 1.5, (-log2(3 / 4) + 2) / 2])
    assert found.per_user["diversity@2"].tolist() == [0, 1, 1, 1]
    assert found.metrics["serendipity@2"].value == 0  # the popular list shows nothing but itself
    v = 1 / log2(3)
    shown = sorted([1.0, 2.0, 1 + 2 * v, 2 * v, 0, 0])
    expected = sum((2 * at - 7) * amount for at, amount in enumerate(shown, 1)) / (6 * sum(shown))
    assert found.metrics["gini@2"].value == pytest.approx(expected)
    assert found.metrics["coverage@2"].value == 4 / 6


def test_only_candidates_are_ranked() -> None:
    split = cold_items(blocks(), share=0.25)
    found = measure_lists(fitted(Popularity, split).model, split.test, split.before_test, ks=(6,))
    assert found.metrics["coverage@6"].value == 1  # all six of 24 that are new
    assert found.metrics["recall@6"].value == 1


def test_ratings_and_likes_stand_beside_the_lists() -> None:
    split = leave_last_out(with_ratings(blocks()))
    found = measure(Means, fitted(Means, split), split, seed=1, report=quiet)
    means, targets = fitted(Means, split).model.means, split.test.targets
    error = means[targets.items] - targets.values
    assert found.metrics["rmse"].value == pytest.approx(sqrt((error**2).mean()), rel=1e-5)
    assert found.metrics["mae_person"].value == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert (found.details["threshold"], found.details["calibration"]) == (4.0, "platt")
    assert found.metrics["accuracy"].value == 1  # the item's mean tells likes apart
    assert found.metrics["auc"].value == 1
    assert {"ndcg@10", "novelty@10", "brier_person"} <= set(found.per_user)
    assert len(found.per_user) == 60
    rows = as_rows(found.metrics)
    assert rows["auc"] == {"value": 1, "low": None, "high": None}
    assert "diversity@10" not in rows  # no item has categories


def test_a_score_of_clicks_is_judged_as_a_decision_only() -> None:
    split = leave_last_out(with_ratings(blocks()))
    found = measure(Clicks, fitted(Clicks, split), split, seed=1, report=quiet)
    assert "rmse" not in found.metrics
    assert 0 <= found.metrics["accuracy"].value <= 1


def test_nothing_is_said_of_ratings_that_are_all_alike() -> None:
    data = blocks()
    alike = replace(data.histories, values=np.ones(len(data.histories.items), dtype=np.float32))
    split = leave_last_out(data.with_histories(alike))
    assert opinions_of(Means, fitted(Means, split), split, seed=1, report=quiet) is None


def test_folds_are_measured_together() -> None:
    data = with_ratings(blocks(n_people=20))
    parts = [opinions_of(Means, fitted(Means, each), each, seed=1, report=quiet) for each in k_fold(data)]
    found = measure_opinions([part for part in parts if part], data)
    assert found.details["ratings"] == 160
    assert found.per_user["of_ratings"].tolist() == [8] * 20
    squares = sum(fold["rmse"] ** 2 * fold["ratings"] for fold in found.details["folds"])
    assert found.metrics["rmse"].value == pytest.approx(sqrt(squares / 160))
