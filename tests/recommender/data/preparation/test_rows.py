"""Steps on interactions, each worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.data.dataset import Histories
from recommender.data.preparation import rows
from tests.recommender.data.preparation.data import DAY, ROWS, histories


def told(found: Histories) -> list[tuple[int, int, float]]:
    return [
        (int(person), int(item), float(value))
        for person, item, value in zip(found.rows, found.items, found.values, strict=True)
    ]


GIVEN = histories(ROWS, 3)
FIRST, REST = [(0, 0, 4.0), (0, 0, 4.0)], [(1, 0, 9.0), (1, 2, 3.0), (2, 3, 1.0)]


def test_exact_duplicates_go() -> None:
    assert told(rows.drop_duplicates(GIVEN)) == [(0, 0, 4.0), (0, 1, 2.0), (0, 1, 5.0), *REST]
    assert len(rows.drop_duplicates(GIVEN)) == 3


@pytest.mark.parametrize(
    ("how", "left"), [("last", [(0, 1, 5.0)]), ("mean", [(0, 1, 3.5)]), ("drop", [])]
)  # (2 + 5) / 2
def test_contradicting_ratings(how: str, left: list[tuple[int, int, float]]) -> None:
    assert told(rows.settle_contradictions(GIVEN, how)) == [*FIRST, *left, *REST]


def test_what_is_no_rating_contradicts_nothing() -> None:
    assert not rows.contradicting(histories(ROWS, 3, kind=1)).any()


def test_the_last_of_several_counts() -> None:
    assert told(rows.only_last(GIVEN)) == [(0, 0, 4.0), (0, 1, 5.0), *REST]


@pytest.mark.parametrize(("how", "value"), [("drop", []), ("clip", [(1, 0, 5.0)])])
def test_ratings_outside_the_scale(how: str, value: list[tuple[int, int, float]]) -> None:
    found = rows.within_scale(GIVEN, 1.0, 5.0, how)
    assert told(found) == [*FIRST, (0, 1, 2.0), (0, 1, 5.0), *value, (1, 2, 3.0), (2, 3, 1.0)]
    assert told(rows.within_scale(GIVEN, 2.0, None, "drop"))[-1] == (1, 2, 3.0)


def test_the_busiest_day_of_each_person() -> None:
    assert rows.busiest_days(GIVEN).tolist() == [4, 1, 1]


def test_the_rules_for_busy_people() -> None:
    counts = np.array([1, 2, 3, 4, 5])  # quartiles 2 and 4; mean 3, standard deviation √2
    assert rows.busy_limit(counts, "iqr", 1.5) == 7.0
    assert rows.busy_limit(counts, "z", 2.0) == pytest.approx(3 + 2 * 2**0.5)
    many = [(0, item, 1.0, float(item)) for item in range(50)] + [(p, p, 1.0, DAY * p) for p in range(1, 9)]
    found, limit, people = rows.without_busy(histories(many, 9), "iqr", 3.0)
    assert (limit, people, len(found), len(found.items)) == (1.0, 1, 9, 8)


def test_minimal_counts_once_and_as_a_core() -> None:
    """People 0 and 1 have two items each, person 2 one; item 2 has then only person 1, who is left with one."""
    given = histories([(0, 0, 1, 1), (0, 1, 1, 2), (1, 0, 1, 1), (1, 2, 1, 2), (2, 2, 1, 1)], 3)
    once = rows.minimal(given, 4, 2, 2, core=False)
    assert told(once) == [(0, 0, 1.0), (1, 0, 1.0)]
    assert told(rows.minimal(given, 4, 2, 2, core=True)) == []
    assert told(rows.minimal(given, 4, 2, 0, core=True)) == told(given.keep(given.rows != 2))
