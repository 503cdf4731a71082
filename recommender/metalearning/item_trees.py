"""What content lets expect of an item where its parts act together: extremely randomised trees (Geurts, Ernst,
Wehenkel, Machine Learning 2006), kept as plain arrays.

A Gaussian process over fields adds up what each says. Trees also see that one says something only beside another (a
sequel is liked less, but not that of a good director). Grown by scikit-learn, asked without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from recommender.data.dataset import Float

TREES, LEAST, SHARE, FOLDS = 200, 3, 0.3, 5
"""Trees, items in a leaf at least, share of columns that a split chooses among, and folds for `held_out`."""
USUAL = 30.0
"""Ratings from which on an item weighs more than half as much as one known for certain."""
ENOUGH, MOST = 60, 20_000
"""Items with ratings below which trees say nothing; those met most that trees are grown from."""
BLOCK = 4096
"""Items that are asked about at once."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ItemTrees:
    """Nodes of all trees: `column` (nodes,) that is compared, −1 in a leaf; `threshold`; `value` of a leaf; `left`,
    `right` the nodes that follow where x ≤ threshold or not; `roots` (trees,)."""

    column: NDArray[np.int32]
    threshold: Values
    value: Float
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    roots: NDArray[np.int32]

    @classmethod
    def grown(cls, x: Float, y: Values, counts: NDArray[np.int64], seed: int) -> ItemTrees:
        """From the items x (n, d) of which `y` (n,) is the mean of `counts` ratings: MOST of those with any."""
        made: Any = import_module("sklearn.ensemble").ExtraTreesRegressor(
            TREES, min_samples_leaf=LEAST, max_features=SHARE, random_state=seed
        )
        met = np.argsort(-counts, kind="stable")[: min(MOST, int((counts > 0).sum()))]
        made.fit(x[met], y[met], sample_weight=counts[met] / (counts[met] + USUAL))
        trees: list[Any] = [each.tree_ for each in made.estimators_]
        roots = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
        left, right = (
            np.concatenate([getattr(tree, side) + root for tree, root in zip(trees, roots, strict=True)])
            for side in ("children_left", "children_right")
        )
        leaf = np.concatenate([tree.children_left < 0 for tree in trees])
        return cls(
            column=np.where(leaf, -1, np.concatenate([tree.feature for tree in trees])).astype(np.int32),
            threshold=np.concatenate([tree.threshold for tree in trees]),
            value=np.concatenate([tree.value[:, 0, 0] for tree in trees]).astype(np.float32),
            left=left.astype(np.int32),
            right=right.astype(np.int32),
            roots=roots.astype(np.int32),
        )

    def of(self, x: Float) -> Values:
        """(n,) the mean over trees of the leaf that each of the items x (n, d) comes to."""
        blocks = [self._of(x[start : start + BLOCK]) for start in range(0, len(x), BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    def _of(self, x: Float) -> Values:
        at = np.tile(self.roots, (len(x), 1))
        rows = np.arange(len(x))[:, None]
        while (inner := self.column[at] >= 0).any():
            below = x[rows, np.maximum(self.column[at], 0)] <= self.threshold[at]
            at = np.where(inner, np.where(below, self.left[at], self.right[at]), at)
        return cast(Values, self.value[at].mean(axis=1).astype(np.float64))

    def packed(self) -> dict[str, NDArray[Any]]:
        return {f"trees.{f.name}": getattr(self, f.name) for f in fields(self)}

    @classmethod
    def unpacked(cls, state: Mapping[str, NDArray[Any]]) -> ItemTrees | None:
        """None where none were grown."""
        names = [f.name for f in fields(cls)]
        return cls(*(state[f"trees.{name}"] for name in names)) if f"trees.{names[0]}" in state else None


def held_out(x: Float, y: Values, counts: NDArray[np.int64], whole: ItemTrees, seed: int) -> Values:
    """(n,) what is expected of each item by trees that have not seen it: of one without ratings what `whole` says."""
    found = whole.of(x)
    met = np.random.default_rng(seed).permutation(np.flatnonzero(counts > 0))
    for part in np.array_split(met, FOLDS):
        rest = counts.copy()
        rest[part] = 0
        found[part] = ItemTrees.grown(x, y, rest, seed).of(x[part])
    return found


def shares(said: Values, y: Values, counts: NDArray[np.int64]) -> Values:
    """(m + 1,) weights of the columns of `said` (n, m), none negative, and a constant, by which they come nearest to
    `y` (n,), each item weighing by its ratings: what is rated much is what will be asked about."""
    weight = counts / counts.sum()
    mean, centre = weight @ said, weight @ y
    root = np.sqrt(weight)
    found, _ = nnls((said - mean) * root[:, None], (y - centre) * root)
    return np.append(found, centre - mean @ found)
