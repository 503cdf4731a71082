"""Whether an attribution holds still where it should and moves where it should: under a small change of the history,
under another seed, and with a recommender whose weights mean nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from explain.attribution.base import Attribution, rank_agreement
from explain.attribution.game import Game
from recommender.algorithms import registry
from recommender.algorithms.base import Recommender

Explain = Callable[[Game], Attribution]


def max_sensitivity(explain: Explain, game: Game, found: Attribution, smaller: list[Game]) -> float:
    """max over slightly changed games of ‖φ' − φ‖ / ‖φ‖, on the units they share (Yeh et al., NeurIPS 2019).

    The paper moves the input by a small radius, which only embeddings know. Here the small change is one old
    interaction that was never had (`without_one`), which every recommender can be asked about.
    """
    places = {(unit.kind, unit.key): at for at, unit in enumerate(found.units)}
    moved = [float("nan")]
    for changed in smaller:
        again = explain(changed)
        keys = [(unit.kind, unit.key) for unit in again.units]
        there = np.array([key in places for key in keys], dtype=np.bool_)
        before = found.values[[places[key] for key in keys if key in places]]
        size = float(np.linalg.norm(before))
        if size:
            moved.append(float(np.linalg.norm(again.values[there] - before)) / size)
    return float(np.fmax.reduce(moved))


def without_one(game: Game, draws: int, rng: np.random.Generator) -> list[Game]:
    """The game of the same person who never met one item of the older half of the history; up to `draws` of them."""
    met = game.histories.items
    newest_first = list(dict.fromkeys(met[::-1].tolist()))
    old = newest_first[(len(newest_first) + 1) // 2 :]
    chosen = rng.permutation(old)[:draws].tolist()
    return [replace(game, histories=game.histories.keep(met != item)) for item in chosen]


def randomised(model: Recommender, rng: np.random.Generator) -> Recommender:
    """The same recommender with every array of learned numbers shuffled: sizes and distributions stay, what was
    learned goes (Adebayo et al., NeurIPS 2018, all layers at once). Whole numbers (positions, structure) stay."""
    state = {name: _shuffled(np.asarray(array), rng) for name, array in model.state().items()}
    return registry.create(model.name, model.config).load_state(state)


def _shuffled(array: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    if not np.issubdtype(array.dtype, np.floating) or array.size < 2:
        return array
    return cast(NDArray[Any], rng.permutation(array.reshape(-1)).reshape(array.shape))


def agreement_with(explain: Explain, game: Game, found: Attribution, other: Recommender) -> float:
    """Rank correlation of the attribution with that of the same question to `other`; nan where either is constant."""
    return rank_agreement(found.values, explain(replace(game, model=other)).values)
