"""A small decision tree that stands in for a recommender (global surrogate; Craven and Shavlik, NeurIPS 1996)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

from explain.attribution.fidelity import fidelity, held_out
from explain.attribution.stand_in_rows import Described

DEPTH, LEAVES, SMALLEST = 3, 8, 0.02
"""Questions one after another, ends, and the least share of rows at an end: what a person can read."""


def tree(rows: Described, *, seed: int = 0) -> dict[str, Any]:
    """{"fidelity", "refused", "nodes"}; nodes are empty where it is refused.

    A node: {"id", "parent" (None at the top), "yes" (whether it is the side where the parent's question is true),
    "feature", "kind" and "at" of its question `feature ≤ at` (None at an end), "mean" of the standardised scores,
    "share" and "rows" of what it learned from}.
    """
    apart = held_out(rows.people, seed=seed)
    if not rows.scores.size or apart.all() or not apart.any():
        return {"fidelity": None, "refused": "There are too few people to learn from and to measure on.", "nodes": []}
    table = rows.table.to_numpy(dtype=np.float64)
    learned = DecisionTreeRegressor(
        max_depth=DEPTH, max_leaf_nodes=LEAVES, min_samples_leaf=SMALLEST, random_state=seed
    ).fit(table[~apart], rows.scores[~apart])
    found = fidelity(learned.predict(table[apart]), rows.scores[apart], rows.people[apart])
    refused = found.refusal
    return {"fidelity": found.as_dict(), "refused": refused, "nodes": [] if refused else _nodes(learned.tree_, rows)}


def _nodes(inner: Any, rows: Described) -> list[dict[str, Any]]:
    names = list(map(str, rows.table.columns))
    parents: dict[int, tuple[int, bool]] = {}
    for node, (left, right) in enumerate(zip(inner.children_left, inner.children_right, strict=True)):
        if left >= 0:
            parents[int(left)], parents[int(right)] = (node, True), (node, False)
    whole = int(inner.n_node_samples[0])
    return [_node(inner, node, names, rows.kinds, parents, whole) for node in range(inner.node_count)]


def _node(
    inner: Any, node: int, names: list[str], kinds: dict[str, str], parents: dict[int, tuple[int, bool]], whole: int
) -> dict[str, Any]:
    end = inner.children_left[node] < 0
    name = None if end else names[int(inner.feature[node])]
    parent, yes = parents.get(node, (None, None))
    values: NDArray[np.float64] = inner.value[node].reshape(-1)
    return {
        "id": node, "parent": parent, "yes": yes, "feature": name, "kind": kinds[name] if name else None,
        "at": None if end else float(inner.threshold[node]), "mean": float(values[0]),
        "rows": int(inner.n_node_samples[node]), "share": float(inner.n_node_samples[node] / whole),
    }  # fmt: skip
