"""What would have to be different for an item not to be recommended: the fewest items of the history whose removal
takes it out of the first k, or the fewest fields to change. Every answer was proven by ranking again.

The search tries every single removal, then pairs, triples and larger sets in the order of a guess (see `moves`), which
starts from what single removals do to the scores, as PRINCE (Ghazimatin et al., WSDM 2020) and ACCENT (Tran et al.,
SIGIR 2021) start from influences; unlike them it asks the recommender itself after each.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.attribution.base import named
from explain.attribution.game import ATTRIBUTE, CONTEXT_FIELD, ITEM, OLDER, Game
from explain.attribution.moves import Goal, Moves, Search
from explain.exceptions import CannotExplain
from recommender.data.dataset import CONTEXT, Float

REMOVAL, FIELDS, ENTRY = "removal", "fields", "entry"
"""Items of the history taken away, fields changed, items added or taken away so that one comes in."""
BUDGET = 2000
"""Sets that are tried beyond the single ones where nobody says otherwise."""
MOST = 5


@dataclass(frozen=True)
class Change:
    """A field by its name in `Histories.fields`: what it is, and what it would have to be (None: not known)."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Counterfactual:
    """What was found, or that nothing was.

    `removed`: places among the game's units; `added`: positions of items; `changes` of fields. `entering` and
    `leaving`: positions of the items that thereby come into the first `k`, the best first, and that drop out.
    `exhausted`: up to which size every set was tried; `tried`: how often the recommender ranked again. Where nothing
    was found within `most`, `rank_after` is the farthest that the item was moved.
    """

    kind: str
    k: int
    most: int
    found: bool
    rank_before: float
    rank_after: float
    tried: int
    exhausted: int
    seconds: float
    removed: tuple[int, ...] = ()
    added: tuple[int, ...] = ()
    changes: tuple[Change, ...] = ()
    entering: tuple[int, ...] = ()
    leaving: tuple[int, ...] = ()
    stopped: bool = False
    """Whether the search ended because its time was over."""
    folded: bool = False
    """Whether some of the history is one unit together, of which no item was tried alone."""

    @property
    def stopped_text(self) -> str:
        """That in a sentence, which follows another; "" where it was not."""
        return f" The search stopped after {self.seconds:.0f} s; not all sets were tried." if self.stopped else ""

    @property
    def size(self) -> int:
        return len(self.removed) + len(self.added) + len(self.changes)

    @property
    def proven_minimal(self) -> bool:
        """Whether all smaller sets were tried and did not do it; nothing is smaller than a single one."""
        return self.found and (self.size == 1 or (self.exhausted >= self.size - 1 and not self.folded))


def removal(
    game: Game,
    *,
    k: int,
    most: int = MOST,
    order: NDArray[np.float64] | None = None,
    budget: int = BUDGET,
    seconds: float | None = None,
) -> Counterfactual:
    """The fewest items of the history whose removal takes the target's item out of the first `k`.

    `order` (n_units,): an attribution, whose highest values are tried together first; `seconds`: after so long the
    search ends with what it has. Raises CannotExplain where the item is not among the first k to begin with.
    """
    places = named(game.units, ITEM)

    def ask(sets: Sequence[Moves]) -> Float:
        kept = np.ones((len(sets), len(game.units)), dtype=np.bool_)
        for row, moves in enumerate(sets):
            kept[row, places[list(moves)]] = False
        return game.ranking(kept)

    hints = _prefixes(order[places], most) if order is not None else ()
    search = Search(ask, Goal(game.target.item, k, out=True), len(places), most, budget, hints=hints, seconds=seconds)
    found, answer = searched(search, REMOVAL)
    removed = tuple(places[list(found)].tolist()) if found else ()
    return replace(answer, removed=removed, folded=folds(game))


def folds(game: Game) -> bool:
    """Whether some of the history is one unit together."""
    return len(named(game.units, OLDER)) > 0


def fields(
    game: Game,
    *,
    k: int,
    alternatives: Mapping[str, Sequence[Any]] | None = None,
    most: int = MOST,
    budget: int = BUDGET,
    seconds: float | None = None,
) -> Counterfactual:
    """The fewest fields that, not known or of another value, take the target's item out of the first `k`. What the
    recommender reads of this person may be not known; `alternatives`: by name, as in `Histories.fields`, values that a
    field may have instead. Raises CannotExplain where nothing can be changed, or the item
    is not among the first k.
    """
    changes = _possible(game, alternatives or {})
    if not changes:
        raise CannotExplain("Nothing that this recommender reads of the person's fields can be changed.")
    names = list(dict.fromkeys(change.name for change in changes))

    def ask(sets: Sequence[Moves]) -> Float:
        return _changed(game, [[changes[move] for move in moves] for moves in sets])

    apart = np.array([names.index(change.name) for change in changes], dtype=np.int64)
    goal, most = Goal(game.target.item, k, out=True), min(most, len(names))
    search = Search(ask, goal, len(changes), most, budget, apart=apart, seconds=seconds)
    found, answer = searched(search, FIELDS)
    return replace(answer, changes=tuple(changes[move] for move in found)) if found else answer


def searched(search: Search, kind: str) -> tuple[Moves, Counterfactual]:
    """The moves that were found (none where none were) and the answer, of which only they are missing."""
    started, goal = time.perf_counter(), search.goal
    before = search.begin()
    rank = search.ranks[()]
    _require(rank, goal)
    found = search.run()
    after = search.ask([found])[0] if found else before
    ranks = np.array(list(search.ranks.values()))
    farthest = float(ranks.max() if goal.out else ranks.min())
    first, then = (_first(scores, goal.k) for scores in (before, after))
    return found or (), Counterfactual(
        kind, goal.k, search.most, found is not None, rank, search.ranks[found] if found else farthest,
        search.evaluations(), search.exhausted, time.perf_counter() - started,
        entering=tuple(item for item in then if item not in first),
        leaving=tuple(item for item in first if item not in then),
        stopped=search.stopped,
    )  # fmt: skip


def _require(rank: float, goal: Goal) -> None:
    if math.isinf(rank):
        raise CannotExplain("This item is not shown to this person: it was met already, or is hidden.", field="item")
    if goal.out and rank > goal.k:
        raise CannotExplain(f"The item is not among the first {goal.k}; its rank is {rank:.0f}.", field="item")
    if not goal.out and rank <= goal.k:
        raise CannotExplain(f"The item is among the first {goal.k} as it is: rank {rank:.0f}.", field="item")


def _first(scores: Float, k: int) -> list[int]:
    order = np.argsort(-scores, kind="stable")[:k]
    return [int(item) for item in order if not np.isneginf(scores[item])]


def _prefixes(values: NDArray[np.float64], most: int) -> list[Moves]:
    """The one, two, … places of the highest values."""
    best = np.argsort(-values, kind="stable").tolist()
    return [tuple(sorted(best[:size])) for size in range(1, min(most, len(best)) + 1)]


def _possible(game: Game, alternatives: Mapping[str, Sequence[Any]]) -> list[Change]:
    found = []
    for unit in game.units:
        if unit.kind in (ATTRIBUTE, CONTEXT_FIELD):
            name = f"{CONTEXT}{unit.key}" if unit.kind == CONTEXT_FIELD else str(unit.key)
            found.append(Change(name, unit.value, None))
    now = {change.name: change.before for change in found}
    read = getattr(game.model, "reads_fields", False)
    for name, values in alternatives.items():
        if read and game.with_fields:
            found += [Change(name, now.get(name), value) for value in values if value not in (None, now.get(name))]
    return found


def _changed(game: Game, sets: Sequence[Sequence[Change]]) -> Float:
    """(n, n_items) scores with each of these sets of fields changed."""
    many = game.histories.select(np.zeros(len(sets), dtype=np.int64))
    columns: dict[str, NDArray[Any]] = dict(many.fields)
    for row, changes in enumerate(sets):
        for change in changes:
            blank = np.full(len(sets), None, dtype=object)
            column = np.array(columns.get(change.name, blank), dtype=object)
            column[row] = change.after
            columns[change.name] = column
    scores = np.array(game.model.score(replace(many, fields=columns)), dtype=np.float32)
    scores[:, np.concatenate([game.histories.items, game.hidden]).astype(np.int64)] = -np.inf
    return scores
