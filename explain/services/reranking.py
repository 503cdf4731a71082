"""The list again with parts of what is known switched off or changed, and how it moved."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from explain.selectors import named
from explain.services.asking import HISTORY, Question, case_of, whole
from recommender.data.dataset import Float, Int

MOST = 50


@dataclass(frozen=True)
class Row:
    """`before`: its place in the list of everything, None where it was not shown."""

    item: str
    label: str
    place: int
    before: int | None
    score: float


@dataclass(frozen=True)
class Reranked:
    """`rows`: the first k now; `left`: of the first k of before, those that are no longer in it, with their place now;
    `rank` and `value` of the explained item's target now, and with everything."""

    rows: list[Row]
    left: list[Row]
    rank: int | None
    value: float
    rank_before: int | None
    value_before: float
    seconds: float


def rerank(question: Question) -> Reranked:
    """What the person would be shown by the question's what-ifs. What they met is not shown even where it is switched
    off. Raises as asking.case_of."""
    started, k = time.perf_counter(), min(MOST, question.k)
    now, before = case_of(question), case_of(whole(question))
    ordered, ordered_before = _ordered(now.scores), _ordered(before.scores)
    places = {int(at): place for place, at in enumerate(ordered, start=1)}
    places_before = {int(at): place for place, at in enumerate(ordered_before, start=1)}
    listed = [int(at) for at in ordered[:k]]
    left = [int(at) for at in ordered_before[:k] if int(at) not in set(listed)]
    keys = now.served.items.keys
    told = named.items_by_key(question.catalog_id, (keys[at] for at in [*listed, *left]))

    def rows(positions: list[int]) -> list[Row]:
        found = [(at, told[int(keys[at])]) for at in positions if int(keys[at]) in told]
        return [
            Row(item.client_id, item.label, places[at], places_before.get(at), float(now.scores[at]))
            for at, item in found
        ]

    values = [case.game(HISTORY).whole for case in (now, before)]
    seconds = time.perf_counter() - started
    return Reranked(rows(listed), rows(left), now.rank, values[0], before.rank, values[1], seconds)


def _ordered(scores: Float) -> Int:
    """Positions of the items that are shown, the best first; ties by position."""
    order = np.argsort(-scores, kind="stable")
    return order[~np.isneginf(scores[order])]
