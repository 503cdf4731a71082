"""The loop that sampling is measured beside finds the same values; figures have the shape they are told in."""

from __future__ import annotations

import numpy as np
import pytest

from explain.attribution.shapley import ShapleyExact, ShapleySampling
from recommender.algorithms.base import Recommender
from recommender.data.splits import Split, leave_last_out
from recsite.benchmarks.attribution import by_captum, difference, exact, game, gradients, people, sampling
from tests.recommender.algorithms.test_conformance import fitted
from tests.recommender.builders import blocks

QUIET = lambda line: None  # noqa: E731


@pytest.fixture(scope="module")
def split() -> Split:
    return leave_last_out(blocks(n_people=40, length=9))


@pytest.fixture(scope="module")
def sasrec(split: Split) -> Recommender:
    return fitted("sasrec", split.train, settings={"epochs": 2})


def test_people_are_drawn_with_their_newest_interactions(split: Split) -> None:
    given = split.test.histories
    found = people(split, 3, 5)
    assert [len(each.items) for each in found] == [5, 5, 5]
    ends = {tuple(given.items_of(row)[-5:].tolist()) for row in range(len(given))}
    assert {tuple(each.items.tolist()) for each in found} <= ends
    assert len(people(split, 3, None)[0].items) == given.lengths.max()


def test_captums_loop_and_ours_are_the_enumerated_values_within_their_errors(sasrec: Recommender, split: Split) -> None:
    asked = game(sasrec, people(split, 1, 5)[0])
    whole = ShapleyExact().explain(asked)
    values, errors = by_captum(asked, 60, seed=1)
    assert values.sum() == pytest.approx(whole.values.sum(), abs=1e-5)
    assert (np.abs(values - whole.values) <= 4 * errors + 1e-6).all()
    assert difference(ShapleySampling(60).explain(asked), values, errors) < 2


def test_rows_tell_what_was_measured(sasrec: Recommender, split: Split) -> None:
    some = people(split, 3, 5)
    row = exact("ease", fitted("ease", split.train), some, QUIET)
    assert row["p50 ms"] > 0
    assert row["largest gap"] < 1e-5
    row = gradients(sasrec, some, QUIET)
    assert 0 <= row["p50 gap"] <= row["p95 gap"] <= row["largest gap"] < 1e-3
    row = sampling(sasrec, some, QUIET)
    assert row["captum p50 ms"] > row["p50 ms"] > 0
