"""One division for every number of shots: who is asked what, and NDCG@10 worked by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pytest

from recommender.algorithms.base import Recommender
from recommender.data.dataset import Dataset, Histories, Int
from recommender.evaluation.cold_start.by_shots import LEAST_ASKED, Asked, divided, drawn, gains
from recommender.evaluation.cold_start.protocols import SCENARIOS, Case
from tests.recommender.builders import dataset, histories

SHOTS = (0, 1, 3)


def crowd() -> Dataset:
    """40 people who each met 70 of 80 items."""
    rng = np.random.default_rng(0)
    return dataset([rng.permutation(80)[:70].tolist() for _ in range(40)], 80)


def pairs(given: Histories) -> set[tuple[int, int]]:
    return set(zip(given.rows.tolist(), given.items.tolist(), strict=True))


def test_every_number_of_shots_asks_the_same_and_gives_a_part_of_the_next() -> None:
    given = divided(crowd(), np.arange(8), 0)
    for name, asked in drawn(given, SHOTS, 100, 0).items():
        cases = [asked.cases[shots] for shots in SHOTS]
        assert [set(case.given.lengths.tolist()) for case in cases] == [{shots} for shots in SHOTS]
        assert all(pairs(first.given) < pairs(second.given) for first, second in pairwise(cases))
        assert all(pairs(case.query) == pairs(cases[0].query) for case in cases)
        assert (cases[0].query.lengths >= LEAST_ASKED).all(), name
        assert not pairs(asked.apart) & pairs(cases[0].query)
        assert pairs(cases[-1].support) == pairs(asked.apart)


def test_new_people_are_unknown_and_new_items_alone_are_ranked_where_items_are_new() -> None:
    given = divided(crowd(), np.arange(8), 0)
    asked = drawn(given, SHOTS, 100, 0)
    people, items, both = (asked[name] for name in SCENARIOS)
    assert not given.train.histories.lengths[:8].any()
    assert people.cases[0].people.tolist() == list(range(8)) and not people.cases[0].known.lengths.any()
    assert items.cases[0].people.min() >= 8 and items.cases[0].known.lengths.all()
    assert len(items.candidates) == 16 and items.candidates.tolist() == both.candidates.tolist()
    assert not np.isin(given.train.histories.items, items.candidates).any()
    assert not np.isin(people.candidates, items.candidates).any()


class Fixed:
    """Scores the first item best, the second second …"""

    def score(self, histories: Histories, *, items: Int, **rest: Any) -> np.ndarray[Any, Any]:
        return np.tile(-items.astype(np.float32), (len(histories), 1))


def test_ndcg_of_what_is_asked_among_the_candidates_without_what_was_given() -> None:
    nothing = histories([[]])
    case = Case(np.array([0]), nothing, histories([[1, 3]]), nothing)
    asked = Asked({0: case}, histories([[0, 7]]), np.array([0, 1, 2, 3, 4]))  # 7 is no candidate
    found = gains(cast(Recommender, Fixed()), asked, 0)
    assert found == pytest.approx([(1 + 1 / 2) / (1 + 1 / np.log2(3))])  # 1, 2, 3, 4 is the list


def test_equal_scores_stand_in_an_order_of_chance() -> None:
    class Alike:
        def score(self, histories: Histories, *, items: Int, **rest: Any) -> np.ndarray[Any, Any]:
            return np.zeros((len(histories), len(items)), dtype=np.float32)

    nothing = histories([[]])
    case = Case(np.array([0]), nothing, histories([list(range(10))]), nothing)
    found = gains(cast(Recommender, Alike()), Asked({0: case}, nothing, np.arange(1000)), 0)
    assert found < 0.5


def test_people_who_met_too_little_are_not_asked() -> None:
    data = crowd()
    few = data.histories.keep(data.histories.rows != 3)
    given = divided(data.with_histories(replace(few, fields={})), np.arange(8), 0)
    assert 3 not in drawn(given, SHOTS, 100, 0)["new people"].cases[0].people
