"""One catalog as arrays: interactions streamed out of PostgreSQL by binary COPY, people and items with features."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd
from django.db import connection
from django.db.models import Count, Max, QuerySet
from numpy.typing import NDArray
from psycopg import sql

from recommender.data.dataset import Dataset, Histories, IdMap, Int
from recommender.data.groups import column_of
from recommender.models import Attribute, EndUser, Interaction, Item
from recommender.selectors import texts

HEADER = 19
"""Bytes before the first row of a binary COPY: signature (11), flags (4), length of the extension (4, here 0)."""
TRAILER = 2
ROW = np.dtype(
    [
        ("columns", ">i2"),
        *[("user_bytes", ">i4"), ("user", ">i8")],
        *[("item_bytes", ">i4"), ("item", ">i8")],
        *[("value_bytes", ">i4"), ("value", ">f4")],
        *[("time_bytes", ">i4"), ("time", ">f8")],
        *[("kind_bytes", ">i4"), ("kind", ">i2")],
    ]
)
"""A row of the query below: no column can be NULL, so that every row has this length and one view reads them all."""
ROW_WITH_ID = np.dtype([*((name, ROW[name]) for name in ROW.names or ()), ("id_bytes", ">i4"), ("id", ">i8")])
"""Where interactions have a context, they are told apart by their key; elsewhere nobody waits for it."""
QUERY = """
    SELECT user_id, item_id, coalesce(value, 1)::float4, extract(epoch FROM time)::float8,
           (array_position({kinds}::text[], kind::text) - 1)::int2 {id}
    FROM recommender_interaction
    WHERE catalog_id = {catalog} AND id <= {last} AND kind = ANY({kinds}) {people}
    ORDER BY user_id, time, id
"""
MOST_CONTEXTS = 100
ITEM_COLUMNS = ("title", "categories", "creators", "year", "released", "description")


@dataclass(frozen=True)
class Bounds:
    """The newest rows a dataset may hold, so that a training that is resumed sees what it saw before."""

    user: int
    item: int
    interaction: int


def current_bounds() -> Bounds:
    """The newest person, item and interaction there are now (of any catalog: ids are shared, which does no harm)."""
    newest = [model.objects.aggregate(newest=Max("id"))["newest"] or 0 for model in (EndUser, Item, Interaction)]
    return Bounds(*newest)


def load_dataset(
    *, catalog_id: int, bounds: Bounds | None = None, sensitive: Collection[str] = (), text: bool = False,
    groups: Collection[str] = (),
) -> Dataset:  # fmt: skip
    """Everything a recommender may learn from: all people and items (hidden ones too), every interaction.

    Histories are ordered by (person, time, id), so ties in time keep their order of arrival. Attributes that are
    declared as features and are not sensitive become columns; `sensitive` names those allowed all the same. `text` also
    fills `item_vectors` and `item_texts`; services.encoding.ensure_vectors makes the vectors that are not there yet.
    `groups` names attributes of people, sensitive or not, that go into `user_groups` and nowhere else.
    """
    bounds = bounds or current_bounds()
    people = EndUser.objects.filter(catalog_id=catalog_id, id__lte=bounds.user).order_by("id")
    items = Item.objects.filter(catalog_id=catalog_id, id__lte=bounds.item).order_by("id")
    names = _features(catalog_id, sensitive)
    user_keys, user_fields = _frame(people, (), names[Attribute.Scope.USER])
    item_keys, item_fields = _frame(items, ITEM_COLUMNS, names[Attribute.Scope.ITEM])
    histories = _histories(catalog_id, user_keys, item_keys, last=bounds.interaction, people=None)
    dataset = Dataset(user_keys, item_keys, _with_fields(histories, user_fields), user_fields, item_fields)
    if groups:
        dataset = replace(dataset, user_groups=_groups(catalog_id, people, user_keys, groups))
    return _with_text(catalog_id, dataset, bounds.item) if text else dataset


def _groups(
    catalog_id: int, people: QuerySet[Any], keys: IdMap, names: Collection[str]
) -> dict[str, NDArray[np.object_]]:
    """A column per attribute of `names` that is declared; people who came or went meanwhile are not known."""
    declared = Attribute.objects.filter(catalog_id=catalog_id, scope=Attribute.Scope.USER, name__in=names)
    types = dict(declared.order_by("name").values_list("name", "type"))
    found, frame = _frame(people, (), list(types))
    place = found.positions(keys.keys)
    columns = {}
    for name, kind in types.items():
        column = column_of(frame[name].tolist(), number=kind == Attribute.Type.NUMBER)
        columns[name] = np.append(column, np.array([None], dtype=object))[place]
    return columns


def _with_text(catalog_id: int, dataset: Dataset, newest: int) -> Dataset:
    composed = {each.id: each.text for each in texts.item_texts(catalog_id, newest=newest)}
    said = np.array([composed.get(key, "") for key in dataset.items.keys.tolist()], dtype=object)
    return replace(dataset, item_vectors=texts.item_vectors(catalog_id, dataset.items), item_texts=said)


def load_histories(*, catalog_id: int, users: Sequence[int], items: IdMap) -> Histories:
    """What the people with database keys `users` did, a row each in that order, in positions of `items`.

    Interactions with items that are not in `items` (they came after the training) are left out.
    """
    keys = IdMap(np.unique(np.asarray(users, dtype=np.int64)))
    names = _features(catalog_id, ())[Attribute.Scope.USER]
    fields = _frame(EndUser.objects.filter(id__in=keys.keys.tolist()).order_by("id"), (), names)
    found = _histories(catalog_id, keys, items, last=np.iinfo(np.int64).max, people=keys.keys.tolist())
    if len(fields[0]) == len(keys):  # someone may have been erased meanwhile: then nobody's attributes are taken
        found = _with_fields(found, fields[1])
    return found.select(keys.positions(np.asarray(users, dtype=np.int64)))


def item_fields(catalog_id: int, keys: Int) -> pd.DataFrame:
    """What is said of the items `keys` (ascending), a row each, as `Dataset.item_fields`."""
    names = _features(catalog_id, ())[Attribute.Scope.ITEM]
    rows = Item.objects.filter(catalog_id=catalog_id, id__in=keys.tolist()).order_by("id")
    there, frame = _frame(rows, ITEM_COLUMNS, names)
    frame.index = pd.Index(there.keys)
    return frame.reindex(keys).reset_index(drop=True)  # one may have been deleted just now


def hidden_items(*, catalog_id: int) -> Int:
    """Database keys of what must never be recommended, ascending."""
    hidden = Item.objects.filter(catalog_id=catalog_id, hidden=True).order_by("id").values_list("id", flat=True)
    return np.fromiter(hidden, dtype=np.int64)


def item_counts(*, catalog_id: int, items: IdMap) -> Int:
    """(n_items,) how many interactions each of `items` has now."""
    found = Interaction.objects.filter(catalog_id=catalog_id).order_by().values_list("item_id")
    rows = np.array(list(found.annotate(count=Count("id"))), dtype=np.int64).reshape(-1, 2)
    at = items.positions(rows[:, 0])
    counts = np.zeros(len(items), dtype=np.int64)
    counts[at[at >= 0]] = rows[at >= 0, 1]
    return counts


def _features(catalog_id: int, sensitive: Collection[str]) -> dict[str, list[str]]:
    declared = Attribute.objects.filter(catalog_id=catalog_id, feature=True).order_by("name")
    names: dict[str, list[str]] = {scope: [] for scope in Attribute.Scope.values}
    for each in declared:
        if not each.sensitive or each.name in sensitive:
            names[each.scope].append(each.name)
    return names


def _frame(rows: QuerySet[Any], columns: Iterable[str], attributes: Sequence[str]) -> tuple[IdMap, pd.DataFrame]:
    """Keys of `rows` and a table of their columns and declared attributes (None where someone has none)."""
    columns = list(columns)
    names = [name for name in attributes if name not in columns]
    wanted = ["id", *columns, *(["attributes"] if names else [])]
    found = list(rows.values_list(*wanted).iterator(chunk_size=10_000))
    keys = IdMap(np.fromiter((row[0] for row in found), dtype=np.int64, count=len(found)))
    table = {name: _column([row[at] for row in found]) for at, name in enumerate(columns, start=1)}
    table |= {name: _column([row[-1].get(name) for row in found]) for name in names}
    return keys, pd.DataFrame(table, index=pd.RangeIndex(len(found)))


def _column(values: list[Any]) -> pd.Series:
    """Always of type object: a column of numbers with gaps must not become another type than one without."""
    return pd.Series(np.fromiter(values, dtype=object, count=len(values)), dtype=object)


def _with_fields(histories: Histories, fields: pd.DataFrame) -> Histories:
    columns: dict[str, NDArray[np.generic]] = {str(name): fields[name].to_numpy(dtype=object) for name in fields}
    return replace(histories, fields=columns)


def _histories(catalog_id: int, users: IdMap, items: IdMap, *, last: int, people: list[int] | None) -> Histories:
    kinds, asked = _kinds(catalog_id, people), _with_context(catalog_id, last, people)
    with_context = asked.exists()
    rows = _copied(catalog_id, kinds, last, people, with_id=with_context)
    user, item = users.positions(rows["user"]), items.positions(rows["item"])
    known = (user >= 0) & (item >= 0)
    if not known.all():
        rows, user, item = rows[known], user[known], item[known]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=len(users)))]).astype(np.int64)
    return Histories(
        indptr=indptr,
        items=item,
        values=rows["value"].astype(np.float32),
        times=rows["time"].astype(np.float64),
        kinds=rows["kind"].astype(np.int16),
        kind_names=tuple(kinds),
        contexts=_contexts(asked, rows["id"]) if with_context else {},
    )


def _with_context(catalog_id: int, last: int, people: list[int] | None) -> QuerySet[Interaction]:
    found = Interaction.objects.filter(catalog_id=catalog_id, id__lte=last, context__isnull=False)
    return found if people is None else found.filter(user_id__in=people)


def _contexts(asked: QuerySet[Interaction], keys: NDArray[np.int64]) -> dict[str, NDArray[np.object_]]:
    """A column per piece of context, aligned with the interactions `keys`; None where one has no such piece.

    A context that is not an object, and a piece that is a list or an object, is no feature. The first MOST_CONTEXTS
    names count, by arrival: a client that makes up a name for each event must not cost a column for each.
    """
    places = {key: at for at, key in enumerate(keys.tolist())}
    columns: dict[str, NDArray[np.object_]] = {}
    for key, context in asked.order_by("id").values_list("id", "context").iterator(chunk_size=10_000):
        at = places.get(key)
        if at is None or not isinstance(context, dict):
            continue
        for name, value in context.items():
            if isinstance(value, list | dict):
                continue
            if name not in columns and len(columns) < MOST_CONTEXTS:
                columns[name] = np.full(len(keys), None, dtype=object)
            if name in columns:
                columns[name][at] = value
    return dict(sorted(columns.items()))


def _kinds(catalog_id: int, people: list[int] | None) -> list[str]:
    found = Interaction.objects.filter(catalog_id=catalog_id)
    if people is not None:
        found = found.filter(user_id__in=people)
    return sorted(found.order_by().values_list("kind", flat=True).distinct())


def _copied(
    catalog_id: int, kinds: list[str], last: int, people: list[int] | None, *, with_id: bool
) -> NDArray[np.void]:
    """The interactions as one structured array; the buffer is the only copy of them."""
    only = sql.SQL("") if people is None else sql.SQL("AND user_id = ANY({})").format(sql.Literal(people))
    query = sql.SQL(QUERY).format(
        kinds=sql.Literal(kinds), catalog=sql.Literal(catalog_id), last=sql.Literal(last), people=only,
        id=sql.SQL(", id" if with_id else ""),
    )  # fmt: skip
    row = ROW_WITH_ID if with_id else ROW
    buffer = bytearray()
    with connection.cursor() as cursor:
        driver = cast(Any, cursor.cursor)
        with driver.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)) as copy:
            for block in copy:
                buffer += block
    return np.frombuffer(buffer, dtype=row, offset=HEADER, count=(len(buffer) - HEADER - TRAILER) // row.itemsize)
