"""`manage.py adapt`: lists or predicted ratings for people by the few interactions in a file, and what is stored of
them; each person's own support only, nobody else's."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recommender.algorithms import registry
from recommender.algorithms.base import ItemsExtendable, RatingPredictor, top_k
from recommender.data.dataset import Float, Histories, IdMap, Int
from recommender.data.preparation import sort_by_time
from recommender.data.support import Checked, Given, checked
from recommender.data.support_files import MOST_TOLD, Rejected, items, pairs, people, supports
from recommender.exceptions import BadInput, Conflict
from recommender.models import EndUser, Item, Run
from recommender.selectors import texts
from recommender.selectors.attributes import unheard_of
from recommender.selectors.dataset import item_fields, load_histories
from recommender.services import encoding
from recommender.services.deploying import Served, load_final
from recommender.services.exporting import COLUMNS, DEEPEST, written
from recommender.services.extending import extend

PREDICTED = ("user", "item", "score")
BATCH = 256
CELLS = 4_000_000
TOLD = ("unknown", "too_new", "repeated", "off_scale")


@dataclass(frozen=True)
class Asked:
    """The files: `support` user,item[,rating][,timestamp]; `users` user and attributes; `items` item and what is said
    of it; `predict` the pairs user,item whose ratings are wanted instead of lists of `k` items."""

    support: Path
    out: Path
    k: int = 20
    users: Path | None = None
    items: Path | None = None
    predict: Path | None = None


def adapt_files(*, run: Run, asked: Asked, progress: Callable[[float], None] = lambda share: None) -> dict[str, Any]:
    """Write `user,item,rank,score` for everyone in the files `support` and `users`, or `user,item,score` for pairs.

    Returns {"run", "users", "rows", "out", "support", "attributes", "items", "rejected", "unpredicted"}: what was used,
    and all that was not taken as it stood. The file appears whole or not at all. Raises BadInput naming the field,
    Conflict for an unfinished run or one that cannot do what is asked.
    """
    if not 1 <= asked.k <= DEEPEST:
        raise BadInput(f"k must be from 1 to {DEEPEST}.", field="k")
    served = load_final(run=run)
    _can(served, asked)
    rejected = Rejected()
    given = supports(asked.support, rejected, now=time.time())
    told = people(asked.users, rejected) if asked.users else {}
    said = items(asked.items, rejected) if asked.items else {}
    wanted = pairs(asked.predict, rejected) if asked.predict else None
    order = list(dict.fromkeys([*given, *told, *(user for user, _ in wanted or ())]))
    catalogue = Catalogue.of(run, served, said, {item for _, item in wanted or ()})
    crowd = Crowd(run.catalog_id, catalogue, given, told)
    rows = _pair_rows(crowd, order, wanted) if wanted is not None else _list_rows(crowd, order, asked.k)
    count, shown = 0, 0.0
    with written(asked.out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(PREDICTED if wanted is not None else COLUMNS)
        for share, row in rows:
            writer.writerow(row)
            count += 1
            if share >= shown + 0.01 or share == 1.0:
                shown = share
                progress(share)
    return {
        "run": run.pk, "users": len(order), "rows": count, "out": str(asked.out), "support": crowd.support.told(),
        "attributes": _attributes(run.catalog_id, told), "items": catalogue.told(),
        "rejected": {"count": rejected.count, "first": rejected.reasons}, "unpredicted": crowd.unpredicted.told(),
    }  # fmt: skip


def _can(served: Served, asked: Asked) -> None:
    """Raises Conflict where the run cannot do what is asked."""
    if asked.predict is not None and not isinstance(served.model, RatingPredictor):
        able = ", ".join(name for name in registry.ALGORITHMS if "rating" in registry.abilities(name))
        raise Conflict(f"{served.algorithm} predicts no ratings. Choose a run of one that does: {able}.")
    if asked.predict is None and not registry.ranks(served.algorithm):
        raise Conflict(f"{served.algorithm} makes no lists, it only predicts ratings. Name pairs by --predict.")


@dataclass
class Tally:
    """How often something was so, and the first few."""

    count: int = 0
    first: list[dict[str, str]] = field(default_factory=list)

    def add(self, **row: str) -> None:
        self.count += 1
        if len(self.first) < MOST_TOLD:
            self.first.append(row)

    def told(self) -> dict[str, Any]:
        return {"count": self.count, "first": self.first}


@dataclass
class Supports:
    """What was used of all people's supports, and what was not as it stood."""

    used: int = 0
    tallies: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in TOLD})

    def add(self, user: str, found: Checked) -> None:
        self.used += found.used
        for name in TOLD:
            for item in getattr(found, name):
                self.tallies[name].add(user=user, item=item)

    def told(self) -> dict[str, Any]:
        return {"used": self.used, **{name: tally.told() for name, tally in self.tallies.items()}}


@dataclass(frozen=True)
class Catalogue:
    """The items that a recommender can score: ids by position, which are not listed, and how it came to know them.

    `places` position by id; `later` ids that came after the training; `unplaced` those it cannot score; `nameless`
    those of which nothing is known; `as_trained` those of the file that it knew, or that are hidden: not read.
    """

    served: Served
    ids: list[str]
    barred: Any
    later: list[str]
    unplaced: list[str]
    nameless: list[str]
    as_trained: list[str]

    @classmethod
    def of(cls, run: Run, served: Served, said: Mapping[str, Mapping[str, Any]], asked: set[str]) -> Catalogue:
        """Extends the recommender by the catalog's later items, those of the file and those only asked about."""
        rows = list(
            Item.objects.filter(catalog_id=run.catalog_id).order_by("id").values_list("id", "client_id", "hidden")
        )
        keys = IdMap(np.array([key for key, _, _ in rows], dtype=np.int64))
        trained = dict(zip(served.items.keys.tolist(), range(len(served.items)), strict=True))
        ids, barred = [""] * len(served.items), np.ones(len(served.items), dtype=np.bool_)
        stored: dict[str, int] = {}
        for key, client_id, hidden in rows:
            if key in trained:
                ids[trained[key]], barred[trained[key]] = client_id, hidden
            elif not hidden:
                stored[client_id] = key
        there = {*ids, *stored}
        hidden_ids = {client_id for _, client_id, hidden in rows if hidden}
        new = [name for name in said if name not in there and name not in hidden_ids]
        nameless = sorted(asked - there - set(new) - hidden_ids)
        later, fixed = [*stored, *new, *nameless], hidden_ids.union(ids)
        able = isinstance(served.model, ItemsExtendable) and bool(later)
        if able:
            frame, vectors = _described(run, keys, stored, said, [*new, *nameless])
            extend(served.model, vectors=vectors, fields=frame)
            ids, barred = [*ids, *later], np.concatenate([barred, np.isin(later, nameless)])
        placed, unplaced = (later, []) if able else ([], later)
        return cls(served, ids, barred, placed, unplaced, nameless, [name for name in said if name in fixed])

    @property
    def places(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.ids) if name}

    @property
    def scale(self) -> tuple[float, float] | None:
        found: tuple[float, float] | None = getattr(self.served.model, "scale", None)
        return found

    def told(self) -> dict[str, Any]:
        parts = {name: getattr(self, name) for name in ("later", "unplaced", "nameless", "as_trained")}
        return {name: {"count": len(part), "first": part[:MOST_TOLD]} for name, part in parts.items()}


def _described(
    run: Run, keys: IdMap, stored: Mapping[str, int], said: Mapping[str, Mapping[str, Any]], new: Sequence[str]
) -> tuple[pd.DataFrame, Float]:
    """Fields and text vectors of later items: of the catalog's own (what the file says of them counts more), then of
    the file's, then of those of which nothing is known."""
    own = np.array(list(stored.values()), dtype=np.int64)
    frame = item_fields(run.catalog_id, own) if len(own) else pd.DataFrame()
    known = {
        name: dict(zip(frame.columns, row, strict=True)) for name, row in zip(stored, frame.to_numpy(), strict=True)
    }
    rows = [known.get(name, {}) | dict(said.get(name, {})) for name in [*stored, *new]]
    vectors = encoding.vectors_of(run=run, said=[said.get(name, {}) for name in [*stored, *new]])
    if len(own):
        own_vectors = texts.item_vectors(run.catalog_id, IdMap(own))
        silent = ~vectors[: len(own)].any(axis=1)
        vectors[: len(own)][silent] = own_vectors[silent]
    return pd.DataFrame(rows, index=range(len(rows)), dtype=object), vectors


class Crowd:
    """People as the recommender is told of them: what is stored, then what the files say."""

    def __init__(
        self,
        catalog_id: int,
        catalogue: Catalogue,
        given: Mapping[str, Sequence[Given]],
        told: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.catalog_id, self.catalogue, self.given, self.told = catalog_id, catalogue, given, told
        self.scale = catalogue.scale
        self.places, self.support, self.unpredicted = catalogue.places, Supports(), Tally()
        self.attributes = sorted({name for each in told.values() for name in each})

    def histories(self, users: Sequence[str]) -> Histories:
        """A row for each of `users`, in positions of the catalogue's items, oldest first."""
        stored = self._stored(users)
        parts = [self._own(user) for user in users]
        lengths = np.array([len(part) for part in parts], dtype=np.int64)
        names = sorted({*stored.kind_names, *(each.kind for part in parts for each in part)})
        flat = [each for part in parts for each in part]
        rows = np.concatenate([stored.rows, np.repeat(np.arange(len(users)), lengths)])
        kinds = [names.index(stored.kind_names[kind]) for kind in stored.kinds] + [
            names.index(each.kind) for each in flat
        ]
        columns = {
            "items": np.concatenate([stored.items, _array([self.places[each.item] for each in flat], np.int64)]),
            "values": np.concatenate([stored.values, _array([_number(each.value) for each in flat], np.float32)]),
            "times": np.concatenate([stored.times, _array([each.time for each in flat], np.float64)]),
            "kinds": _array(kinds, np.int16),
        }
        order = np.argsort(rows, kind="stable")
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(users)))]).astype(np.int64)
        made = Histories(
            indptr=indptr, kind_names=tuple(names), fields=self._fields(users, stored), now=time.time(),
            **{name: column[order] for name, column in columns.items()},
        )  # fmt: skip
        return sort_by_time(made)

    def _own(self, user: str) -> tuple[Given, ...]:
        found = checked(self.given.get(user, ()), known=self.places, too_new=self.catalogue.unplaced, scale=self.scale)
        self.support.add(user, found)
        return found.taken

    def _stored(self, users: Sequence[str]) -> Histories:
        """What the database holds of those it knows; nothing of the others."""
        known = EndUser.objects.filter(catalog_id=self.catalog_id, client_id__in=users)
        keys = dict(known.values_list("client_id", "id"))
        there = [user for user in users if user in keys]
        found = load_histories(
            catalog_id=self.catalog_id, users=[keys[user] for user in there], items=self.catalogue.served.items
        )
        at = {user: place for place, user in enumerate(there)}
        counts = np.array([found.lengths[at[user]] if user in at else 0 for user in users], dtype=np.int64)
        blank = np.full(len(users), None, dtype=object)
        fields: dict[str, Any] = {}
        for name, column in found.fields.items():
            fields[name] = blank.copy()
            for place, user in enumerate(users):
                fields[name][place] = column[at[user]] if user in at else None
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return replace(found, indptr=indptr, fields=fields, contexts={})

    def _fields(self, users: Sequence[str], stored: Histories) -> dict[str, Any]:
        """Attributes: what the file says counts more than what is stored."""
        found = {name: np.array(column, dtype=object) for name, column in stored.fields.items()}
        for name in self.attributes:
            column = found.setdefault(name, np.full(len(users), None, dtype=object))
            for place, user in enumerate(users):
                if name in self.told.get(user, {}):
                    column[place] = self.told[user][name]
        return found


def _list_rows(crowd: Crowd, order: Sequence[str], k: int) -> Iterator[tuple[float, tuple[Any, ...]]]:
    """Rows of lists: what a person met, and hidden items, are left out."""
    catalogue = crowd.catalogue
    step = min(BATCH, max(1, CELLS // max(1, len(catalogue.ids))))
    for start in range(0, len(order), step):
        users = order[start : start + step]
        histories = crowd.histories(users)
        scores = catalogue.served.model.score(histories)
        scores[histories.rows, histories.items] = -np.inf
        scores[:, catalogue.barred] = -np.inf
        positions, values = top_k(scores, k)
        for user, found, best in zip(users, positions.tolist(), values.tolist(), strict=True):
            for rank, (at, score) in enumerate(zip(found, best, strict=True), start=1):
                if at >= 0:
                    yield (start + len(users)) / len(order), (user, catalogue.ids[at], rank, f"{score:.6g}")


def _pair_rows(
    crowd: Crowd, order: Sequence[str], wanted: Sequence[tuple[str, str]]
) -> Iterator[tuple[float, tuple[Any, ...]]]:
    """Rows of predicted ratings in the order of the pairs; a pair whose item it cannot score is left out and named."""
    asked: dict[str, list[int]] = {}
    for at, (user, _) in enumerate(wanted):
        asked.setdefault(user, []).append(at)
    found: dict[int, float] = {}
    model: Any = crowd.catalogue.served.model
    for start in range(0, len(order), BATCH):
        users = order[start : start + BATCH]
        histories = crowd.histories(users)
        at = [(row, place) for row, user in enumerate(users) for place in asked.get(user, ())]
        can = [(row, place) for row, place in at if wanted[place][1] in crowd.places]
        if not can:
            continue
        rows: Int = _array([row for row, _ in can], np.int64)
        items = _array([crowd.places[wanted[place][1]] for _, place in can], np.int64)
        said = model.predict(histories, rows, items)
        found |= {place: float(each) for (_, place), each in zip(can, said, strict=True)}
    for place, (user, item) in enumerate(wanted):
        if place in found:
            yield (place + 1) / len(wanted), (user, item, f"{found[place]:.6g}")
        else:
            crowd.unpredicted.add(user=user, item=item)


def _attributes(catalog_id: int, told: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Values nobody in the catalog has, and attributes that recommenders do not read."""
    unseen, unread = unheard_of(catalog_id, [pair for each in told.values() for pair in each.items()])
    named = [{"attribute": name, "value": value} for name, value in sorted(unseen)]
    return {"unseen": {"count": len(named), "first": named[:MOST_TOLD]}, "unread": sorted(unread)}


def _number(value: float | None) -> float:
    return 1.0 if value is None else value


def _array(given: Sequence[Any], kind: Any) -> Any:
    return np.array(given, dtype=kind)
