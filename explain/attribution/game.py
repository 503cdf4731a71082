"""One recommendation as a cooperative game: units of what is known are its players, a target of the recommender's
scores its value. Every method that takes units away, draws coalitions or re-ranks asks through this.

To take an interaction away is to ask the recommender about a history that never held it; a field taken away is a field
of which nothing is known. All interactions with an item are one unit.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from explain.exceptions import CannotExplain
from recommender.algorithms.base import ItemFieldsMaskable, Recommender, ranks_of
from recommender.data.dataset import CONTEXT, Histories, Int

Kept = NDArray[np.bool_]
ITEM, OLDER, ATTRIBUTE, CONTEXT_FIELD, ITEM_FIELD, WORD = (
    "item", "older", "attribute", "context", "item_field", "word",
)  # fmt: skip
"""Kinds of units: an item of the history, all of the history before that together, an attribute of the person, a piece
of the context, something that is said of the explained item, a word of a text."""
MOST_UNITS = 200
"""Items of a history that are units of their own, the newest ones; those before are one unit together."""
CELLS = 16_000_000
"""Scores held at once."""
TIMED, LONG_ENOUGH = (1, 2, 8), 0.2
"""Coalitions that are timed together, one batch after the other, and seconds after which there is no larger batch."""
SCORE, PROBABILITY, MARGIN = "score", "probability", "margin"


@dataclass(frozen=True)
class Unit:
    """`key`: for an item its position, for a field its name, for a word its text; `value`: of a field, what it is."""

    kind: str
    key: int | str
    value: Any = None


@dataclass(frozen=True)
class Target:
    """What is explained of `item` (a position): its score, its probability, or the margin of its score over the mean
    score of `others` (positions)."""

    item: int
    kind: str = SCORE
    others: tuple[int, ...] = ()

    @property
    def items(self) -> Int:
        return np.array([self.item, *self.others], dtype=np.int64)


@dataclass(frozen=True)
class Game:
    """`histories`: one person's row; `hidden`: positions that are never shown; `with_history` and `with_fields`: what
    of the person is units (the rest stays as it is); `with_item_fields`: whether so is what is said of the target's
    item, where the recommender can do without (ItemFieldsMaskable). Of other items all stays known."""

    model: Recommender
    histories: Histories
    target: Target
    hidden: Int = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    with_history: bool = True
    with_fields: bool = True
    most_units: int = MOST_UNITS
    with_item_fields: bool = False

    def __post_init__(self) -> None:
        if len(self.histories) != 1:
            raise ValueError("a game is about one person")
        if self.target.kind == MARGIN and not self.target.others:
            raise CannotExplain("A margin needs an item to compare with.", field="target")
        if self.target.kind == PROBABILITY and not link_of(self.model):
            raise CannotExplain(
                f"The scores of {self.model.name} are no logits, so they give no probability; ask for the score or a "
                "margin.",
                field="target",
            )

    @cached_property
    def _items(self) -> tuple[Int, NDArray[np.int64]]:
        """Distinct items of the history, the oldest first by when they were last met, and of each interaction which."""
        met = self.histories.items
        reversed_items, last = np.unique(met[::-1], return_index=True)
        order = np.argsort(-last, kind="stable")
        distinct = reversed_items[order].astype(np.int64)
        place = np.empty(len(distinct), dtype=np.int64)
        place[order] = np.arange(len(distinct))
        return distinct, place[np.searchsorted(reversed_items, met)] if len(met) else met.astype(np.int64)

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """Items of the history, the oldest first (before them, where there are many, one unit for those before), then
        attributes and context."""
        found: list[Unit] = []
        if self.with_history:
            distinct = self._items[0].tolist()
            if self._older:
                found.append(Unit(OLDER, "older", self._older))
            found += [Unit(ITEM, item) for item in distinct[self._older :]]
        found += [self._field_unit(name) for name in self._fields]
        return (*found, *(Unit(ITEM_FIELD, name) for name in self._item_fields))

    @property
    def _older(self) -> int:
        """Distinct items of the history that are one unit together."""
        return max(0, len(self._items[0]) - self.most_units)

    @cached_property
    def _fields(self) -> list[str]:
        if not self.with_fields or not getattr(self.model, "reads_fields", False):
            return []
        read = getattr(self.model, "field_names", None)
        known = [name for name, column in self.histories.fields.items() if column[0] is not None]
        return sorted(name for name in known if read is None or name in read)

    @cached_property
    def _item_fields(self) -> tuple[str, ...]:
        able = self.with_item_fields and isinstance(self.model, ItemFieldsMaskable)
        return cast(ItemFieldsMaskable, self.model).item_field_names(self.target.item) if able else ()

    def _field_unit(self, name: str) -> Unit:
        value = self.histories.fields[name][0]
        of_moment = name.startswith(CONTEXT)
        return Unit(CONTEXT_FIELD if of_moment else ATTRIBUTE, name.removeprefix(CONTEXT), value)

    @cached_property
    def unit_of(self) -> NDArray[np.int64]:
        """(nnz,) the unit of each interaction; −1 where the history is no unit."""
        if not self.with_history:
            return np.full(len(self.histories.items), -1, dtype=np.int64)
        shift = self._older - (1 if self._older else 0)
        return cast(NDArray[np.int64], np.maximum(self._items[1] - shift, 0))

    def coalitions(self, kept: Kept) -> Histories:
        """A row of histories for each row of `kept` (n, n_units): the person with only these units."""
        n = len(kept)
        many = self.histories.select(np.zeros(n, dtype=np.int64))
        if len(self.histories.items) and self.with_history:
            many = many.keep(kept[:, self.unit_of].reshape(-1))
        start = len(self.units) - len(self._fields) - len(self._item_fields)
        if not self._fields:
            return many
        fields: dict[str, NDArray[Any]] = dict(many.fields)
        for at, name in enumerate(self._fields, start):
            column = np.array(fields[name], dtype=object)
            column[~kept[:, at]] = None
            fields[name] = column
        return replace(many, fields=fields)

    def values(self, kept: Kept) -> NDArray[np.float64]:
        """(n,) the target of each coalition; equal ones are asked once."""
        kept = np.asarray(kept, dtype=np.bool_)
        if not len(kept):
            return np.empty(0)
        distinct, inverse = _distinct(kept)
        found = np.concatenate([self._asked(distinct[at]) for at in self._chunks(distinct)])
        return cast(NDArray[np.float64], found[inverse])

    def ranks(self, kept: Kept) -> NDArray[np.float64]:
        """(n,) rank of the target's item, 1 = best, when the recommender really ranks again; what the person met is
        not shown even where it is taken away."""
        kept, barred = np.asarray(kept, dtype=np.bool_), self._barred
        parts = []
        for at in self._chunks(kept):
            scores = self._all_scores(kept[at])
            scores[:, barred] = -np.inf
            rows = np.arange(len(scores), dtype=np.int64)
            parts.append(ranks_of(scores, rows, np.full(len(scores), self.target.item, dtype=np.int64)))
        return np.concatenate(parts) if parts else np.empty(0)

    def ranking(self, kept: Kept) -> NDArray[np.float32]:
        """(n, n_items) scores of coalitions, −inf where an item is not shown."""
        scores = self._all_scores(np.asarray(kept, dtype=np.bool_))
        scores[:, self._barred] = -np.inf
        return scores

    def _all_scores(self, kept: Kept) -> NDArray[np.float32]:
        histories = self.coalitions(kept)
        scores: NDArray[np.float32] = np.array(self.model.score(histories), dtype=np.float32)
        if self._item_fields:
            scores[:, self.target.item] = self._of_item(histories, kept)
        return scores

    def _of_item(self, histories: Histories, kept: Kept) -> NDArray[np.float32]:
        """(n,) scores of the target's item with only those of its fields that are kept."""
        model, known = cast(ItemFieldsMaskable, self.model), kept[:, len(self.units) - len(self._item_fields) :]
        return model.score_item(histories, self.target.item, known)

    @cached_property
    def _barred(self) -> Int:
        return np.unique(np.concatenate([self.histories.items, self.hidden])).astype(np.int64)

    @cached_property
    def whole(self) -> float:
        """The target as it is."""
        return float(self.values(np.ones((1, len(self.units)), dtype=np.bool_))[0])

    @cached_property
    def empty(self) -> float:
        """The target without any unit."""
        return float(self.values(np.zeros((1, len(self.units)), dtype=np.bool_))[0])

    @cached_property
    def seconds_each(self) -> float:
        """Of one coalition, with half of the units: the least of the batches timed, the first of which loads things."""
        units = np.arange(len(self.units))
        kept = np.random.default_rng(0).permuted(np.tile(units < len(units) / 2, (sum(TIMED), 1)), axis=1)
        began, least, start = time.perf_counter(), math.inf, 0
        for count in TIMED:
            batch, started = np.unique(kept[start : start + count], axis=0), time.perf_counter()
            self.values(batch)
            least, start = min(least, (time.perf_counter() - started) / len(batch)), start + count
            if start > 1 and time.perf_counter() - began > LONG_ENOUGH:
                break
        return least

    @property
    def emptied(self) -> str:
        """The baseline of methods that take units away, in words."""
        parts = ["an empty history"] if self.with_history else []
        if self._fields:
            parts.append(
                "nothing known of the person" if self.with_history else "nothing known of attributes and context"
            )
        if self._item_fields:
            parts.append("nothing said of the item")
        return ", ".join(parts) or "nothing taken away"

    def _chunks(self, kept: Kept) -> list[slice]:
        size = max(1, CELLS // max(1, self._width))
        return [slice(start, start + size) for start in range(0, len(kept), size)]

    @cached_property
    def _width(self) -> int:
        """Columns of a whole ranking."""
        return int(self.model.score(self.histories).shape[1])

    def _asked(self, kept: Kept) -> NDArray[np.float64]:
        histories = self.coalitions(kept)
        own = self._of_item(histories, kept) if self._item_fields else None
        return target_values(self.model, histories, self.target, own)


def target_values(
    model: Recommender, histories: Histories, target: Target, own: NDArray[np.float32] | None = None
) -> NDArray[np.float64]:
    """(n_people,) the target for each row of `histories`; `own` (n_people,) takes the place of the item's scores."""
    asked = target.items if target.kind != PROBABILITY or link_of(model) == "sigmoid" else None
    found = model.score(histories, items=asked).astype(np.float64)
    at = target.item if asked is None else 0
    if own is not None:
        found[:, at] = own
    if target.kind == PROBABILITY:
        return _probabilities(found, at, link_of(model))
    if target.kind == MARGIN:
        return cast(NDArray[np.float64], found[:, 0] - found[:, 1:].mean(axis=1))
    return found[:, 0]


def link_of(model: Recommender) -> str:
    """How scores become probabilities: "softmax" over the catalog, "sigmoid" of one, "" where they do not."""
    return str(getattr(model, "link", ""))


def _probabilities(scores: NDArray[np.float64], at: int, link: str) -> NDArray[np.float64]:
    """(n,) of the column `at`."""
    if link == "sigmoid":
        return 1 / (1 + np.exp(-scores[:, at]))
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = shares[:, at] / shares.sum(axis=1)
    return found


def _distinct(kept: Kept) -> tuple[Kept, NDArray[np.int64]]:
    """The different rows, and of each row which it is."""
    packed = np.ascontiguousarray(np.packbits(kept, axis=1)) if kept.shape[1] else np.zeros((len(kept), 1), np.uint8)
    _, first, inverse = np.unique(
        packed.view([("", packed.dtype)] * packed.shape[1]).reshape(-1), return_index=True, return_inverse=True
    )
    return kept[first], inverse.astype(np.int64)
