"""Classes of items that a remedy looks at, from what a dataset says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Dataset, Float, Int
from recommender.exceptions import NotTrainable
from recommender.reranking.base import Known, Values

CATEGORIES, CREATORS, POPULARITY = "categories", "creators", "popularity"
MOST = 100
"""Classes at most, the largest; an item of none of them is of no class."""
HEAD = 0.2
"""The most popular fifth of items is the head, the rest the tail (as in CP-Fair and xQuAD for the long tail)."""
HEAD_AND_TAIL = ("head", "tail")


def known(data: Dataset, by: str) -> Known:
    """What a remedy may look at, items classed by `categories`, `creators`, `popularity` or a column of
    `Dataset.item_fields`. Raises NotTrainable where no item has any such class."""
    shares = _shares(data)
    offered = np.ones(data.n_items, dtype=np.bool_)
    if by == POPULARITY:
        return Known(head_and_tail(shares), HEAD_AND_TAIL, shares, offered)
    if by not in data.item_fields:
        there = ", ".join([POPULARITY, *map(str, data.item_fields.columns)])
        raise NotTrainable(f"Items cannot be classed by “{by}”: the catalog knows {there}.")
    members, names = _of_values(data.item_fields[by].tolist())
    if not names:
        raise NotTrainable(f"Items cannot be classed by “{by}”: no item has a value there.")
    return Known(members, names, shares, offered)


def tail(shares: Values) -> NDArray[np.bool_]:
    """(n_items,) whether an item is not among the most popular fifth; equal ones rank the lower position first."""
    found = np.ones(len(shares), dtype=np.bool_)
    found[np.argsort(-shares, kind="stable")[: round(HEAD * len(shares))]] = False
    return found


def head_and_tail(shares: Values) -> Float:
    """(n_items, 2) members of both."""
    behind = tail(shares)
    return np.stack([~behind, behind], axis=1).astype(np.float32)


def _shares(data: Dataset) -> Values:
    met = data.histories
    pairs = np.unique(met.rows * data.n_items + met.items) % max(1, data.n_items)
    return np.bincount(pairs, minlength=data.n_items) / max(1, len(met))


def _of_values(values: list[Any]) -> tuple[Float, tuple[str, ...]]:
    """(n_items, n_classes) and names, the largest MOST, in the order of their names."""
    named = [_names(value) for value in values]
    found, counts = np.unique([name for each in named for name in each], return_counts=True)
    kept = found[np.sort(np.argsort(-counts, kind="stable")[:MOST])].tolist() if len(found) else []
    at = {name: place for place, name in enumerate(kept)}
    members = np.zeros((len(values), len(kept)), dtype=np.float32)
    rows: Int = np.repeat(np.arange(len(named)), [len(each) for each in named])
    columns = np.array([at.get(name, -1) for each in named for name in each], dtype=np.int64)
    members[rows[columns >= 0], columns[columns >= 0]] = 1.0
    return members, tuple(kept)


def _names(value: Any) -> list[str]:
    if isinstance(value, (list, tuple, set, np.ndarray)):
        return [str(each) for each in value]
    return [] if value is None or value != value or value == "" else [str(value)]
