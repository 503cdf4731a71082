"""What may be varied, on which scale, and which data are alike; by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from recommender.algorithms import registry
from recommender.algorithms.base import Config, hyper
from recommender.evaluation.search import DONE, FAILED, PRUNED, Known, Search
from recommender.evaluation.space import Dimension, distance, meta_features, space
from recommender.exceptions import BadInput
from tests.recommender.builders import dataset


@dataclass(frozen=True)
class Example(Config):
    width: int = hyper(64, "", low=1, high=1024)
    rate: float = hyper(0.01, "", low=1e-6, high=1.0)
    strength: float = hyper(500.0, "", low=1e-6, high=1e6)
    shrink: float = hyper(0.0, "", low=0.0, high=1e6)
    share: float = hyper(0.1, "", low=0.0, high=0.9)
    heads: int = hyper(2, "", low=1, high=16)
    kind: str = hyper("a", "", choices=("a", "b"))
    on: bool = hyper(True, "")
    text: str = hyper("x", "")
    maybe: int | None = hyper(None, "", low=1, high=9)
    limit: int = hyper(5, "", low=1, high=9, tune=False)


def test_each_setting_gets_a_range_and_a_scale() -> None:
    found = {each.name: each for each in space(Example)}
    assert found == {
        "width": Dimension("width", "int", 4, 1024, "doubling", unit=64),
        "rate": Dimension("rate", "float", 0.01 / 16, 0.16, "log"),
        "strength": Dimension("strength", "float", 500 / 16, 8000, "log"),
        "shrink": Dimension("shrink", "float", 0, 1000, "log1p"),
        "share": Dimension("share", "float", 0, 0.9),
        "heads": Dimension("heads", "int", 1, 16, "doubling", unit=2),
        "kind": Dimension("kind", "str", choices=("a", "b")),
        "on": Dimension("on", "bool", choices=(False, True)),
    }


def test_whole_numbers_are_doubled_and_halved() -> None:
    width = Dimension("width", "int", 4, 1024, "doubling", unit=64)
    assert [width.value(times) for times in (-4, 0, 4)] == [4, 64, 1024]
    assert width.sought(100) == 1


def test_only_what_is_named_is_varied_and_what_cannot_be_is_refused() -> None:
    assert [each.name for each in space(Example, ["on", "width"])] == ["width", "on"]
    with pytest.raises(BadInput, match="limit, nothing cannot be tuned") as caught:
        space(Example, ["limit", "nothing"])
    assert caught.value.field == "only"


def test_a_setting_from_zero_is_sought_by_its_logarithm() -> None:
    shrink = Dimension("shrink", "float", 0, 1000, "log1p")
    assert shrink.sought(math.e - 1) == pytest.approx(1)
    assert shrink.value(0.0) == 0
    assert shrink.value(shrink.sought(7.5)) == pytest.approx(7.5)
    assert shrink.value(shrink.sought(1e9)) == 1000


def test_settings_of_other_data_are_moved_into_the_range() -> None:
    assert Dimension("width", "int", 4, 1024, "doubling", unit=64).sought(9999) == 4
    assert Dimension("kind", "str", choices=("a", "b")).sought("c") == "a"


def test_every_registered_algorithm_can_be_searched_within_its_declarations() -> None:
    for name in registry.ALGORITHMS:
        config = registry.config_class(name)
        try:
            dimensions = space(config)
        except BadInput:
            continue
        for seed in range(3):
            found = Search(dimensions, seed).propose()
            config.from_mapping({each.name: each.value(found[each.name]) for each in dimensions})


def test_meta_features_by_hand() -> None:
    """Two people, four items, three interactions: item 0 twice, item 1 once."""
    found = meta_features(dataset([[0, 1], [0]], 4))
    assert found["people"] == pytest.approx(math.log(2))
    assert found["density"] == pytest.approx(math.log(3 / 8))
    assert found["history"] == pytest.approx(math.log(1.5))
    assert found["gini"] == pytest.approx((2 * (3 * 1 + 4 * 2) / (4 * 3)) - 5 / 4)


def test_data_ten_times_as_large_are_as_far_as_the_logarithms_say() -> None:
    small = {"people": 0.0, "interactions": 0.0, "gini": 0.5}
    large = {"people": math.log(10), "interactions": math.log(10), "gini": 0.7}
    assert distance(small, large) == pytest.approx(math.sqrt(2 * math.log(10) ** 2 + 1))
    assert distance(small, small) == 0


UNIT = [Dimension("x", "float", 0.0, 0.99)]


def climb(search: Search, trials: int) -> list[float]:
    """Maximise −(x − .3)²."""
    proposed = []
    for _ in range(trials):
        x = search.propose()["x"]
        search.tell(DONE, -((x - 0.3) ** 2))
        proposed.append(x)
    return proposed


def test_a_search_comes_nearer_and_given_values_are_tried_as_they_are() -> None:
    search = Search(UNIT, 0)
    assert search.propose({"x": 0.9}) == {"x": 0.9}
    search.tell(DONE, -0.36)
    proposed = climb(search, 25)
    assert min(abs(x - 0.3) for x in proposed) < 0.05
    assert abs(sum(proposed[-5:]) / 5 - 0.3) < 0.2


def test_a_search_taken_up_from_what_is_known_proposes_what_it_would_have() -> None:
    whole = climb(Search(UNIT, 3), 9)
    known = [Known({"x": x}, DONE, -((x - 0.3) ** 2)) for x in whole[:6]]
    assert climb(Search(UNIT, 3, known), 3) == whole[6:]


def test_what_falls_behind_is_ended_once_five_are_done() -> None:
    done = [Known({"x": 0.1 * at}, DONE, 1.0, (0.5, 0.8, 1.0)) for at in range(5)]
    search = Search(UNIT, 0, [*done, Known({"x": 0.5}, FAILED), Known({"x": 0.6}, PRUNED, None, (0.1,))])
    search.propose()
    assert [search.behind(0.9, 1), search.behind(0.2, 2)] == [False, True]
    search.tell(PRUNED, None)
    early = Search(UNIT, 0, done[:2])
    early.propose()
    assert not early.behind(0.0, 2)


def test_the_setting_that_decides_is_the_important_one() -> None:
    two = [*UNIT, Dimension("y", "float", 0.0, 0.99)]
    search = Search(two, 0)
    assert search.importance() == {}
    for _ in range(12):
        found = search.propose()
        search.tell(DONE, found["x"])
    shares = search.importance()
    assert next(iter(shares)) == "x"
    assert sum(shares.values()) == pytest.approx(1)
