"""What every remedy keeps."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from recommender.data.dataset import Histories
from recommender.exceptions import BadInput
from recommender.reranking import chances, registry
from recommender.reranking.base import NONE, Candidates, Known, Remedy
from tests.recommender.builders import histories

every = pytest.mark.parametrize("name", list(registry.REMEDIES))
PEOPLE, ITEMS, POOL, K = 60, 30, 20, 8


def asked() -> tuple[Candidates, Histories, Known]:
    """Class 2 has no items; item 29 no class. The last people have few candidates, or none."""
    rng = np.random.default_rng(3)
    worth = rng.random((PEOPLE, ITEMS)) * np.linspace(2, 0.3, ITEMS)
    order = np.argsort(-worth, axis=1)[:, :POOL]
    scores = np.take_along_axis(worth, order, axis=1).astype(np.float32)
    for row, there in ((57, 5), (58, 1), (59, 0)):
        order[row, there:], scores[row, there:] = NONE, -np.inf
    members = np.zeros((ITEMS, 3), dtype=np.float32)
    members[:15, 0] = members[12:29, 1] = 1
    shares = np.linspace(0.9, 0.0, ITEMS)
    met = histories([rng.choice(ITEMS, rng.integers(0, 9), replace=False).tolist() for _ in range(PEOPLE)])
    candidates = chances.Chances((1.0, 0.0, 0.0), 1.0).given(Candidates(order, scores))
    return candidates, met, Known(members, ("a", "b", "c"), shares, np.ones(ITEMS, dtype=np.bool_))


def learned(name: str, strength: float) -> Remedy:
    candidates, met, known = asked()
    return registry.get(name)(strength, known, k=K).learn(candidates, met, groups())


def groups() -> np.ndarray:
    return np.arange(PEOPLE) % 3 - 1


@every
def test_strength_nought_leaves_lists_as_they_are(name: str) -> None:
    candidates, met, _ = asked()
    assert np.array_equal(learned(name, 0.0).lists(candidates, met, groups()), candidates.items[:, :K])


@every
def test_the_strongest_changes_lists(name: str) -> None:
    candidates, met, _ = asked()
    made = learned(name, registry.get(name).grid[-1])
    assert not np.array_equal(made.lists(candidates, met, groups()), candidates.items[:, :K])


@every
def test_lists_are_of_candidates_each_once_and_as_long_as_can_be(name: str) -> None:
    candidates, met, _ = asked()
    for strength in registry.get(name).grid[1::2]:
        found = learned(name, strength).lists(candidates, met, groups())
        assert found.shape == (PEOPLE, K)
        for row, items in zip(found, candidates.items, strict=True):
            shown = row[row != NONE]
            assert len(set(shown.tolist())) == len(shown) == min(K, (items != NONE).sum())
            assert set(shown.tolist()) <= set(items.tolist()) and (row[len(shown) :] == NONE).all()


@every
def test_one_person_alone_gets_the_list_of_company(name: str) -> None:
    candidates, met, _ = asked()
    made = learned(name, registry.get(name).grid[-2])
    together = made.lists(candidates, met, groups())
    for row in (0, 7, 57, 59):
        at = np.array([row])
        alone = made.lists(candidates.select(at), met.select(at), groups()[at])
        assert np.array_equal(alone[0], together[row])


@every
def test_what_was_learned_can_be_kept(name: str) -> None:
    candidates, met, known = asked()
    made = learned(name, registry.get(name).grid[-2])
    back = registry.get(name)(made.strength, known, k=K).load_state(made.state())  # type: ignore[attr-defined]
    assert np.array_equal(back.lists(candidates, met, groups()), made.lists(candidates, met, groups()))


@every
def test_fewer_candidates_than_places_and_nobody_at_all(name: str) -> None:
    candidates, met, known = asked()
    made = learned(name, registry.get(name).grid[-1])
    short = made.lists(candidates.first(3), met, groups())
    assert short.shape == (PEOPLE, K) and (short[:, 3:] == NONE).all()
    nobody = np.empty(0, dtype=np.int64)
    assert made.lists(candidates.select(nobody), met.select(nobody), nobody).shape == (0, K)
    fresh = registry.get(name)(0.5, known, k=K).learn(candidates.select(nobody), met.select(nobody), nobody)
    assert fresh.lists(candidates, met, groups()).shape == (PEOPLE, K)


@every
def test_it_says_what_it_does(name: str) -> None:
    made = registry.get(name)
    assert made.name == name and made.title and "trength" in made.about
    assert made.grid[0] == 0 and list(made.grid) == sorted(set(made.grid)) and len(made.grid) >= 5
    assert set(made.aims) <= {"exposure", "popularity", "calibration", "people"} and made.aims


def test_an_unknown_remedy_is_a_clear_error() -> None:
    with pytest.raises(BadInput, match="There is no remedy “prayer”"):
        registry.get("prayer")


def test_the_documentation_names_every_remedy_and_what_it_looks_at() -> None:
    page = (Path(__file__).parents[3] / "docs" / "algorithms.md").read_text().partition("## Recommenders with a")[2]
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ([\w, ]+) \|$", page, re.MULTILINE))
    assert list(rows) == list(registry.REMEDIES)
    assert all(("classes" in says) == registry.get(name).by_classes for name, says in rows.items())
