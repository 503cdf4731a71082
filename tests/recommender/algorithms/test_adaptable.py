"""What every recommender that adapts without being trained again must keep."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from recommender.algorithms import registry
from recommender.algorithms.base import Adaptable, RatingPredictor, Recommender
from recommender.data.dataset import Dataset, Histories
from tests.recommender.algorithms.test_conformance import LONGER, fitted
from tests.recommender.builders import blocks, histories

NAMES = [name for name in registry.ALGORITHMS if issubclass(registry.get(name), Adaptable)]
adaptable = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    return {name: fitted(name, blocks()) for name in NAMES}


def rated(people: list[list[int]], values: list[list[float]]) -> Histories:
    given = np.array([value for row in values for value in row], dtype=np.float32)
    return replace(histories(people), values=given)


SUPPORT = rated([[0, 1, 2], [], [13, 14]], [[5, 1, 3], [], [2, 2]])


def predicted(model: Any, support: Histories, adapted: Any = None) -> Any:
    rows, items = np.repeat(np.arange(len(support)), 24), np.tile(np.arange(24), len(support))
    if not isinstance(model, RatingPredictor):
        return np.zeros(len(rows))
    return model.predict(support, rows, items, adapted=adapted)


def test_the_registry_knows_who_adapts() -> None:
    assert set(NAMES) == registry.ADAPTABLE


@adaptable
def test_adapted_arrays_have_a_row_per_person(name: str, trained: dict[str, Any]) -> None:
    adapted = trained[name].adapt(SUPPORT)
    assert adapted
    for array in adapted.values():
        assert len(array) == 3
        assert array.dtype.kind in "fiub"  # numbers, so that they are stored without pickle
    assert all(len(array) == 0 for array in trained[name].adapt(SUPPORT.select(np.array([], dtype=np.int64))).values())


@adaptable
def test_scoring_the_adapted_equals_adapting_first(name: str, trained: dict[str, Any]) -> None:
    model = trained[name]
    adapted, unread = model.adapt(SUPPORT), replace(histories([[], [], []]), fields=SUPPORT.fields)
    np.testing.assert_allclose(model.score(unread, adapted=adapted), model.score(SUPPORT), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(predicted(model, unread, adapted), predicted(model, SUPPORT), rtol=1e-4, atol=1e-4)


@adaptable
def test_adapting_is_a_copy(name: str, trained: dict[str, Any]) -> None:
    model = trained[name]
    before = {key: array.copy() for key, array in model.state().items()}
    first = model.adapt(SUPPORT)
    for array in first.values():
        array[...] = 0
    again = model.adapt(SUPPORT)
    assert any(array.any() for array in again.values())
    assert all(np.array_equal(model.state()[key], array) for key, array in before.items())


@adaptable
def test_adapting_is_deterministic_and_the_same_alone(name: str, trained: dict[str, Any]) -> None:
    model = trained[name]
    first, again = model.adapt(SUPPORT), model.adapt(SUPPORT)
    for key in first:
        np.testing.assert_array_equal(first[key], again[key])
    for row in range(3):
        alone = model.adapt(SUPPORT.select(np.array([row])))
        for key in first:
            np.testing.assert_allclose(alone[key][0], first[key][row], rtol=1e-3, atol=1e-4)


@adaptable
def test_the_order_of_the_support_counts_only_where_that_is_said(name: str, trained: dict[str, Any]) -> None:
    if getattr(registry.get(name), "ordered", False):
        return
    model = trained[name]
    turned = rated([[2, 0, 1], [], [14, 13]], [[3, 5, 1], [], [2, 2]])
    np.testing.assert_allclose(model.score(turned), model.score(SUPPORT), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(predicted(model, turned), predicted(model, SUPPORT), rtol=1e-3, atol=1e-3)


@adaptable
def test_of_an_empty_support_everyone_gets_the_prior(name: str, trained: dict[str, Any]) -> None:
    model, nobody = trained[name], histories([[], []])
    scores = model.score(nobody, adapted=model.adapt(nobody))
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_allclose(scores[0], model.score(SUPPORT)[1], rtol=1e-4, atol=1e-5)
    assert not np.allclose(scores[0], model.score(SUPPORT)[0])


@adaptable
def test_every_support_has_a_defined_answer(name: str, trained: dict[str, Any]) -> None:
    """One rating, the same one contradicted, off the scale, repeated a thousand times, everything there is."""
    model = trained[name]
    people = [[3], [3, 3], [3], [3] * 1000, list(range(24))]
    values = [[4.0], [1.0, 4.0], [1e6], [4.0] * 1000, [5.0] * 24]
    given = rated(people, values)
    scores, ratings = model.score(given), predicted(model, given)
    assert np.isfinite(scores).all()
    assert np.isfinite(ratings).all()
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-4, atol=1e-5)  # the last word counts
    np.testing.assert_allclose(scores[3], scores[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scores[2], model.score(rated([[3]], [[5.0]]))[0], rtol=1e-4, atol=1e-5)


@adaptable
def test_an_attribute_value_never_seen_changes_nothing(name: str, trained: dict[str, Any]) -> None:
    strange = replace(SUPPORT, fields={"gender": np.array(["?", None, 7], dtype=object)})
    np.testing.assert_allclose(trained[name].score(strange), trained[name].score(SUPPORT), rtol=1e-4, atol=1e-5)


@adaptable
def test_more_support_does_not_hurt_on_average(name: str) -> None:
    if "ranking" not in registry.abilities(name):
        return
    model = fitted(name, blocks(n_people=200), settings=LONGER.get(name, {}))
    found = [_own_half(model, blocks(n_people=100, seed=9), shots) for shots in (0, 1, 3, 6)]
    assert found[-1] > found[0] + 0.2
    assert all(more >= less - 0.05 for less, more in pairwise(found))


def _own_half(model: Recommender, data: Dataset, shots: int) -> float:
    """Mean share of the five best that lie in the person's own half of the items."""
    place = np.arange(len(data.histories.items)) - np.repeat(data.histories.indptr[:-1], data.histories.lengths)
    best = np.argsort(-model.score(data.histories.keep(place < shots)), axis=1)[:, :5]
    return float(((best >= 12) == (np.arange(len(best)) % 2 == 1)[:, None]).mean())
