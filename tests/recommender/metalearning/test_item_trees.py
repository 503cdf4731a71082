"""Trees over what is said of items: kept as arrays they say what scikit-learn says, and see what acts together."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor

from recommender.metalearning.item_trees import LEAST, SHARE, TREES, USUAL, ItemTrees, held_out, shares


@pytest.fixture
def together() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An item is liked where exactly one of two parts is there, which no sum of the parts says."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (240, 2)).astype(np.float32) + rng.normal(0, 0.05, (240, 2)).astype(np.float32)
    y = ((x[:, 0] > 0.5) != (x[:, 1] > 0.5)).astype(np.float64)
    return x, y, rng.integers(1, 60, 240)


def test_arrays_say_what_the_library_says(together: tuple[np.ndarray, ...]) -> None:
    x, y, counts = together
    trees = ItemTrees.grown(x, y, counts, seed=3)
    peer = ExtraTreesRegressor(TREES, min_samples_leaf=LEAST, max_features=SHARE, random_state=3)
    order = np.argsort(-counts, kind="stable")
    peer.fit(x[order], y[order], sample_weight=counts[order] / (counts[order] + USUAL))
    asked = np.random.default_rng(1).normal(0.5, 1, (50, 2)).astype(np.float32)
    np.testing.assert_allclose(trees.of(asked), peer.predict(asked), rtol=1e-5)
    again = ItemTrees.unpacked(trees.packed())
    assert again is not None and (again.of(asked) == trees.of(asked)).all()
    assert ItemTrees.unpacked({}) is None


def test_parts_that_count_only_together_are_seen_by_trees_that_left_the_item_out(
    together: tuple[np.ndarray, ...],
) -> None:
    x, y, counts = together
    counts[:40] = 0
    y[:40] = 99.0  # never looked at
    found = held_out(x, y, counts, ItemTrees.grown(x, y, counts, 0), 0)
    liked = ((x[:, 0] > 0.5) != (x[:, 1] > 0.5)).astype(np.float64)
    linear = np.column_stack([x, np.ones(len(x))])
    summed = linear @ np.linalg.lstsq(linear[40:], y[40:], rcond=None)[0]
    assert ((found > 0.5) == (liked > 0.5)).mean() == 1.0
    assert np.abs(found - liked).mean() < 0.5 * np.abs(summed - liked).mean()


def test_shares_by_hand() -> None:
    """y = 2 a + 1: b, which goes against y, gets nothing rather than less."""
    a = np.array([0.0, 1.0, 2.0])
    found = shares(np.column_stack([a, -(a**3)]), 2 * a + 1, np.array([1, 1, 2]))
    np.testing.assert_allclose(found, [2.0, 0.0, 1.0], atol=1e-9)
