"""Questions with their context, and contexts of which training knows nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recommender.data.dataset import Dataset
from recommender.data.preparation.histories import pairs
from recommender.data.splits.contextual import in_context, new_contexts, shots_of
from tests.recommender.builders import dataset


def placed(n_people: int = 40, n_places: int = 5) -> Dataset:
    """Everyone meets six items, the first of them twice, in the place of their number's remainder."""
    made = dataset([[*range(person % 7, person % 7 + 6), person % 7] for person in range(n_people)], 16)
    histories = made.histories
    place = np.array([f"p{person % n_places}" for person in histories.rows], dtype=object)
    hour = np.array(["day", "night"], dtype=object)[np.arange(len(place)) % 2]
    return made.with_histories(replace(histories, contexts={"place": place, "hour": hour}))


def test_each_question_has_a_context_in_which_the_item_was_met_and_the_history_does_not_know_it() -> None:
    data = placed()
    split = in_context(data, seed=1)
    assert set(split.test.people.tolist()) == set(range(40))
    for row in range(len(split.test.people)):
        person, item = split.test.people[row], split.test.targets.items[row]
        own = data.histories.select(np.array([person]))
        at = np.flatnonzero(own.items == item)
        moment = (split.test.histories.fields["context.place"][row], split.test.histories.fields["context.hour"][row])
        assert moment in {(own.contexts["place"][j], own.contexts["hour"][j]) for j in at}
        assert item not in split.test.histories.items_of(row)
        assert item not in split.before_test.histories.items_of(int(person))


def test_a_fifth_of_a_persons_items_is_asked_each_once() -> None:
    split = in_context(placed(), seed=0)
    assert np.bincount(split.test.people).tolist() == [1] * 40
    assert np.bincount(split.validation.people).tolist() == [1] * 40
    assert len(split.test.targets) == len(split.test.targets.items) == 40


def test_the_seed_draws() -> None:
    first, again, other = (in_context(placed(), seed=seed).test.targets.items for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_training_knows_nobody_of_a_new_place() -> None:
    data = placed()
    new = new_contexts(data, "place", share=0.4, seed=0)
    assert len(new.values) == 2
    known = new.split.before_test.histories.contexts["place"]
    assert not set(new.values) & set(known.tolist())
    asked, others = set(new.split.test.people.tolist()), set(new.others.rows.tolist())
    assert not asked & others
    assert asked | others == {person for person in range(40) if f"p{person % 5}" in new.values}
    assert set(new.split.test.histories.fields["context.place"].tolist()) == set(new.values)


def test_shots_are_pairs_of_each_value() -> None:
    new = new_contexts(placed(), "place", share=0.4, seed=0)
    for shots in (0, 1, 3):
        support = shots_of(new.others, "place", shots, np.random.default_rng(0))
        assert [int((support.contexts["place"] == value).sum()) for value in new.values] == [shots, shots]
        assert len(np.unique(pairs(support))) == 2 * shots
