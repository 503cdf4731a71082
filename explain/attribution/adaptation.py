"""What adapting to a person changed: the recommender after it saw their interactions against its prior, which knows of
the same person no more than fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from explain.attribution import registry
from explain.attribution.base import Attribution
from explain.attribution.game import Game
from explain.exceptions import CannotExplain
from recommender.algorithms.base import Adaptable
from recommender.data.dataset import Float, Int

LISTED = 10
METHODS = ("support_weights", "shapley", "shapley_sampling")
"""What tells how much of the change is whose: the first of these that can."""


@dataclass(frozen=True)
class Moved:
    """An item's score and rank (1 = best) before and after."""

    item: int
    score_before: float
    score_after: float
    rank_before: int
    rank_after: int


@dataclass(frozen=True)
class Adaptation:
    """`target`: the explained item; `rises` and `falls`: those whose rank changed most, as a ratio (from 100 to 10 is
    as much as from 10 to 1); `agreement`: the share of the first LISTED items that are among them before and after;
    `parts`: how much of the change of the target each unit made."""

    target: Moved
    rises: tuple[Moved, ...]
    falls: tuple[Moved, ...]
    agreement: float
    parts: Attribution | None


def adapted_against_prior(game: Game, *, listed: int = LISTED, seed: int = 0) -> Adaptation:
    """Of any recommender that adapts. `parts` is None of someone of whom no interaction is known, whom nothing was
    adapted to. Raises CannotExplain where the recommender does not adapt, or the item is not shown."""
    if not isinstance(game.model, Adaptable):
        raise CannotExplain(f"{game.model.name} does not adapt to people, so there is no prior.", field="method")
    histories = game.histories
    nothing = histories.keep(np.zeros(len(histories.items), dtype=np.bool_))
    after, before = (
        game.model.score(histories, adapted=cast(Adaptable, game.model).adapt(each))[0] for each in (histories, nothing)
    )
    barred = np.unique(np.concatenate([histories.items, game.hidden])).astype(np.int64)
    return Adaptation(*changes(before, after, game.target.item, barred, listed), parts_of(game, seed))


def changes(
    before: Float, after: Float, item: int, barred: Int, listed: int
) -> tuple[Moved, tuple[Moved, ...], tuple[Moved, ...], float]:
    """What moved from scores `before` to `after` (n_items,): the item, what rose, what fell, and the agreement of the
    first `listed`. `barred` items are not shown."""
    if item in barred:
        raise CannotExplain("This item is not shown to this person: it was met already, or is hidden.", field="item")
    scores = np.stack([before, after]).astype(np.float32)
    told = scores.copy()
    scores[:, barred] = -np.inf
    ranks = np.stack([_ranks(each) for each in scores])
    ratio = np.where(np.isfinite(ranks[0]), np.log(ranks[0] / np.where(np.isfinite(ranks[1]), ranks[1], 1)), 0.0)

    def moved(at: int) -> Moved:
        return Moved(at, float(told[0, at]), float(told[1, at]), int(ranks[0, at]), int(ranks[1, at]))

    order = np.argsort(-ratio, kind="stable").tolist()
    rises = tuple(moved(at) for at in order[:listed] if ratio[at] > 0)
    falls = tuple(moved(at) for at in order[::-1][:listed] if ratio[at] < 0)
    first = [set(np.flatnonzero(each <= listed).tolist()) for each in ranks]
    return moved(item), rises, falls, len(first[0] & first[1]) / max(1, len(first[0]))


def parts_of(game: Game, seed: int = 0) -> Attribution | None:
    """How much each unit of the history moved the target from the prior, the fields being known at both ends."""
    if not len(game.histories.items):
        return None
    alone = Game(game.model, game.histories, game.target, hidden=game.hidden, with_fields=False,
                 most_units=game.most_units)  # fmt: skip
    able = [name for name in METHODS if not registry.get(name).refuses(alone)]
    return registry.get(able[0]).explain(alone, seed=seed) if able else None


def _ranks(scores: Float) -> NDArray[np.float64]:
    """(n_items,) ranks; inf of what is not shown."""
    n = len(scores)
    order = np.argsort(-scores, kind="stable")
    found = np.empty(n)
    found[order] = np.arange(1, n + 1)
    found[np.isneginf(scores)] = np.inf
    return found
