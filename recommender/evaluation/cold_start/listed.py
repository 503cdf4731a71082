"""The floors of lists, with settings that validation chooses: a small grid each, by NDCG@10."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recommender.algorithms import registry
from recommender.algorithms.base import Recommender, ndcg
from recommender.data.dataset import Dataset, Holdout

GRIDS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "popularity": {},
    "content": {"half_life": (3.0, 0.0)},
    "item_knn": {"neighbours": (50, 500), "shrink": (0.0, 100.0), "half_life": (5.0, 0.0)},
}
"""By name, the simplest first: what is tried of each setting, the usual first, kept where figures are equal."""
READ_WHEN_ASKED = "half_life"
"""The setting that training does not read, so that one training serves all its values."""
Values = Mapping[str, Any]
Checked = Callable[[], None]


def chosen(name: str, train: Dataset, asked: Holdout, seed: int, check: Checked) -> Values | None:
    """The values of the grid with the highest NDCG@10 of `asked`, learned from `train`; None where there is nothing to
    choose. `check` is called before each training and may raise. Raises NotTrainable."""
    grid = GRIDS[name]
    if not grid:
        return None
    best: tuple[float, Values] | None = None
    for learned in _combined({key: values for key, values in grid.items() if key != READ_WHEN_ASKED}):
        check()
        model = made(name, learned, train, seed)
        for read in _combined({READ_WHEN_ASKED: grid[READ_WHEN_ASKED]}):
            model.config = replace(model.config, **read)
            found = ndcg(model, asked)
            if best is None or found > best[0] + 1e-12:
                best = (found, {**learned, **read})
    return best[1] if best else None


def usual(name: str) -> Values | None:
    """The declared defaults of what the grid varies."""
    return {key: values[0] for key, values in GRIDS[name].items()} or None


def made(name: str, values: Values | None, train: Dataset, seed: int) -> Recommender:
    model = registry.create(name, registry.config_class(name).from_mapping(dict(values or {})))
    return model.fit(train, rng=np.random.default_rng(seed), report=lambda *_: None)


def _combined(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
