"""The loop that gradient steps at once are measured beside does the same; figures have the shape they are told in."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.algorithms.gradient_adapted import GradientAdapted
from recommender.data.splits import Split, held_out_people
from recsite.benchmarks.adaptation import answer, in_bulk, in_requests, side_by_side
from tests.recommender.algorithms.test_conformance import fitted
from tests.recommender.builders import blocks

QUIET = lambda line: None  # noqa: E731


@pytest.fixture(scope="module")
def split() -> Split:
    return held_out_people(blocks(n_people=120, length=24))


@pytest.fixture(scope="module")
def model(split: Split) -> GradientAdapted:
    made = fitted("maml", split.train, settings={"epochs": 1})
    assert isinstance(made, GradientAdapted)
    return made


def test_both_ways_lead_to_the_same_weights(
    model: GradientAdapted, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`side_by_side` compares them and fails where they differ."""
    monkeypatch.setattr("recsite.benchmarks.adaptation.GIVEN", 8)
    together, alone = side_by_side(model, split)
    assert together > 0 < alone


def test_rows_tell_what_was_measured(model: GradientAdapted, split: Split) -> None:
    bulk = in_bulk("maml", model, split.full, QUIET)
    assert bulk["people a second"] > 0
    request = in_requests("maml", model, split, QUIET)
    assert 0 < request["p50 ms"] <= request["p99 ms"]
    assert request["bar"] == (50.0, None)


def test_an_answer_leaves_out_what_was_met(model: GradientAdapted, split: Split) -> None:
    one = split.test.histories.select(np.array([0]))
    items, _ = answer(model, one)
    assert not set(items[0]) & set(one.items)
