"""Another recommender whose lists a remedy re-ranks, so that a remedy is trained, measured, deployed and undone as any
run is.

What the remedy learns of everyone (prices, multipliers) stays in the state; each list is then made of the person's own
candidates alone. It keeps its parent's state: it serves without the run that trained it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray

from recommender.algorithms import registry
from recommender.algorithms.base import (
    Adapted,
    Config,
    Recommender,
    Report,
    State,
    columns,
    hyper,
    mask_seen,
    require_data,
    top_k,
)
from recommender.algorithms.ensemble import kept, restored
from recommender.data.dataset import Dataset, Float, Histories, Int
from recommender.data.features import number_of
from recommender.data.groups import ACTIVITY, groups_of, is_known, word
from recommender.exceptions import BadConfig, NotFitted, NotTrainable
from recommender.reranking import chances, classes
from recommender.reranking import registry as remedies
from recommender.reranking.base import NONE, Candidates, Known, Remedy
from recommender.reranking.chances import Chances

LEARNED_FROM, ESTIMATED_FROM = 20_000, 2000
"""People at most from whose candidates prices, and from whose last items chances are learned; evenly over all."""
CELLS = 4_000_000
"""Cells of a batch's score matrix."""
ACTIVE = 0.05
"""The most active share of people, a group of its own (as in CP-Fair), where no grouping is named."""
OF, REMEDY, KNOWN, NAMES, CHANCES, ACTIVE_FROM, GROUPS, BANDS = (
    "of", "remedy", "known", "class_names", "chances", "active_from", "group_names", "group_bands",
)  # fmt: skip


@dataclass(frozen=True)
class RerankedConfig(Config):
    """Whose lists, which remedy, and how hard it tries."""

    of: str = hyper("ease", "The recommender whose lists are re-ranked.")
    remedy: str = hyper("gini", "The remedy.", choices=tuple(remedies.REMEDIES), tune=False)
    strength: float = hyper(
        0.3,
        "How hard the remedy tries; 0 leaves lists as they are. Up to which strength it is of use differs by remedy.",
        low=0.0,
        high=10.0,
        tune=False,
    )
    by: str = hyper(
        classes.CATEGORIES,
        "What items are classed by, for remedies that look at classes: categories, creators, popularity (the most "
        "popular fifth and the rest) or an attribute of items, such as their supplier.",
        tune=False,
    )
    groups: str = hyper(
        ACTIVITY,
        "Attribute whose groups of people the remedy looks at, where it looks at people; activity: the most active "
        "twentieth and the rest. A sensitive one is read in training only: when a list is asked for it is not known.",
        tune=False,
    )
    k: int = hyper(10, "Places of a list that are re-ranked.", low=1, high=100, tune=False)
    pool: int = hyper(1000, "Best items of a person that may come into these places.", low=1, high=5000, tune=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        barred = {Reranked.name} | registry.REMEMBERING
        if self.of not in registry.ALGORITHMS or self.of in barred or not registry.ranks(self.of):
            message = "of names another recommender that makes lists and keeps no rows about people."
            raise BadConfig(message, field=OF)
        most = remedies.get(self.remedy).most if self.strength > 1 else 1.0
        if self.strength > most:
            raise BadConfig(f"strength must be at most {most:g} with {self.remedy}.", field="strength")

    @property
    def weighs_groups(self) -> bool:
        """Whether training looks at groups of people, for whoever loads them."""
        return remedies.get(self.remedy).by_people


@dataclass(frozen=True)
class Gathered:
    """What a remedy learns from, whatever its strength: `candidates` (with chances) of `histories`, people in `groups`
    (n,), those from `active_from` interactions on active where no attribute makes groups named `group_names`, which
    begin at `bands` where they are of numbers."""

    parent: Recommender
    known: Known
    chances: Chances
    histories: Histories
    candidates: Candidates
    groups: Int
    active_from: int
    group_names: list[str]
    bands: NDArray[np.float64]


class Reranked:
    """score(u, i): the parent’s, but the scores of u’s best `pool` items change hands so that they rank as the
    remedy’s list and, behind it, as they did."""

    name: ClassVar[str] = "reranked"
    config_class: ClassVar[type[Config]] = RerankedConfig
    stochastic: ClassVar[bool] = False
    uses_validation: ClassVar[bool] = False
    reads_fields: ClassVar[bool] = True

    def __init__(self, config: RerankedConfig | None = None) -> None:
        self.config: Config = config or RerankedConfig()
        self._parent: Recommender | None = None
        self._known: Known | None = None
        self._remedy: Remedy | None = None
        self._chances = Chances()
        self._active_from = 0
        self._group_names: list[str] = []
        self._bands = np.empty(0)  # where those of numbers begin

    @property
    def field_names(self) -> frozenset[str]:
        """Attributes and context that the parent reads, and the grouping."""
        own = {self._config.groups} if self._by_attribute else set()
        return frozenset(own | set(getattr(self._parent, "field_names", ())))

    @classmethod
    def parents(cls, config: Config) -> tuple[str, ...]:
        return (cast(RerankedConfig, config).of,)

    @classmethod
    def settings_for(cls, names: tuple[str, ...]) -> Mapping[str, Any]:
        return {OF: names[0]} if names else {}

    def fit(
        self,
        train: Dataset,
        *,
        validation: Any = None,
        parents: Mapping[str, Recommender] | None = None,
        resume: State | None = None,
        rng: np.random.Generator,
        report: Report,
    ) -> Self:
        """Take the parent, estimate chances by what each person did last, and let the remedy learn from the candidates
        of everyone. Raises NotTrainable where the parent is missing or no item has such classes; Cancelled."""
        require_data(train)
        config = self._config
        parent = (parents or {}).get(config.of)
        if parent is None:
            raise NotTrainable(f"The remedy lacks its trained recommender {config.of}.")
        self.learned(self.gathered(train, parent, report))
        report(1.0, {}, None)
        return self

    def gathered(self, train: Dataset, parent: Recommender, report: Report) -> Gathered:
        """What the remedy learns from at any strength. Raises NotTrainable, Cancelled."""
        report(0.1, {}, None)
        config, kind = self._config, remedies.get(self._config.remedy)
        known = classes.known(train, config.by if kind.by_classes else classes.POPULARITY)
        met, groups = train.histories, self._grouped(train)
        found = estimated(parent, met, config.pool)
        report(0.3, {}, None)
        at = evenly(len(met), LEARNED_FROM)
        asked = met.select(at)
        candidates = found.given(pool_of(parent, asked, config.pool))
        report(0.6, {}, None)
        return Gathered(
            parent, known, found, asked, candidates, groups[at], self._active_from, self._group_names, self._bands
        )  # fmt: skip

    def learned(self, given: Gathered) -> Self:
        """Let the remedy learn, at the strength configured."""
        config = self._config
        remedy = remedies.get(config.remedy)(config.strength, given.known, k=config.k)
        self._remedy = remedy.learn(given.candidates, given.histories, given.groups)
        self._parent, self._known, self._chances = given.parent, given.known, given.chances
        self._active_from, self._group_names, self._bands = given.active_from, given.group_names, given.bands
        return self

    @property
    def _by_attribute(self) -> bool:
        return self._config.weighs_groups and self._config.groups not in ("", ACTIVITY)

    def lists(self, candidates: Candidates, histories: Histories) -> Int:
        """(n, k) what `score` puts first, of the parent's `candidates` (from `pool_of`) for `histories`."""
        _, remedy = self._fitted()
        return remedy.lists(self._chances.given(candidates), histories, self._groups(histories))

    def _grouped(self, train: Dataset) -> Int:
        """(n_users,) codes of the groups that people are of, which are learned here; those too small are none."""
        lengths, name = train.histories.lengths, self._config.groups
        self._active_from = int(np.sort(lengths)[::-1][round(ACTIVE * len(lengths))]) + 1 if len(lengths) else 1
        if not self._by_attribute:
            return self._groups(train.histories)
        found = groups_of(train, name)
        self._group_names, self._bands = list(found.names), found.least
        return found.codes

    def _groups(self, histories: Histories) -> Int:
        """(n,) codes as far as they are known when a list is asked for."""
        if not self._by_attribute:
            return (histories.lengths >= self._active_from).astype(np.int64)
        there = histories.fields.get(self._config.groups)
        return np.full(len(histories), NONE) if there is None else self._codes(there)

    def _codes(self, values: NDArray[Any]) -> Int:
        """(n,) positions in the names; of numbers that of the highest band that begins at or below them."""
        if not len(self._bands):
            at = {name: code for code, name in enumerate(self._group_names)}
            return np.array([at.get(word(value), NONE) if is_known(value) else NONE for value in values.tolist()])
        numbers = np.array([number_of(value) for value in values.tolist()], dtype=np.float64)
        found = np.searchsorted(self._bands, numbers, side="right") - 1
        return np.where(np.isnan(numbers), NONE, np.maximum(found, 0)).astype(np.int64)

    def refit_config(self) -> Config:
        return self.config

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        parent, _ = self._fitted()
        scores = parent.score(histories, adapted=adapted)
        if np.isfinite(scores).all():
            candidates = pool(scores, histories, self._config.pool)
            reorder(scores, candidates, self.lists(candidates, histories))
        return columns(scores, items)

    def state(self) -> State:
        parent, remedy = self._fitted()
        known = cast(Known, self._known)
        state: State = {f"{REMEDY}.{name}": array for name, array in remedy.state().items()}
        state |= {f"{KNOWN}.{name}": getattr(known, name) for name in ("members", "shares", "offered")}
        state[CHANCES] = np.array([*self._chances.weights, self._chances.scale])
        state[ACTIVE_FROM], state[BANDS] = np.array([self._active_from]), self._bands
        words = {NAMES: list(known.class_names), GROUPS: self._group_names}
        state |= {name: np.frombuffer(json.dumps(told).encode(), np.uint8) for name, told in words.items()}
        return state | kept(f"{OF}.{parent.name}", parent)

    def load_state(self, state: State) -> Self:
        config = self._config
        names, self._group_names = (json.loads(state[name].tobytes()) for name in (NAMES, GROUPS))
        members, shares, offered = (state[f"{KNOWN}.{name}"] for name in ("members", "shares", "offered"))
        self._known = Known(members, tuple(names), shares, offered)
        *weights, scale = (float(number) for number in state[CHANCES])
        self._chances = Chances((weights[0], weights[1], weights[2]), scale)
        self._active_from, self._bands = int(state[ACTIVE_FROM][0]), state[BANDS]
        own = {key.removeprefix(f"{REMEDY}."): part for key, part in state.items() if key.startswith(f"{REMEDY}.")}
        self._remedy = remedies.get(config.remedy)(config.strength, self._known, k=config.k).load_state(own)
        own = {key.removeprefix(f"{OF}."): part for key, part in state.items() if key.startswith(f"{OF}.")}
        self._parent = restored(config.of, own)
        return self

    def members(self) -> Mapping[str, Recommender]:
        return {OF: self._fitted()[0]}

    @property
    def _config(self) -> RerankedConfig:
        return cast(RerankedConfig, self.config)

    def _fitted(self) -> tuple[Recommender, Remedy]:
        if self._parent is None or self._remedy is None:
            raise NotFitted("This recommender has not been trained.")
        return self._parent, self._remedy


def pool(scores: Float, histories: Histories, size: int) -> Candidates:
    """The best `size` items of each person, of `scores` (n, n_items), without what was met; ties to the lower item."""
    return Candidates(*top_k(mask_seen(scores.copy(), histories), size))


def pool_of(parent: Recommender, histories: Histories, size: int) -> Candidates:
    """As `pool`, asking `parent` in batches."""
    found = []
    width = max(1, parent.score(histories.select(np.arange(min(1, len(histories))))).shape[1])
    batch = max(1, CELLS // width)
    for start in range(0, max(1, len(histories)), batch):
        some = histories.select(np.arange(start, min(start + batch, len(histories))))
        found.append(pool(parent.score(some), some, size))
    return Candidates(*(np.concatenate([getattr(each, name) for each in found]) for name in ("items", "scores")))


def estimated(parent: Recommender, histories: Histories, size: int) -> Chances:
    """How likely candidates are what comes next, by the last item of each person, asked for without it.

    The parent may have learned from that item, so it looks a little surer than it is.
    """
    able = np.flatnonzero(histories.lengths >= 2)
    asked = histories.select(able[evenly(len(able), ESTIMATED_FROM)])
    last = np.zeros(len(asked.items), dtype=np.bool_)
    last[asked.indptr[1:] - 1] = True
    return chances.learned(pool_of(parent, asked.keep(~last), size), asked.items[last])


def evenly(n: int, most: int) -> Int:
    """At most `most` positions of n, evenly over all."""
    return np.unique(np.linspace(0, max(0, n - 1), min(n, most)).astype(np.int64))


def reorder(scores: Float, candidates: Candidates, lists: Int) -> None:
    """Hand the scores (n, n_items) of each person's `candidates` round, in place, so that they rank as `lists` (n, k)
    and then as before. Where they must change they become strictly falling, so that no tie undoes the order."""
    k = min(lists.shape[1], candidates.items.shape[1])
    moved = np.flatnonzero((lists[:, :k] != candidates.items[:, :k]).any(axis=1))
    items, lists = candidates.items[moved], lists[moved]
    rank = np.broadcast_to(np.arange(items.shape[1]) + k, items.shape).copy()
    for place in range(k):
        rank[(items == lists[:, place : place + 1]) & (items != NONE)] = place
    rank[items == NONE] = k + items.shape[1]
    order = np.take_along_axis(items, np.argsort(rank, axis=1, kind="stable"), axis=1)
    values = falling(candidates.scores[moved])
    rows, at = np.nonzero(order != NONE)
    scores[moved[rows], order[rows, at]] = values[rows, at]


def falling(values: Float) -> Float:
    """The least (n, m) float32 that fall strictly along rows and lie above `values`, which fall; −inf stay behind."""
    bits = np.maximum(values, np.finfo(np.float32).min).astype(np.float32).view(np.int32).astype(np.int64)
    keys = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)[:, ::-1] + 1  # in the order of the numbers, next + 1
    steps = np.arange(values.shape[1])
    risen = (np.maximum.accumulate(keys - steps, axis=1) + steps)[:, ::-1]
    found = np.where(risen < 0, -risen | 0x80000000, risen).astype(np.uint32)
    return cast(Float, found.view(np.float32))
