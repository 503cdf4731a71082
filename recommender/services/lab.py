"""The cold-start lab: what a recommender that adapts would show someone made up, after each of a few answers.

Nothing is stored: neither the person, nor the answers, nor what was adapted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recommender.algorithms.base import Adaptable, mask_seen, ranks_of, tells_uncertainty, top_k
from recommender.data.dataset import Float, Histories, IdMap, Int
from recommender.data.support import Checked, Given, checked
from recommender.exceptions import Conflict
from recommender.metalearning import elicitation
from recommender.models import Catalog, Run
from recommender.selectors import hot
from recommender.selectors import lab as select
from recommender.selectors import serving as serving_select
from recommender.selectors.dataset import hidden_items
from recommender.services import loaded
from recommender.services.deploying import Served

MOST_ANSWERS = 30
SHOWN_LOST = 3


@dataclass(frozen=True)
class Person:
    """Someone made up: `answers` in the order they were given, `attributes` by name."""

    answers: tuple[Given, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Listed:
    """An item of a list: its database key, score, place before (None: beyond the list before), and the answer without
    which it would stand lowest (its item's key) with how many places lower, where any would lower it."""

    key: int
    score: float
    before: int | None
    by: int | None
    fall: int


@dataclass(frozen=True)
class Left:
    """One answer left out: what would then not be in the list, how many of its items, and how many places the rest
    would move in all. `key` None stands for all attributes."""

    key: int | None
    lost: tuple[int, ...]
    kept: int
    places: int


@dataclass(frozen=True)
class Outcome:
    """What one recommender makes of the person. `before` the keys of the list that `after` is compared with; seconds
    of adapting to the whole person, of scoring, and of all lists without one answer."""

    run: Run
    after: list[Listed]
    before: list[int]
    gone: list[int]
    left_out: list[Left]
    adapted: float
    scored: float
    without: float
    reads_attributes: bool
    said: Checked


@dataclass(frozen=True)
class Asked:
    """An item to ask about: its key and why. `entropy` in bits; `unsure` the recommender's standard deviation relative
    to its mean over items, None where it has none."""

    key: int
    people: int
    entropy: float
    unsure: float | None


def judged(catalog: Catalog, run: Run, person: Person, keys: Mapping[str, int]) -> tuple[Served, Checked]:
    """The recommender and the answers as they count. Raises Conflict, BadCheckpoint."""
    served = loaded.get(run.pk)
    if not isinstance(served.model, Adaptable):
        raise Conflict(f"{served.algorithm} does not adapt to a person.")
    names = list(keys)
    at = served.items.positions(np.array([keys[name] for name in names], dtype=np.int64))
    new = {name for name, place in zip(names, at.tolist(), strict=True) if place < 0}
    scale = getattr(served.model, "scale", None)
    return served, checked(person.answers, known=set(names) - new, too_new=new, scale=scale)


def outcome(
    catalog: Catalog, run: Run, person: Person, keys: Mapping[str, int], *, length: int, since: str = "last"
) -> Outcome:
    """The list for `person`, beside the one before the last answer (`since` "last") or before any ("start").

    Raises Conflict, BadCheckpoint where the run cannot answer.
    """
    served, said = judged(catalog, run, person, keys)
    whole = _histories(said.taken, keys, served, person.attributes)
    model: Any = served.model
    began = time.perf_counter()
    adapted = model.adapt(whole)
    between = time.perf_counter()
    first = model.score(whole, adapted=adapted)
    scored = time.perf_counter()
    others = _without(whole)
    rest = model.score(others, adapted=model.adapt(others)) if len(others) else np.zeros((0, first.shape[1]))
    done = time.perf_counter()
    scores = _shown(np.concatenate([first, rest]), served.items, hidden_items(catalog_id=catalog.pk))
    before = _before(scores, whole, since=since, length=length)
    return _compared(
        run, served.items, mask_seen(scores, whole.select(np.zeros(len(scores), dtype=np.int64))), whole,
        length=length, before=before, said=said, seconds=(between - began, scored - between, done - scored),
        reads_attributes=bool(getattr(model, "reads_fields", False)),
    )  # fmt: skip


def questions(
    catalog: Catalog, run: Run | None, person: Person, keys: Mapping[str, int], *, skipped: Sequence[int], count: int
) -> list[Asked]:
    """What to ask next: the most informative items that were neither answered nor skipped, are not hidden, and whose
    opinion `run` is unsure of, where it knows. Raises Conflict, BadCheckpoint."""
    found = select.opinions(catalog)
    counts, everyone = found.counts, max(1, found.everyone)
    spread = elicitation.entropy(counts) if len(found.levels) else elicitation.entropy_of_taking(found.people, everyone)
    unsure = None if run is None else _unsure(catalog, run, person, keys, found.items)
    value = elicitation.informative(found.people, spread, unsure)
    barred = np.isin(found.items, [*hidden_items(catalog_id=catalog.pk), *keys.values(), *skipped])
    best = elicitation.questions(value, barred, count)
    deviation = None if unsure is None else np.sqrt(np.maximum(unsure, 0))
    mean = 1.0 if deviation is None else float(deviation.mean()) or 1.0
    return [
        Asked(
            int(found.items[at]), int(found.people[at]), float(spread[at]),
            None if deviation is None else float(deviation[at]) / mean,
        )
        for at in best.tolist()
    ]  # fmt: skip


def _unsure(catalog: Catalog, run: Run, person: Person, keys: Mapping[str, int], items: Int) -> Any:
    """(n,) variance of the recommender's opinion of `items`, 0 of those it does not know; None where it has none."""
    served, said = judged(catalog, run, person, keys)
    if not tells_uncertainty(served.model):
        return None
    every = served.model.uncertainty(_histories(said.taken, keys, served, person.attributes))[0]
    at = served.items.positions(items)
    return np.where(at >= 0, every[at], 0.0).astype(np.float64)


def _histories(
    taken: Sequence[Given], keys: Mapping[str, int], served: Served, attributes: Mapping[str, Any]
) -> Histories:
    past = hot.History(
        items=np.array([keys[each.item] for each in taken], dtype=np.int64),
        values=hot.as_values([1.0 if each.value is None else each.value for each in taken]),
        times=np.array([each.time for each in taken], dtype=np.float64),
        kinds=[each.kind for each in taken],
    )
    at = served.items.positions(past.items)
    return serving_select.as_histories(past, at, context={}, now=time.time(), attributes=attributes)


def _without(whole: Histories) -> Histories:
    """Rows: nobody (neither answers nor attributes), then the person without each answer in turn, then, where there
    are attributes, the person without these."""
    n, extra = len(whole.items), int(bool(whole.fields))
    rows = 1 + n + extra
    many = whole.select(np.zeros(rows, dtype=np.int64))
    keep = np.ones((rows, n), dtype=np.bool_)
    keep[0] = False
    keep[1 : n + 1][np.eye(n, dtype=np.bool_)] = False
    fields = {}
    for name, column in many.fields.items():
        fields[name] = column.copy()
        fields[name][[0, *([rows - 1] if extra else [])]] = None
    return replace(many.keep(keep.ravel()), fields=fields)


def _shown(scores: Float, items: IdMap, hidden: Int) -> Float:
    """A copy in which nothing hidden is listed."""
    scores = np.array(scores, dtype=np.float32)
    at = items.positions(hidden)
    scores[:, at[at >= 0]] = -np.inf
    return scores


def _before(scores: Float, whole: Histories, *, since: str, length: int) -> list[int]:
    """Positions of the list before the last answer (with what is answered by it), or before anything was said."""
    n = len(whole.items)
    if not n and not whole.fields:
        return []
    start = since == "start" or n == 0
    line = scores[1 if start else 1 + n].copy()  # the last answer left out is the person before it
    line[whole.items[: 0 if start else n - 1]] = -np.inf
    return [at for at in top_k(line[None], min(length, len(line)))[0][0].tolist() if at >= 0]


def _compared(
    run: Run, items: IdMap, scores: Float, whole: Histories, *, length: int, before: list[int],
    said: Checked, seconds: tuple[float, float, float], reads_attributes: bool,
) -> Outcome:  # fmt: skip
    """From scores: row 0 the person, row 1 nobody, then without each answer, then without attributes."""
    n = len(whole.items)
    places, values = top_k(scores, min(length, scores.shape[1]))
    lists = [[at for at in row if at >= 0] for row in places.tolist()]
    own = np.array(lists[0], dtype=np.int64)
    ranks = _ranks(scores, own)
    answers = items.keys[whole.items].tolist()
    after = []
    for rank, at in enumerate(lists[0]):
        falls = ranks[2 : 2 + n, rank] - (rank + 1)
        worst = int(falls.argmax()) if n else -1
        moved = n > 0 and falls[worst] > 0
        after.append(
            Listed(
                int(items.keys[at]), float(values[0][rank]), before.index(at) if at in before else None,
                answers[worst] if moved else None, int(falls[worst]) if moved else 0,
            )
        )  # fmt: skip
    left = [
        _left(items, lists[0], lists[row], ranks[row], key)
        for row, key in [*enumerate(answers, start=2), *([(2 + n, None)] if whole.fields else [])]
    ]
    gone = [int(items.keys[at]) for at in before if at not in lists[0]]
    return Outcome(
        run, after, [int(items.keys[at]) for at in before], gone, left, *seconds,
        reads_attributes=reads_attributes, said=said,
    )  # fmt: skip


def _ranks(scores: Float, own: Int) -> Int:
    """(rows, len(own)) the place, from 1 on, of the items `own` (listed, so never masked) in each row."""
    rows = np.repeat(np.arange(len(scores)), len(own))
    return ranks_of(scores, rows, np.tile(own, len(scores))).astype(np.int64).reshape(len(scores), len(own))


def _left(items: IdMap, own: list[int], other: list[int], ranks: Any, key: int | None) -> Left:
    lost = [at for at in own if at not in other]
    moved = int(np.abs(ranks - np.arange(1, len(own) + 1)).sum())
    return Left(key, tuple(int(items.keys[at]) for at in lost[:SHOWN_LOST]), len(own) - len(lost), moved)
