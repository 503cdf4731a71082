"""Content: scores worked by hand, and items that nobody had met."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from recommender.algorithms.base import ItemsExtendable
from recommender.algorithms.content import Content, ContentConfig, deviations, tf_idf
from recommender.data.dataset import Dataset
from tests.recommender.builders import blocks, dataset, histories


def axes(*rows: dict[int, float]) -> np.ndarray:
    """Vectors of 384 numbers with these few not zero."""
    found = np.zeros((len(rows), 384), dtype=np.float32)
    for at, row in enumerate(rows):
        for column, value in row.items():
            found[at, column] = value
    return found


def fitted(data: Dataset, **config: object) -> Content:
    given = {"half_life": 1.0, "rating_weight": 0.0, "labels": 0.0, "centre": False} | config
    return Content(ContentConfig(**given)).fit(data, rng=np.random.default_rng(0), report=lambda *_: None)


VECTORS = axes({0: 1.0}, {1: 1.0}, {0: 0.6, 1: 0.8}, {2: 1.0})


def test_a_person_is_the_weighted_mean_of_what_they_met():
    model = fitted(replace(dataset([[0, 1]], 4), item_vectors=VECTORS))
    # item 1 was met last and weighs 1, item 0 weighs 1/2: the person is (1/3, 2/3); item 2 nobody ever met
    assert model.score(histories([[0, 1]]))[0] == pytest.approx([1 / 3, 2 / 3, (0.6 + 2 * 0.8) / 3, 0.0])
    assert model.score(histories([[]]))[0].tolist() == [0.0] * 4


def test_ratings_below_the_own_mean_weigh_less():
    data = replace(dataset([[0, 1]], 4), item_vectors=VECTORS)
    rated = replace(data.histories, values=np.array([2.0, 4.0], dtype=np.float32))
    model = fitted(data.with_histories(rated), half_life=0.0, rating_weight=0.5)
    # deviations −1 and +1, their standard deviation 1: weights 1/2 and 3/2, divided by their sum
    assert model.score(rated)[0] == pytest.approx([0.25, 0.75, 0.25 * 0.6 + 0.75 * 0.8, 0.0])


def test_what_is_no_rating_deviates_from_nothing():
    given = replace(
        histories([[0, 1, 2]]),
        values=np.array([5.0, 1.0, 3.0], dtype=np.float32),
        kinds=np.array([0, 1, 0], dtype=np.int16),
        kind_names=("rating", "view"),
    )
    assert deviations(given).tolist() == [1.0, 0.0, -1.0]


def test_rare_labels_weigh_more_and_those_of_one_item_nothing():
    fields = pd.DataFrame(
        {"categories": [["Drama"], ["Drama", "War"], ["War"], ["Drama"]], "creators": [["Ann"], ["Ann"], [], ["Bo"]]}
    )
    found = tf_idf(fields, 4).toarray()  # columns: Drama (3 of 4), War (2), Ann (2), Bo (1)
    drama, war = np.log(4 / 3), np.log(2)
    expected = np.array([[drama, 0, war, 0], [drama, war, war, 0], [0, war, 0, 0], [drama, 0, 0, 0]])
    assert found == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-6)


def test_text_and_labels_are_fused_and_one_stands_in_for_the_other():
    fields = pd.DataFrame({"categories": [["a"], ["a"], [], ["b"]], "creators": [[], [], [], []]})
    vectors = axes({0: 1.0}, {1: 1.0}, {0: 1.0}, {})
    model = fitted(replace(dataset([[0]], 4), item_vectors=vectors, item_fields=fields), labels=0.25)
    # item 0 against item 1: the labels agree, a quarter; against item 2, which has text only: √(3/4) of its own part
    assert model.score(histories([[0]]))[0] == pytest.approx([1.0, 0.25, 0.75**0.5, 0.0], abs=1e-6)


def test_what_all_items_share_makes_nothing_alike():
    vectors = axes({0: 0.8, 1: 0.6}, {0: 0.8, 1: -0.6})
    model = fitted(replace(dataset([[0]], 2), item_vectors=vectors), centre=True)
    assert model.score(histories([[0]]))[0] == pytest.approx([1.0, -1.0])


def test_items_that_came_later_are_scored_by_their_text():
    data = blocks()
    model = fitted(data, centre=True, labels=0.3)
    before = model.score(histories([[0, 1, 2]]))
    assert isinstance(model, ItemsExtendable)
    assert data.item_vectors is not None
    model.extend(data.item_vectors[[3, 20]])
    after = model.score(histories([[0, 1, 2], [24]]))
    assert after.shape == (2, 26)
    assert after[0, :24] == pytest.approx(before[0])
    assert after[0, 24:] == pytest.approx(before[0, [3, 20]], abs=1e-6)
    assert after[1, :12].min() > after[1, 12:24].max()
