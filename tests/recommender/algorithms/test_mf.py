"""Factorised ratings: the solution by hand, the fold-in, and what the biases alone give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recommender.algorithms.mf import MF, MFConfig, Ratings, Training
from recommender.data.dataset import Dataset
from recommender.exceptions import NotTrainable
from tests.recommender.algorithms.test_user_knn import rating
from tests.recommender.builders import dataset


def trained(people: list[dict[int, float]], n_items: int, **config: Any) -> MF:
    data: Dataset = dataset([[] for _ in people], n_items).with_histories(rating(people))
    return MF(MFConfig(**config)).fit(data, rng=np.random.default_rng(0), report=lambda *_: None)


def test_a_person_is_folded_in_by_the_closed_form() -> None:
    """μ = 3, σ = 1; items: b = (½, 0), q = (1, 2). Rated item 0 with 5: with A = (1, 1), y = 5 − 3 − ½ = 3/2 and
    D = diag(1, 1): x = Aᵀy / (1 + AAᵀ) = (½, ½). So r̂(item 1) = 3 + ½ + 0 + ½ · 2 = 4½."""
    model = MF(MFConfig(factors=1, penalty=1.0, bias_penalty=1.0))
    model.load_state({"items": np.array([[0.5, 1.0], [0.0, 2.0]]), "scale": np.array([1.0, 5.0, 3.0, 1.0, 1.0])})
    asked = rating([{0: 5.0}, {}])
    assert model.score(asked)[:, 1].tolist() == pytest.approx([4.5, 3.0])
    assert model.predict(asked, np.array([1, 0, 0]), np.array([0, 1, 0])).tolist() == pytest.approx([3.5, 4.5, 4.5])


def test_one_step_by_hand() -> None:
    """One rating of 2 (standardised), p = q = 1, no bias: error 1; everything moves by ½ (error · other − pull · own),
    pulls ½ for factors and ¼ for biases: biases to ½ · 1, factors to 1 + ½ (1 − ½) = 5/4."""
    one = np.zeros(1, dtype=np.int64)
    ratings = Ratings(one, one, np.array([2.0], dtype=np.float32), np.array([1.0, 5.0, 3.0, 1.0]))
    config = MFConfig(factors=1, penalty=0.5, bias_penalty=0.25, learning_rate=0.5, epochs=1)
    training = Training(config, ratings, 1, 1, seed=0)
    training.people[:] = training.items[:] = training.people.new_tensor([[0.0, 1.0]])
    assert training.epoch() == pytest.approx(1.0)
    assert training.people.tolist() == training.items.tolist() == [[0.5, 1.25]]


def test_biases_are_learned() -> None:
    rng = np.random.default_rng(0)
    people: list[dict[int, float]] = [
        {int(item): 3.0 + (item % 2) - (person % 2) for item in rng.permutation(20)[:12]} for person in range(40)
    ]
    model = trained(people, 20, factors=2, epochs=30, learning_rate=0.05, penalty=0.01, bias_penalty=0.01)
    found = model.predict(rating(people), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    assert found.tolist() == pytest.approx([3, 4, 2, 3], abs=0.1)


def test_the_scale_of_the_ratings_does_not_matter() -> None:
    people: list[dict[int, float]] = [{0: 1, 1: 5, 2: 3}, {0: 2, 2: 4}, {1: 4, 2: 2}]
    tens = [{item: 10 * value for item, value in person.items()} for person in people]
    one, ten = trained(people, 3, epochs=3), trained(tens, 3, epochs=3)
    np.testing.assert_allclose(10 * one.score(rating(people)), ten.score(rating(tens)), rtol=1e-4)


def test_only_ratings_are_learned_from_and_the_last_of_repeats_counts() -> None:
    data = dataset([[0, 1]], 2)
    with pytest.raises(NotTrainable, match="no ratings"):
        clicks = data.with_histories(replace(data.histories, kind_names=("click",)))
        MF().fit(clicks, rng=np.random.default_rng(0), report=lambda *_: None)
    twice = replace(rating([{0: 1.0, 1: 5.0}]), items=np.array([0, 0]))
    model = MF(MFConfig(epochs=1)).fit(data.with_histories(twice), rng=np.random.default_rng(0), report=lambda *_: None)
    assert model.state()["scale"].tolist() == [5, 5, 5, 1, 1]
