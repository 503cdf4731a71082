"""Similar items by co-occurrence."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.data import cooccurrence
from recommender.data.cooccurrence import cosine_neighbours
from tests.recommender.builders import histories

PEOPLE = [[0, 1, 2], [0, 1], [0, 3], [1]]


def test_cosine_by_hand() -> None:
    found = cosine_neighbours(histories(PEOPLE), 5, k=10).toarray()
    # people of 0: 3, of 1: 3, of 2: 1, of 3: 1; 0 and 1 meet twice, 0 and 2, 0 and 3, 1 and 2 once
    expected = np.zeros((5, 5))
    expected[0, 1] = expected[1, 0] = 2 / 3
    expected[0, 2] = expected[2, 0] = expected[0, 3] = expected[3, 0] = expected[1, 2] = expected[2, 1] = 1 / 3**0.5
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_shrinkage_by_hand() -> None:
    assert cosine_neighbours(histories(PEOPLE), 5, k=10, shrink=1.0)[0, 1] == pytest.approx(2 / 4)


def test_the_nearest_are_kept_and_ties_go_to_the_lower_item() -> None:
    found = cosine_neighbours(histories(PEOPLE), 5, k=2)
    assert found[0].indices.tolist() == [1, 2]  # items 2 and 3 are equally near


def test_a_block_at_a_time_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cosine_neighbours(histories(PEOPLE), 5, k=3)
    monkeypatch.setattr(cooccurrence, "CELLS", 10)  # two items a block
    assert (cosine_neighbours(histories(PEOPLE), 5, k=3) != whole).nnz == 0


def test_an_empty_catalog_has_no_neighbours() -> None:
    assert cosine_neighbours(histories([]), 0, k=3).shape == (0, 0)
