"""New people, new items, both: who is drawn, what is known of them, what they are asked."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.data.splits import check, cold_both, cold_items, held_out_people
from recommender.exceptions import BadInput, NotTrainable
from tests.recommender.builders import dataset


def test_a_new_persons_last_fifth_is_asked_about() -> None:
    split = held_out_people(dataset([list(range(10)), [4, 3], [7]], 10), share=0.5)
    assert set(split.test.people) <= {0, 1}  # the third has one item only and stays in training
    expected = {0: (list(range(8)), [8, 9]), 1: ([4], [3])}
    at = int(split.test.people[0])
    assert (split.test.histories.items.tolist(), split.test.targets.items.tolist()) == expected[at]
    assert split.before_test.histories.lengths.tolist() == [0 if row == at else n for row, n in enumerate((10, 2, 1))]


def test_shots_are_the_first_things_someone_did() -> None:
    data = dataset([[5, 6, 7], [1, 2, 3]], 8)
    split = held_out_people(data, shots=1)
    first, *rest = data.histories.items_of(int(split.test.people[0])).tolist()
    assert (split.test.histories.items.tolist(), split.test.targets.items.tolist()) == ([first], rest)
    nothing = held_out_people(data, shots=0)
    assert nothing.test.histories.lengths.tolist() == [0]
    assert nothing.test.targets.lengths.tolist() == [3]
    with pytest.raises(NotTrainable, match="4 interactions"):
        held_out_people(data, shots=3)


def test_new_items_are_absent_from_training_and_alone_are_ranked() -> None:
    data = dataset([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]], 6)
    split = cold_items(data, share=0.4)
    assert split.test.candidates is not None
    new = split.test.candidates.tolist()
    assert len(new) == 2
    assert 5 not in new  # nobody met it
    for row in range(2):
        met = data.histories.items_of(row).tolist()
        assert split.before_test.histories.items_of(row).tolist() == [item for item in met if item not in new]
        assert split.test.targets.items_of(row).tolist() == [item for item in met if item in new]
        assert split.train.histories.items_of(row).tolist() == [item for item in met if item not in new][:-1]
    assert split.validation.targets.lengths.tolist() == [1, 1]


def test_with_shots_the_first_people_to_meet_a_new_item_are_learned_from() -> None:
    data = dataset([[0, 1], [0, 1], [0, 1]], 2, [[3, 3], [1, 1], [2, 2]])
    split = cold_items(data, shots=1)
    assert split.test.candidates is not None
    new = int(split.test.candidates[0])
    assert split.before_test.histories.lengths.tolist() == [1, 2, 1]  # the second person was the first to meet it
    assert split.test.people.tolist() == [0, 2]
    assert split.test.targets.items.tolist() == [new, new]


def test_new_people_and_new_items() -> None:
    data = dataset([[0, 1, 2, 3, 4, 5]] * 5, 6)
    split = cold_both(data, people=0.2, items=0.5)
    assert split.test.candidates is not None
    (person,), new = split.test.people.tolist(), set(split.test.candidates.tolist())
    assert len(new) == 3
    assert set(split.test.targets.items.tolist()) == new
    assert split.test.histories.items.tolist() == [item for item in range(6) if item not in new]
    assert split.before_test.histories.lengths.tolist() == [0 if row == person else 3 for row in range(5)]
    two = cold_both(data, people=0.2, items=0.5, shots=2)
    assert two.test.histories.items.tolist() == split.test.histories.items.tolist()[:2]


def test_too_little_is_said() -> None:
    with pytest.raises(NotTrainable, match="two people"):
        held_out_people(dataset([[0, 1]], 2))
    with pytest.raises(NotTrainable, match="two items"):
        cold_items(dataset([[0], [0]], 2))
    with pytest.raises(NotTrainable, match="too small"):
        cold_both(dataset([[0], [1]], 2), seed=int(np.argmax([_empty(seed) for seed in range(20)])))


def _empty(seed: int) -> bool:
    try:
        cold_both(dataset([[0], [1]], 2), seed=seed)
    except NotTrainable:
        return True
    return False


@pytest.mark.parametrize(
    ("protocol", "shots", "field"), [("tomorrow", None, "protocol"), ("time", 3, "shots"), ("cold-users", -1, "shots")]
)
def test_nonsense_is_refused_by_field(protocol: str, shots: int | None, field: str) -> None:
    with pytest.raises(BadInput) as said:
        check(protocol, shots)
    assert said.value.field == field
