"""A slow recommender is explained within a bounded time: by fewer permutations, fewer sets, or leaving one out."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from explain.attribution import in_request, registry
from explain.attribution.counterfactual import fields, removal
from explain.attribution.entry import entry
from explain.attribution.game import ATTRIBUTE, Game, Target
from explain.attribution.shapley import ShapleySampling, along, drawn
from explain.exceptions import CannotExplain
from recommender.data.dataset import Float, Histories, Int
from tests.recommender.builders import histories

MET = 20
TARGET = MET


class Slow:
    """Item TARGET has 1 from each item that was met, and from each pair of neighbours 1 more; the item after it always
    has 0.5. A row takes `seconds`."""

    name = "slow"
    reads_fields = True

    def __init__(self, seconds: float = 0.0, beyond: int = 0) -> None:
        self.seconds, self.width, self.rows = seconds, MET + 2 + beyond, 0

    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        time.sleep(self.seconds * len(met))
        self.rows += len(met)
        there = met.matrix(self.width).toarray()[:, :MET]
        found = np.zeros((len(met), self.width), dtype=np.float32)
        found[:, TARGET] = there.sum(axis=1) + (there[:, 1:] * there[:, :-1]).sum(axis=1)
        found[:, TARGET + 1] = 0.5
        return found if items is None else found[:, items]


def game(seconds: float = 0.0, met: int = MET, **options: Any) -> Game:
    return Game(Slow(seconds), histories([list(range(met))]), options.pop("target", Target(TARGET)), **options)  # type: ignore[arg-type]


def test_sampling_that_is_stopped_has_the_first_pairs_of_the_same_permutations():
    of, seconds = game(0.002), 0.5
    started = time.perf_counter()
    found = ShapleySampling(200, seconds).explain(of, seed=3)
    assert time.perf_counter() - started < 2 * seconds
    done = found.cost.evaluations // (MET + 1)
    assert done % 2 == 0
    assert 2 <= done < 200
    np.testing.assert_allclose(found.values, ShapleySampling(done).explain(game(), seed=3).values, atol=1e-6)
    np.testing.assert_array_equal(drawn(MET, 200, np.random.default_rng(3))[:done],
                                  drawn(MET, done, np.random.default_rng(3)))  # fmt: skip
    assert found.gap < 1e-5


def test_at_least_one_pair_is_drawn_and_has_no_error():
    found = ShapleySampling(seconds=0.0).explain(game())
    assert found.cost.evaluations == 2 * (MET + 1)
    assert found.errors is not None
    assert np.isnan(found.errors).all()
    assert found.gap < 1e-5


def test_with_time_enough_or_no_limit_all_permutations_are_drawn():
    asked = ShapleySampling(seconds=60.0).explain(game())
    assert asked.cost.evaluations == 26 * (MET + 1)
    np.testing.assert_allclose(asked.values, ShapleySampling().explain(game()).values, atol=1e-6)
    of = game()
    registry.get("shapley_sampling").explain(of)
    assert of.model.rows <= len(along(drawn(MET, 26, np.random.default_rng(0))))  # type: ignore[attr-defined]


def test_the_seconds_of_a_coalition_are_those_of_its_row():
    assert 0.01 <= game(0.01).seconds_each < 0.03
    assert game(0.01, met=1).seconds_each < 0.03


@pytest.mark.parametrize(("met", "seconds", "method"), [
    (6, 0.0, "shapley"),  # 64 coalitions
    (12, 0.003, "shapley_sampling"),  # 4,096 would take 12 s, a pair of permutations 0.1 s
    (20, 0.2, "ablation"),  # a pair would take 8 s, leaving one out 4 s
])  # fmt: skip
def test_in_a_request_the_first_method_is_chosen_that_answers_soon(met: int, seconds: float, method: str):
    assert registry.default(game(seconds, met), in_request=True) == method
    assert registry.default(game(seconds, met)) == ("shapley" if met <= 12 else "shapley_sampling")


def test_where_everything_takes_too_long_it_is_said_what_to_do():
    why = in_request.too_slow("shapley_sampling", game(0.2))
    assert why.startswith("shapley_sampling of 20 things would take about ")
    assert why.endswith("or on the command line, or by `ablation`.")
    with pytest.raises(CannotExplain, match=r"ablation of 20 things would take about .* ask in bulk") as error:
        registry.default(game(0.8), in_request=True)
    assert error.value.field == "method"
    assert not in_request.too_slow("contributions", game(0.8))


def test_a_search_that_is_stopped_says_so_and_claims_nothing():
    started = time.perf_counter()
    found = removal(game(0.004), k=1, seconds=0.4)
    assert time.perf_counter() - started < 1.0
    assert (found.found, found.stopped, found.exhausted, found.proven_minimal) == (False, True, 1, False)
    assert MET < found.tried < 110
    assert found.stopped_text == " The search stopped after 0 s; not all sets were tried."
    whole = removal(game(), k=1, budget=600)
    assert (whole.found, whole.stopped, whole.stopped_text) == (False, False, "")
    assert whole.tried > found.tried


def test_a_search_without_time_for_the_single_ones_has_exhausted_nothing():
    found = removal(game(0.02), k=1, seconds=0.1)
    assert (found.found, found.stopped, found.exhausted) == (False, True, 0)
    assert found.tried < MET
    assert math.isclose(found.rank_after, 1)


def test_what_is_found_in_time_is_what_is_found_without_a_limit():
    """The item after the target leads once the only thing met is taken away."""
    limited, free = (removal(game(met=1), k=1, seconds=seconds) for seconds in (30.0, None))
    assert limited.found
    assert not limited.stopped
    assert (limited.removed, limited.tried) == (free.removed, free.tried)


def test_searches_for_fields_and_for_a_way_in_stop_too():
    person = replace(histories([[0, 1]]), fields={f"a{n}": np.array(["x"], dtype=object) for n in range(12)})
    asked = Game(Slow(0.005), person, Target(TARGET))  # type: ignore[arg-type]
    assert sum(unit.kind == ATTRIBUTE for unit in asked.units) == 12
    found = fields(asked, k=1, seconds=0.15)
    assert (found.found, found.stopped) == (False, True)
    behind = Game(Slow(0.005, beyond=60), histories([[0, 1]]), Target(TARGET + 5))  # type: ignore[arg-type]
    way = entry(behind, k=1, seconds=0.15)
    assert (way.found, way.stopped) == (False, True)
