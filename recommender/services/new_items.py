"""Who would be shown a new item: before anybody took it, and after the first few people did.

Nothing is stored. The recommender is a fresh copy with one column more, told by what is said of the item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.algorithms import registry
from recommender.algorithms.base import ItemsExtendable, mask_seen
from recommender.data.dataset import Float, Histories, IdMap, Int
from recommender.exceptions import BadConfig, Conflict
from recommender.models import Catalog, Item, Run
from recommender.selectors import lab as select
from recommender.selectors import texts
from recommender.selectors.dataset import hidden_items, item_fields, load_histories
from recommender.services import encoding
from recommender.services.deploying import Served, load_final
from recommender.services.extending import extend

STAGES = (0, 1, 5, 20)
"""Interactions after which the audience of an item of the catalog is predicted."""
SAMPLE, MOST_TAKERS = 1000, 500
"""People who stand for everyone, evenly spread, and takers at most whose places are looked at."""
CELLS = 4_000_000
SHOWN = 20
"""Length of a list in which someone is said to be shown the item."""


@runtime_checkable
class Warmable(Protocol):
    """Places a new item anew by who took it so far."""

    def told(self, texts: Float, takers: Sequence[Histories] | None = None, fields: Any = None) -> Float: ...

    def people(self, histories: Histories) -> Float: ...


@dataclass(frozen=True)
class Stage:
    """After `taken` interactions: `shown` share of people with the item among their first SHOWN, `place` the median
    place, `auc` (value, low, high) how often someone who took it later has it at a better place, as a share of their
    own list, than someone who never did; None where nobody did. `best` (keys of people, places), by that share too:
    of fewer candidates a place is better, so places alone would tell who is active."""

    taken: int
    shown: float
    place: float
    auc: tuple[float, float, float] | None
    best: list[tuple[int, int]]


class Standing(NamedTuple):
    """Where the item stands in each person's list: `places` from 1 on, `shares` of the list, 0 first and 1 last."""

    places: NDArray[np.int64]
    shares: NDArray[np.float64]


@dataclass(frozen=True)
class Audience:
    """`stages`; `people` how many were asked; `top` keys of the tenth with the best place after the last
    stage, as a share of their own list."""

    stages: list[Stage]
    people: int
    items: int
    top: list[int]
    everyone: list[int]
    warms: bool
    later: int


def runs_that_can(catalog: Catalog) -> list[Run]:
    """Finished runs that can score items that came after their training, as they were configured."""
    return [run for run in select.ranking_runs(catalog) if _can(run)]


def preferred(choice: Sequence[Run]) -> Run | None:
    """Of runs that can: the first that moves an item with its first takers, else the first."""
    moving = (run for run in choice if issubclass(registry.get(run.algorithm), Warmable))
    return next(moving, choice[0] if choice else None)


def _can(run: Run) -> bool:
    try:
        config = registry.config_class(run.algorithm).from_mapping(run.config)
    except BadConfig:  # of another version: it could not be loaded either
        return False
    return registry.places_new_items(run.algorithm, config)


def audience(
    *, catalog: Catalog, run: Run, item: Item | None, said: Mapping[str, Any], took: Sequence[int] = ()
) -> Audience:
    """The audience of `item` of the catalog as if it were new, told by `said` where something is typed; its own first
    takers stand for those of a new one, unless `took` names people.

    Raises Conflict, BadCheckpoint where the run cannot answer.
    """
    served = load_final(run=run)
    if not isinstance(served.model, ItemsExtendable):
        raise Conflict(f"{run.algorithm} cannot score items that came after its training.")
    frame, vectors = _described(catalog, run, item, said)
    takers = [] if item is None or took else select.takers(item)
    first = list(took) or takers[: STAGES[-1]]
    stages = [n for n in STAGES if n <= len(first)]
    stages += [len(first)] if took and len(first) not in stages else []
    later = takers[STAGES[-1] :][:MOST_TAKERS]
    sample = [key for key in select.sampled_people(catalog, SAMPLE) if key not in set(first)]
    asked = sorted({*sample, *later})
    warms = isinstance(served.model, Warmable)
    columns = _columns(catalog, served, item, first, stages, frame, vectors)
    standings, items = _standings(catalog, served, item, asked, columns)
    new = np.isin(asked, later)
    never = ~np.isin(asked, takers)
    everyone = np.isin(asked, sample)
    made = [
        _stage(n, np.array(asked), row, items, new, never, everyone)
        for n, row in zip(stages if warms else stages[:1], standings, strict=True)
    ]
    order = np.argsort(standings[-1].shares[everyone], kind="stable")
    among = np.array(asked)[everyone]
    top = among[order[: max(1, len(among) // 10)]] if len(among) else among
    return Audience(made, int(everyone.sum()), items, top.tolist(), among.tolist(), warms, len(later))


def _described(catalog: Catalog, run: Run, item: Item | None, said: Mapping[str, Any]) -> tuple[pd.DataFrame, Float]:
    """Fields (one row) and the text vector (1, SIZE): the item's own, or of what is typed."""
    if item is not None and not said:
        key = np.array([item.pk], dtype=np.int64)
        return item_fields(catalog.pk, key), texts.item_vectors(catalog.pk, IdMap(key))
    vectors = encoding.vectors_of(run=run, said=[said])
    return pd.DataFrame([dict(said)], index=range(1), dtype=object), vectors


def _columns(
    catalog: Catalog, served: Served, item: Item | None, first: Sequence[int], stages: Sequence[int],
    frame: pd.DataFrame, vectors: Float,
) -> Float | None:  # fmt: skip
    """(stages, d) the item's vectors after each stage, of a recommender that moves it by who took it; of others None,
    and it has a column more."""
    model: Any = served.model
    extend(model, vectors=vectors, fields=frame)
    if not isinstance(model, Warmable):
        return None
    histories = _without(load_histories(catalog_id=catalog.pk, users=first, items=served.items), served, item)
    met = [histories.select(np.arange(n)) for n in stages]
    many = pd.concat([frame] * len(stages), ignore_index=True)
    return model.told(np.repeat(vectors, len(stages), axis=0), met, many)


def _without(histories: Histories, served: Served, item: Item | None) -> Histories:
    """As if nobody had met the item yet."""
    if item is None:
        return histories
    return histories.keep(histories.items != served.items.positions(np.array([item.pk]))[0])


def _standings(
    catalog: Catalog, served: Served, item: Item | None, asked: Sequence[int], columns: Float | None
) -> tuple[list[Standing], int]:
    """Where the item stands with each person, by stage, and the length of the lists at most."""
    model: Any = served.model
    n = len(served.items)
    barred = served.items.positions(np.array([*hidden_items(catalog_id=catalog.pk), *([item.pk] if item else [])]))
    barred = barred[barred >= 0]
    rows, step = 1 if columns is None else len(columns), max(1, CELLS // max(1, n))
    found = [Standing(np.ones(len(asked), dtype=np.int64), np.full(len(asked), 0.5)) for _ in range(rows)]
    for start in range(0, len(asked), step):
        at = slice(start, start + step)
        histories = _without(load_histories(catalog_id=catalog.pk, users=asked[at], items=served.items), served, item)
        scores = model.score(histories)
        own = scores[:, n][None] if columns is None else columns @ model.people(histories).T
        others = mask_seen(scores[:, :n].copy(), histories)
        others[:, barred] = -np.inf
        for row, line in zip(found, own, strict=True):
            row.places[at], row.shares[at] = standing(line, others)
    return found, n - len(barred) + 1


def standing(own: Float, others: Float) -> Standing:
    """Of an item with scores `own` (n,) among `others` (n, n_items), −inf where nobody is shown them. As many of those
    with the same score stand above it as below, so that a score that tells nothing gives everyone a share of .5."""
    candidates = np.isfinite(others).sum(axis=1)
    above = (others > own[:, None]).sum(axis=1)
    equal = ((others == own[:, None]) & np.isfinite(others)).sum(axis=1)
    return Standing(1 + above + equal // 2, (above + (equal + 1) / 2) / (candidates + 1))


def _stage(
    taken: int, asked: Int, row: Standing, items: int, new: NDArray[np.bool_], never: NDArray[np.bool_],
    everyone: NDArray[np.bool_],
) -> Stage:  # fmt: skip
    own = row.places[everyone]
    order = np.argsort(row.shares[everyone], kind="stable")[:10]
    best = [(int(key), int(place)) for key, place in zip(asked[everyone][order], own[order], strict=True)]
    shown, middle = (float((own <= SHOWN).mean()), float(np.median(own))) if len(own) else (0.0, float(items))
    return Stage(taken, shown, middle, auc(row.shares[new], row.shares[never]), best)


def auc(took: NDArray[Any], never: NDArray[Any]) -> tuple[float, float, float] | None:
    """How often one of `took` has a smaller place than one of `never`, ties by half, with a 95% interval by the
    standard error of Hanley and McNeil (1982)."""
    n, m = len(took), len(never)
    if not n or not m:
        return None
    ordered = np.sort(never)
    above = m - np.searchsorted(ordered, took, side="right")
    ties = np.searchsorted(ordered, took, side="right") - np.searchsorted(ordered, took, side="left")
    a = float((above + ties / 2).mean() / m)
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = np.sqrt(max(0.0, a * (1 - a) + (n - 1) * (q1 - a * a) + (m - 1) * (q2 - a * a)) / (n * m))
    return a, max(0.0, a - 1.96 * float(error)), min(1.0, a + 1.96 * float(error))
