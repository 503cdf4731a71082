"""What would bring an item in: the fewest items that would have to be added to the history, or taken from it, for it to
come among the first k. Proven by ranking again, as `counterfactual`'s other answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from explain.attribution.base import named
from explain.attribution.counterfactual import BUDGET, ENTRY, MOST, Counterfactual, folds, searched
from explain.attribution.game import ITEM, Game
from explain.attribution.moves import Goal, Moves, Search
from explain.exceptions import CannotExplain
from recommender.data.dataset import Float, Histories, Int

SHORTLIST = 60
"""Candidates that are tried: of more, those that a person would be shown who had met nothing but the item."""


def entry(
    game: Game,
    *,
    k: int,
    candidates: Int | None = None,
    value: float | None = None,
    take_away: bool = True,
    most: int = MOST,
    budget: int = BUDGET,
    seconds: float | None = None,
) -> Counterfactual:
    """The fewest items to add (of `candidates`, positions; all there are unless given) or to take from the history
    (where `take_away`) that bring the target's item among the first `k`.

    An added item counts as met last, with `value` (the highest of the history unless given), and is then not shown
    itself, so that adding one that stands before the item moves it up too. After `seconds` the search ends with what
    it has. Raises CannotExplain where the item is
    among the first k as it is, or is not shown at all.
    """
    places = named(game.units, ITEM) if take_away else np.empty(0, dtype=np.int64)
    liked = float(max(game.histories.values, default=1.0)) if value is None else value
    adds = _shortlisted(game, candidates, liked)

    ask = partial(_after, game, adds, places, liked)
    moves = len(adds) + len(places)
    search = Search(ask, Goal(game.target.item, k, out=False), moves, most, budget, seconds=seconds)
    found, answer = searched(search, ENTRY)
    return replace(
        answer,
        folded=take_away and folds(game),
        added=tuple(int(adds[move]) for move in found if move < len(adds)),
        removed=tuple(int(places[move - len(adds)]) for move in found if move >= len(adds)),
    )


def _after(game: Game, adds: Int, places: Int, value: float, sets: Sequence[Moves]) -> Float:
    """Scores after each set of moves: to add `adds[move]`, or beyond them to take the unit at a place away."""
    kept = np.ones((len(sets), len(game.units)), dtype=np.bool_)
    added = [[int(adds[move]) for move in moves if move < len(adds)] for moves in sets]
    for row, moves in enumerate(sets):
        kept[row, [places[move - len(adds)] for move in moves if move >= len(adds)]] = False
    return _ranking(game, kept, added, value)


def _shortlisted(game: Game, candidates: Int | None, value: float) -> Int:
    """At most SHORTLIST items that may be added, in the order of how near to the target's item they seem."""
    item = np.array([game.target.item])
    barred = np.concatenate([game.histories.items, game.hidden, item]).astype(np.int64)
    nothing = game.histories.keep(np.zeros(len(game.histories.items), dtype=np.bool_))
    alone = with_added(nothing, [item.tolist()], value, last_of=game.histories)
    scores = np.array(game.model.score(alone), dtype=np.float32)[0]
    wanted = np.arange(len(scores)) if candidates is None else np.unique(np.asarray(candidates, dtype=np.int64))
    if len(wanted) and not (wanted[0] >= 0 and wanted[-1] < len(scores)):
        raise CannotExplain("A candidate is not in the catalog.", field="candidates")
    wanted = wanted[~np.isin(wanted, barred)]
    order = np.argsort(-scores[wanted], kind="stable")
    return cast(Int, wanted[order][:SHORTLIST].astype(np.int64))


def _ranking(game: Game, kept: NDArray[np.bool_], added: list[list[int]], value: float) -> Float:
    """(n, n_items) scores of the coalitions `kept` with items `added` to each, −inf where an item is not shown."""
    many = with_added(game.coalitions(kept), added, value, last_of=game.histories)
    scores = np.array(game.model.score(many), dtype=np.float32)
    scores[:, np.concatenate([game.histories.items, game.hidden]).astype(np.int64)] = -np.inf
    for row, items in enumerate(added):
        scores[row, items] = -np.inf
    return scores


def with_added(
    histories: Histories, added: list[list[int]], value: float, *, last_of: Histories | None = None
) -> Histories:
    """Each row with the items `added` to it, met last: a second apart, after the last interaction of `last_of` (unless
    given, of `histories`) and of its kind (of none, the first kind there is), with `value`; of their contexts nothing
    is known."""
    like = histories if last_of is None else last_of
    rows = np.repeat(np.arange(len(added), dtype=np.int64), [len(items) for items in added])
    turn = np.concatenate([np.arange(1, len(items) + 1) for items in added]) if added else np.empty(0)
    last = float(like.times.max()) if len(like.times) else (like.now or 0.0)
    new: dict[str, NDArray[Any]] = {
        "items": np.array([item for items in added for item in items], dtype=np.int64),
        "values": np.full(len(rows), value, dtype=np.float32),
        "times": last + turn.astype(np.float64),
        "kinds": np.full(len(rows), like.kinds[-1] if len(like.kinds) else 0, dtype=np.int16),
    }
    order = np.argsort(np.concatenate([histories.rows, rows]), kind="stable")
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(histories, name), part])[order] for name, part in new.items()
    }
    nothing = np.full(len(rows), None, dtype=object)
    contexts = {name: np.concatenate([column, nothing])[order] for name, column in histories.contexts.items()}
    counts = histories.lengths + np.bincount(rows, minlength=len(histories))
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return replace(histories, indptr=indptr, contexts=contexts, **joined)
