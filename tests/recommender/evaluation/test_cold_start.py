"""The cold-start protocols and their metrics, worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from recommender.data.dataset import Histories
from recommender.evaluation.cold_start import protocols
from recommender.evaluation.cold_start.floors import LinearFloor, Settings
from recommender.evaluation.cold_start.protocols import Partition
from recommender.evaluation.cold_start.tuned import FLOORS, chosen
from tests.recommender.builders import dataset, histories


def rated(people: list[list[int]], values: list[list[float]]) -> Histories:
    given = np.array([value for row in values for value in row], dtype=np.float32)
    return replace(histories(people), values=given)


def partition(lengths: list[int]) -> Partition:
    asked = histories([list(range(length)) for length in lengths])
    train = dataset([[] for _ in lengths], 200)
    return Partition(train, dict.fromkeys(protocols.SCENARIOS, asked))


def test_melu_4_asks_ten_of_people_with_13_to_100() -> None:
    case = protocols.melu4(partition([12, 13, 100, 101]), "both", np.random.default_rng(0))
    assert case.people.tolist() == [1, 2]
    assert case.query.lengths.tolist() == [10, 10]
    assert case.given.lengths.tolist() == [3, 90]
    for row in range(2):
        assert not set(case.given.items_of(row).tolist()) & set(case.query.items_of(row).tolist())


def test_ten_percent_gives_one_to_three_of_at_most_32() -> None:
    case = protocols.ten_percent(partition([9, 10, 20, 32, 150]), "new people", np.random.default_rng(0))
    assert case.people.tolist() == [1, 2, 3, 4]
    assert case.given.lengths.tolist() == [1, 2, 3, 3]
    assert case.query.lengths.tolist() == [9, 18, 29, 29]


def test_the_seed_decides_what_is_drawn() -> None:
    first, again, other = (
        protocols.melu4(partition([30]), "both", np.random.default_rng(seed)).query.items.tolist() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_inside_the_training_part_people_and_items_are_new_once_more() -> None:
    data = dataset([[0, 1, 2], [0, 1], [2, 3]], 4)
    found = protocols.within(Partition(data, {}), people=np.array([1, 2]), items=np.array([1, 3]))
    assert found.train.histories.items.tolist() == [0, 2]
    assert found.asked["new people"].items.tolist() == [0, 2]
    assert found.asked["new items"].items.tolist() == [1]
    assert found.asked["both"].items.tolist() == [1, 3]


def test_the_five_best_by_hand() -> None:
    query = rated([[0, 1, 2, 3, 4, 5], [0, 1]], [[5, 4, 4, 3, 2, 1], [5, 4]])
    found = np.array([0.1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.0, 0.0])  # the best item comes last
    precision, gain = protocols.top_five(found, query)
    assert precision[0] == 4 / 5  # 4 4 3 2 1 against 5 4 4 3 2
    discount = 1 / np.log2(np.arange(2, 7))
    np.testing.assert_allclose(gain[0], ([4, 4, 3, 2, 1] @ discount) / ([5, 4, 4, 3, 2] @ discount))
    assert np.isnan(precision[1])


def test_ties_are_not_broken_by_the_order_of_time() -> None:
    query = rated([list(range(40))], [[5.0] * 5 + [1.0] * 35])
    assert protocols.top_five(np.zeros(40), query)[0][0] < 1


def test_absolute_errors_are_means_over_each_person() -> None:
    query = rated([[0, 1], []], [[5, 1], []])
    assert protocols.absolute_errors(np.array([4.0, 3.0]), query)[0] == 1.5


def test_the_floor_finds_a_linear_taste() -> None:
    """Half the people like the first kind of item, half the second: content says so of an item nobody rated."""
    rng = np.random.default_rng(0)
    kinds = np.arange(30) % 2
    people = [rng.permutation(28)[:20].tolist() for _ in range(40)]
    values = [[5.0 if kinds[item] == person % 2 else 1.0 for item in items] for person, items in enumerate(people)]
    data = replace(
        dataset(people, 30),
        histories=rated(people, values),
        item_fields=pd.DataFrame({"categories": [[str(kind)] for kind in kinds]}, dtype=object),
    )
    floor = LinearFloor(data, Settings(penalty=2.0, content=2.0))
    given, query = rated([[0, 1, 2, 3]], [[5.0, 1, 5, 1]]), rated([[28, 29]], [[5.0, 1.0]])
    found = floor(protocols.Case(np.array([0]), given, query, histories([[]])))
    assert found[0] > 3.5 > 2.5 > found[1]


def test_a_floor_is_set_as_validation_says() -> None:
    """An item rated 5 once: shrunk by 25 it says nothing, by 1 half of it. Asked are ratings of 5, so 1 is chosen."""
    data = replace(dataset([[0], [1], [2]], 3), histories=rated([[0], [1], [2]], [[5.0], [1.0], [3.0]]))
    asked = protocols.Case(np.array([0]), rated([[]], [[]]), rated([[0]], [[5.0]]), histories([[]]))
    option, predict = chosen(FLOORS["item mean"], data, [asked], np.zeros((3, 1)))
    assert option == 1.0
    assert predict(asked).tolist() == [3 + 2 / (1 + 1)]


def test_the_median_of_the_given_falls_back_to_that_of_all() -> None:
    data = replace(dataset([[0], [1], [2]], 3), histories=rated([[0], [1], [2]], [[4.0], [4.0], [1.0]]))
    case = protocols.Case(
        np.array([0, 1]), rated([[0, 1], []], [[1.0, 2.0], []]), rated([[2], [0]], [[1.0], [1.0]]), histories([[], []])
    )
    assert FLOORS["median of the given"].make(data, None, np.zeros((3, 1)))(case).tolist() == [1.5, 4.0]
