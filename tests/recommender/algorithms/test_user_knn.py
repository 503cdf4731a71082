"""People alike, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recommender.algorithms.user_knn import UserKNN, UserKNNConfig
from recommender.data.dataset import Dataset, Histories
from recommender.exceptions import NotTrainable
from tests.recommender.builders import dataset, histories


def rating(people: list[dict[int, float]]) -> Histories:
    met = histories([list(person) for person in people])
    return replace(met, values=np.array([value for person in people for value in person.values()], dtype=np.float32))


def trained(people: list[dict[int, float]], n_items: int, **config: Any) -> UserKNN:
    data: Dataset = dataset([[] for _ in people], n_items).with_histories(rating(people))
    settings = {"shrink": 0.0, "half_life": 0.0} | config
    return UserKNN(UserKNNConfig(**settings)).fit(data, rng=np.random.default_rng(0), report=lambda *_: None)


def predicted(model: UserKNN, person: dict[int, float], item: int) -> float:
    return float(model.predict(rating([person]), np.array([0]), np.array([item]))[0])


def test_those_who_met_the_same_vote_by_their_cosine() -> None:
    model = trained([{0: 1, 1: 1, 2: 1, 3: 1}, {0: 1, 4: 1}, {5: 1}], 6)
    # the person met 0 and 1: cosine 2 / √(2·4) with the first, 1 / √(2·2) with the second, 0 with the third
    near, far = 2 / 8**0.5, 1 / 2
    scores = model.score(histories([[0, 1]]))[0]
    assert scores.tolist() == pytest.approx([near + far, near, near, near, far, 0])
    only_one = trained([{0: 1, 1: 1, 2: 1, 3: 1}, {0: 1, 4: 1}, {5: 1}], 6, neighbours=1)
    assert only_one.score(histories([[0, 1]]))[0].tolist() == pytest.approx([near, near, near, near, 0, 0])


@pytest.mark.parametrize("similarity", ["cosine", "pearson"])
def test_nobody_is_their_own_neighbour(similarity: str) -> None:
    """The first is who asks, the second met less than that: both are most alike, and neither has news."""
    person = {0: 1.0, 1: 2.0, 2: 3.0}
    people: list[dict[int, float]] = [person, {0: 1, 1: 2}, {0: 1, 1: 3, 3: 2}]
    model = trained(people, 4, similarity=similarity, neighbours=1)
    alike = 2 / 9**0.5 if similarity == "cosine" else 1
    assert model.score(rating([person]))[0].tolist() == pytest.approx([alike, alike, 0, alike])


def test_pearson_is_the_correlation_of_what_both_rated_and_weighs_deviations_from_means() -> None:
    # Resnick's example in small: on items 0, 1, 2 the first rates as the person does (r = 1), the second contrary (−1)
    model = trained([{0: 2, 1: 3, 2: 4, 3: 5}, {0: 4, 1: 3, 2: 2, 3: 1}], 5, similarity="pearson")
    person = {0: 1.0, 1: 2.0, 2: 3.0}
    assert predicted(model, person, 3) == pytest.approx(2 + 1 * (5 - 3.5))  # those who differ say nothing
    assert predicted(model, person, 4) == pytest.approx(2)  # nobody rated it: the person's mean
    assert predicted(model, {}, 3) == pytest.approx(3)  # nothing is known of the person: the mean of all
    scores = model.score(rating([person]))[0]
    assert scores.tolist() == pytest.approx([1, 1, 1, 1, 0])


def test_similarities_from_few_common_items_shrink_and_predictions_weigh_by_them() -> None:
    people: list[dict[int, float]] = [{0: 1, 1: 2, 4: 5}, {0: 1, 1: 2, 2: 3, 3: 4, 4: 1}]
    model = trained(people, 5, similarity="pearson", shrink=2.0)
    person = {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0}
    first, second = 2 / (2 + 2), 4 / (4 + 2)  # both correlate perfectly, on two and on four items
    deviation = (first * (5 - 8 / 3) + second * (1 - 11 / 5)) / (first + second)
    assert predicted(model, person, 4) == pytest.approx(2.5 + deviation)


def test_predictions_stay_on_the_scale() -> None:
    model = trained([{0: 1, 1: 2, 2: 5}], 3, similarity="pearson")
    assert predicted(model, {0: 4.0, 1: 5.0}, 2) == 5


def test_forgetting_someone_is_as_if_they_had_never_been() -> None:
    people: list[dict[int, float]] = [{0: 2, 1: 3, 2: 4, 3: 5}, {0: 2, 1: 3, 2: 4, 3: 1}]
    model = trained(people, 4, similarity="pearson").forget(np.array([11, 99]))
    again = trained(people[:1], 4, similarity="pearson")
    person = {0: 1.0, 1: 2.0, 2: 3.0}
    assert predicted(model, person, 3) == predicted(again, person, 3)
    assert model.score(rating([person])).tolist() == again.score(rating([person])).tolist()
    assert model.state()["people"].tolist() == [10]


def test_pearson_needs_ratings_and_cosine_does_not() -> None:
    data = dataset([[0, 1], [1]], 2)
    clicks = data.with_histories(replace(data.histories, kind_names=("click",)))
    with pytest.raises(NotTrainable, match="ratings"):
        UserKNN(UserKNNConfig(similarity="pearson")).fit(clicks, rng=np.random.default_rng(0), report=lambda *_: None)
    model = UserKNN().fit(clicks, rng=np.random.default_rng(0), report=lambda *_: None)
    with pytest.raises(NotTrainable, match="no ratings"):
        model.predict(clicks.histories, np.array([0]), np.array([1]))
