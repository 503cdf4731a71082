"""What the benchmark of texts counts as alike, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recsite.benchmarks import text
from recsite.benchmarks.text import Described, everything, judged, likeness


def test_two_items_are_alike_by_the_genres_both_have_of_all_that_either_has():
    found = likeness([frozenset("ab"), frozenset("b"), frozenset("bcd")])
    assert found[0, 1] == pytest.approx(1 / 2)
    assert found[0, 2] == pytest.approx(1 / 4)


def test_the_nearest_of_the_same_collection_are_judged(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(text, "NEAREST", 1)
    genres = [frozenset("a"), frozenset("a"), frozenset("b"), frozenset("b")]
    described = [Described("films", "", each) for each in genres] + [Described("books", "", frozenset("a"))]
    angles = np.array([0.0, 0.1, 0.3, 1.0, 0.0])  # the nearest of the third is the second, which is of another kind
    found = judged("films", described, np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    assert found["precision@10"] == pytest.approx(3 / 4)
    assert found["random"] == pytest.approx(4 / 12, abs=1e-4)
    assert found["items"] == 4


def test_everything_is_the_mean_by_numbers_of_items():
    films = {"items": 1, "precision@10": 0.5, "random": 0.25, "any genre@10": 1.0, "any genre, random": 0.5}
    books = {"items": 3, "precision@10": 0.1, "random": 0.05, "any genre@10": 0.6, "any genre, random": 0.5}
    found = everything([films, books])
    assert (found["items"], found["precision@10"], found["random"], found["ratio"]) == (4, 0.2, 0.1, 2.0)
