"""Episodes: what is drawn is disjoint, the person's own, and decided by the seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recommender.metalearning.episodes import Pool, first, latest, padded
from tests.recommender.builders import histories

PEOPLE = histories([[0, 1, 2, 3, 4, 5], [6], [], [7, 8, 9]])


def test_support_and_query_are_apart_and_the_persons_own() -> None:
    pool = Pool.of_people(PEOPLE)
    assert pool.owners.tolist() == [0, 1, 3]
    found = pool.draw(pool.owners, np.random.default_rng(0), shots=np.array([2, 5, 5]), queries=3)
    assert found.support.lengths.tolist() == [2, 0, 2]  # always one is left to be asked about
    assert found.query.lengths.tolist() == [3, 1, 1]
    for row, owner in enumerate(found.owners):
        own = set(PEOPLE.items_of(owner).tolist())
        support, query = set(found.support.items_of(row).tolist()), set(found.query.items_of(row).tolist())
        assert not support & query
        assert support | query <= own
    assert np.array_equal(PEOPLE.items[found.query_at], found.query.items)
    assert found.query_people.tolist() == [0, 0, 0, 1, 3]


def test_the_seed_and_the_epoch_decide() -> None:
    pool = Pool.of_people(PEOPLE)

    def drawn(seed: int, epoch: int) -> list[list[int]]:
        return [batch.query_at.tolist() for batch in pool.batches(2, seed=seed, epoch=epoch, shots=(1, 3))]

    assert drawn(1, 1) == drawn(1, 1)
    assert len({str(drawn(seed, epoch)) for seed in (1, 2) for epoch in (1, 2)}) > 1
    assert sorted(owner for batch in pool.batches(2, seed=0, epoch=0) for owner in batch.owners) == [0, 1, 3]


def test_in_order_the_query_follows_the_support() -> None:
    pool = Pool.of_people(histories([list(range(10))]))
    for seed in range(5):
        found = pool.draw(np.array([0]), np.random.default_rng(seed), shots=(3, 3), queries=2, ordered=True)
        both = found.support.items.tolist() + found.query.items.tolist()
        assert both == list(range(both[0], both[0] + 5))


def test_an_item_has_the_people_who_met_it_oldest_first() -> None:
    given = histories([[0, 1], [1, 0]], times=[[5.0, 1.0], [0.0, 9.0]])
    pool = Pool.of_items(given, 3)
    assert pool.grouped.indptr.tolist() == [0, 2, 4, 4]
    assert pool.grouped.items.tolist() == [0, 1, 1, 0]
    assert pool.owners.tolist() == [0, 1]
    drawn = pool.draw(np.array([1]), np.random.default_rng(0), shots=(1, 1))
    assert given.items[drawn.query_at].tolist() == [1]


def test_a_context_has_the_interactions_made_in_it() -> None:
    pool = Pool.of_groups(PEOPLE, np.array([0, 1, 0, 1, -1, 0, 0, 1, 1, -1]), 3)
    assert pool.grouped.lengths.tolist() == [4, 4, 0]
    found = pool.draw(np.array([0]), np.random.default_rng(0), shots=(2, 2))
    assert set(found.support.items) | set(found.query.items) == {0, 2, 5, 6}
    assert set(found.query_people) | set(found.support_people) == {0, 1}


def test_rectangles_of_rows() -> None:
    found = padded(replace(PEOPLE, values=np.arange(10, dtype=np.float32)), most=2)
    assert found.items.tolist() == [[4, 5], [6, 0], [0, 0], [8, 9]]
    assert found.values.tolist() == [[4, 5], [6, 0], [0, 0], [8, 9]]
    assert found.mask.tolist() == [[True, True], [True, False], [False, False], [True, True]]
    assert padded(histories([[], []])).mask.shape == (2, 1)


def test_first_and_latest() -> None:
    assert first(PEOPLE, 2).items.tolist() == [0, 1, 6, 7, 8]
    assert latest(PEOPLE, 2).items.tolist() == [4, 5, 6, 8, 9]
