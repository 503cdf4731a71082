"""Recommenders that read the moment of asking, and the ridge head that adapts to a context hardly seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recommender.algorithms import registry
from recommender.algorithms.ridge_head import RidgeHead
from recommender.algorithms.ridge_network import RidgeHeadConfig
from recommender.data.dataset import Dataset, Histories
from tests.recommender.builders import dataset, histories


def two_places() -> Dataset:
    """At home items 0 to 5 are met, at work 6 to 11, by the same people."""
    rng = np.random.default_rng(0)
    people = [[*rng.choice(6, 3, replace=False), *(6 + rng.choice(6, 3, replace=False))] for _ in range(40)]
    made = dataset(people, 14)
    place = np.array(["home"] * 3 + ["work"] * 3, dtype=object)
    return made.with_histories(replace(made.histories, contexts={"place": np.tile(place, 40)}))


def asked(*places: str | None) -> Histories:
    return replace(histories([[] for _ in places]), fields={"context.place": np.array(places, dtype=object)})


def fitted(name: str, **config: Any) -> Any:
    made = registry.create(name, registry.config_class(name).from_mapping(config))
    return made.fit(two_places(), rng=np.random.default_rng(0), report=lambda *_: None)


@pytest.fixture(scope="module")
def head() -> RidgeHead:
    settings = RidgeHeadConfig(epochs=4, learning_rate=0.05, factors=4, width=8, features=4, batch=8, dropout=0.0)
    return RidgeHead(settings).fit(two_places(), rng=np.random.default_rng(0), report=lambda *_: None)


def test_the_place_decides(head: RidgeHead) -> None:
    home, work = head.score(asked("home", "work"))
    assert home[:6].mean() - home[6:12].mean() > 0.5
    assert work[6:12].mean() - work[:6].mean() > 0.5


def test_a_place_never_seen_is_none(head: RidgeHead) -> None:
    unknown, none = head.score(asked("moon", None))
    assert np.array_equal(unknown, none)
    np.testing.assert_allclose(none, head.score(histories([[]]))[0], atol=1e-5)


def test_a_new_place_is_learned_from_what_others_did_in_it(head: RidgeHead) -> None:
    others = replace(histories([[12], [12], [12, 0]]), contexts={"place": np.array(["moon"] * 4, dtype=object)})
    before = head.score(asked("moon", "home"))
    there = head.in_context(others)
    after = there.score(asked("moon", "home"))
    gain = after[0] - before[0]
    assert gain.argmax() == 12
    np.testing.assert_allclose(after[1], before[1], atol=1e-4)
    assert np.array_equal(head.score(asked("moon", "home")), before), "adapting is a copy"


def test_what_is_kept_knows_the_contexts(head: RidgeHead) -> None:
    again = RidgeHead(head.config).load_state(head.state())
    np.testing.assert_allclose(again.score(asked("home", "work")), head.score(asked("home", "work")), atol=1e-5)


@pytest.mark.parametrize("name", ["ncf", "fm", "ridge_head"])
def test_without_context_the_moment_changes_nothing(name: str) -> None:
    small = {"epochs": 1, "batch": 8} | ({"factors": 4} if name != "ridge_head" else {"factors": 2, "width": 4})
    found = fitted(name, use_context=False, **small).score(asked("home", "work"))
    assert np.array_equal(found[0], found[1])
    found = fitted(name, **small).score(asked("home", "work"))
    assert not np.array_equal(found[0], found[1])


def test_items_that_came_later_are_asked_about_in_a_context_too(head: RidgeHead) -> None:
    grown = RidgeHead(head.config).load_state(head.state()).extend(np.zeros((2, 384), dtype=np.float32))
    found = grown.score(asked("home", "work"))
    assert found.shape == (2, 16)
    assert np.isfinite(found).all()
