"""What transfer changed: a recommender that began with another catalog's weights against the one it began with, asked
about the same person of the same catalog.

Catalogs share neither people nor items, only what texts mean. The source reads this catalog's items as new ones, by
their texts (`ItemsExtendable`), and the person's history in them; who took what here, and what is known of people here,
it has never seen. Its scores less the started one's, per unit and in all, are what the training here changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np

from explain.attribution import registry
from explain.attribution.adaptation import LISTED, METHODS, Moved, changes
from explain.attribution.base import Attribution, Values, rank_agreement
from explain.attribution.game import Game
from explain.exceptions import CannotExplain
from recommender.algorithms.base import Config, ItemsExtendable, Recommender, State, SupportWeighted
from recommender.data.dataset import Float, Histories, Int


class InText:
    """`source`, which learned on another catalog, asked about the items with the text vectors `vectors` (n, 384) as its
    newest ones. Of people it reads interactions alone: fields and contexts mean something else there. It is left as it
    was; what is asked is a copy."""

    config_class: ClassVar[type[Config]]
    stochastic: ClassVar[bool] = False
    uses_validation: ClassVar[bool] = False

    def __init__(self, source: Recommender, vectors: Float) -> None:
        """Raises CannotExplain where the source does not read texts."""
        needs_text = getattr(source, "needs_text", None)
        if not isinstance(source, ItemsExtendable) or needs_text is None or not needs_text(source.config):
            raise CannotExplain(
                f"{source.name} does not read texts, so it cannot be asked about another catalog.", field="method"
            )
        made = cast(Any, type(source))(source.config)
        copied = cast(Recommender, made.load_state(_copied(source.state())))
        nobody = Histories(np.zeros(2, np.int64), np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0),
                           np.empty(0, np.int16))  # fmt: skip
        self.first = copied.score(nobody).shape[1]
        self.inside = cast(Recommender, cast(ItemsExtendable, copied).extend(vectors))
        self.name, self.config = source.name, source.config
        self.items = np.arange(self.first, self.first + len(vectors), dtype=np.int64)

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        wanted = self.items if items is None else np.asarray(items, dtype=np.int64) + self.first
        return self.inside.score(self.moved(histories), items=wanted, adapted=adapted)

    def moved(self, histories: Histories) -> Histories:
        """The same interactions with the items where the copy has them."""
        return replace(histories, items=histories.items + self.first, fields={}, contexts={})

    def adapt(self, support: Histories) -> Any:
        return cast(Any, self.inside).adapt(self.moved(support))


class InTextWeighted(InText):
    """Of a source that weighs supports (`SupportWeighted`)."""

    def score_weighted(self, support: Histories, weights: Any, items: Int) -> Any:
        inside = cast(SupportWeighted, self.inside)
        return inside.score_weighted(self.moved(support), weights, np.asarray(items, dtype=np.int64) + self.first)


def in_text(source: Recommender, vectors: Float) -> InText:
    """`source` asked about another catalog's items. Raises CannotExplain where it does not read texts."""
    return (InTextWeighted if isinstance(source, SupportWeighted) else InText)(source, vectors)


@dataclass(frozen=True)
class Transfer:
    """`target`: the explained item, and what rose and fell most, from the source's list to the started one's;
    `agreement`: the share of the first LISTED items that both list; `source`, `started` and, where it is known, `alone`
    (the same configuration that began with chance): the target's attributions to the same units, by one method."""

    target: Moved
    rises: tuple[Moved, ...]
    falls: tuple[Moved, ...]
    agreement: float
    source: Attribution
    started: Attribution
    alone: Attribution | None = None

    @property
    def values(self) -> Values:
        """(n_units,) of the started less of the source: what the training here changed about each."""
        return self.started.values - self.source.values

    @property
    def prior(self) -> float:
        """What it changed about whoever nothing is known of."""
        return self.started.baseline_prediction - self.source.baseline_prediction

    @property
    def gap(self) -> float:
        """|started − source − (prior + Σ values)|: how far the parts are from the whole change of the target."""
        changed = self.started.prediction - self.source.prediction
        return abs(changed - self.prior - float(self.values.sum()))

    @property
    def by_start(self) -> Values | None:
        """(n_units,) of the started less of the one that began with chance: what beginning there changed."""
        return None if self.alone is None else self.started.values - self.alone.values

    @property
    def kept(self) -> float:
        """Rank correlation of both's values: how far what counted there counts here; nan of fewer than two units."""
        return rank_agreement(self.source.values, self.started.values)


def transferred(
    game: Game, source: InText, *, alone: Recommender | None = None, listed: int = LISTED, seed: int = 0
) -> Transfer:
    """`game`: a person of this catalog and the started recommender; `source`: the one it began with, asked about the
    same items (`in_text`, which is worth keeping: making it copies the recommender). Raises CannotExplain where there
    is no history, no method can explain all of them, or the item is not shown."""
    if not len(game.histories.items):
        raise CannotExplain("Nothing was met, so nothing moved either recommender from its prior.")
    after, before = game.model.score(game.histories)[0], source.score(game.histories)[0]
    if len(before) != len(after):
        raise CannotExplain("The source was given the texts of other items than this catalog's.", field="vectors")
    barred = np.unique(np.concatenate([game.histories.items, game.hidden])).astype(np.int64)
    moves = changes(before, after, game.target.item, barred, listed)
    models = [cast(Recommender, source), game.model, *([alone] if alone is not None else [])]
    games = [replace(game, model=model, with_fields=False) for model in models]
    return Transfer(*moves, *_explained(games, seed))


def _explained(games: list[Game], seed: int) -> list[Attribution]:
    """By the first method that can explain all of them."""
    for name in METHODS:
        method = registry.get(name)
        if not any(method.refuses(game) for game in games):
            return [method.explain(game, seed=seed) for game in games]
    raise CannotExplain("There is no method that explains both recommenders.", field="method")


def _copied(state: State) -> State:
    return {name: np.array(array) for name, array in state.items()}
