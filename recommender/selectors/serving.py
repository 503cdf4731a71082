"""What one answer needs to read: few queries, each by an index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery

from recommender.data.dataset import Histories, Int
from recommender.models import Deployment, EndUser, Interaction, Item, Run

PEOPLE_COUNTED = 2000
"""Of an item that more people met, the latest so many stand for all when asking what they met besides."""

MET_BY = """
    SELECT id, people FROM (
        SELECT item.id, count(DISTINCT interaction.user_id)::float4 AS people
        FROM recommender_item item LEFT JOIN recommender_interaction interaction ON interaction.item_id = item.id
        WHERE item.catalog_id = %(catalog)s GROUP BY item.id ORDER BY people DESC, item.id LIMIT %(most)s
    ) counted ORDER BY id
"""
MET_TOGETHER = """
    WITH people AS MATERIALIZED (
        SELECT user_id FROM recommender_interaction WHERE item_id = %(item)s AND catalog_id = %(catalog)s
        GROUP BY user_id ORDER BY max(time) DESC LIMIT %(people)s
    )
    SELECT interaction.item_id, count(DISTINCT interaction.user_id)::float4
    FROM people JOIN recommender_interaction interaction USING (user_id)
    WHERE interaction.item_id <> %(item)s GROUP BY 1 ORDER BY 1
"""


class Person(NamedTuple):
    """`id`: database key, None where nobody has this id; `run_id`: the deployed run, None where there is none."""

    id: int | None
    run_id: int | None


class Shown(NamedTuple):
    client_id: str
    title: str


def deployed_run(catalog_id: int) -> int | None:
    latest = Deployment.objects.filter(catalog_id=catalog_id).order_by("-id")
    return latest.values_list("run_id", flat=True).first()


def person(catalog_id: int, client_id: str) -> Person:
    """Who asks and which run serves, in one query for people who are known."""
    latest = Deployment.objects.filter(catalog_id=OuterRef("catalog_id")).order_by("-id").values("run_id")[:1]
    known = EndUser.objects.filter(catalog_id=catalog_id, client_id=client_id)
    row = known.values_list("id", Subquery(latest)).first()
    return Person(*row) if row else Person(None, deployed_run(catalog_id))


class History(NamedTuple):
    """What one person did, oldest first. `items` are database keys."""

    items: Int
    values: np.ndarray[Any, Any]
    times: np.ndarray[Any, Any]
    kinds: list[str]


def history(user_id: int) -> History:
    """By the index (user, time, id), so that equal times keep their order of arrival."""
    rows = Interaction.objects.filter(user_id=user_id).order_by("time", "id")
    found = list(rows.values_list("item_id", "value", "time", "kind"))
    return History(
        items=np.array([row[0] for row in found], dtype=np.int64),
        values=np.array([1.0 if row[1] is None else row[1] for row in found], dtype=np.float32),
        times=np.array([row[2].timestamp() for row in found], dtype=np.float64),
        kinds=[row[3] for row in found],
    )


def as_histories(past: History, at: Int, *, context: dict[str, str], now: float) -> Histories:
    """One person's row for a recommender: `at` (nnz,) are the positions of the items, −1 where it knows none."""
    known = at >= 0
    names = tuple(sorted(set(past.kinds)))
    kinds = np.array([names.index(kind) for kind in past.kinds], dtype=np.int16)
    return Histories(
        indptr=np.array([0, int(known.sum())], dtype=np.int64),
        items=at[known],
        values=past.values[known],
        times=past.times[known],
        kinds=kinds[known],
        kind_names=names,
        fields={name: np.array([value], dtype=object) for name, value in context.items()},
        now=now,
    )


def shown_items(catalog_id: int, keys: Iterable[int], *, also: Iterable[int] = ()) -> dict[int, Shown]:
    """Ids and titles of those of `keys` that still exist and are not hidden, and of `also` even where hidden."""
    keys, also = [int(key) for key in keys], [int(key) for key in also]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, client_id, title FROM recommender_item"
            " WHERE id = ANY(%s) AND catalog_id = %s AND (NOT hidden OR id = ANY(%s))",
            [keys + also, catalog_id, also],
        )
        return {key: Shown(client_id, title) for key, client_id, title in cursor.fetchall()}


def items_in(catalog_id: int, categories: Sequence[str]) -> Int:
    """Database keys of the items in any of the categories."""
    found = Item.objects.filter(catalog_id=catalog_id, categories__overlap=list(categories))
    return np.array(found.values_list("id", flat=True), dtype=np.int64)


def met_by(catalog_id: int, most: int) -> list[tuple[int, float]]:
    """How many people met each item (0 too), by ascending key; of a larger catalog the `most` best known."""
    return _rows(MET_BY, catalog=catalog_id, most=most)


def met_together(catalog_id: int, item_id: int) -> list[tuple[int, float]]:
    """How many of the people who met `item_id` met each other item, by ascending key."""
    return _rows(MET_TOGETHER, catalog=catalog_id, item=item_id, people=PEOPLE_COUNTED)


def _rows(query: str, **given: int) -> list[tuple[int, float]]:
    with connection.cursor() as cursor:
        cursor.execute(query, given)
        return cursor.fetchall()


def succeeded_run(catalog_id: int, run_id: int) -> Run | None:
    return Run.objects.filter(catalog_id=catalog_id, pk=run_id, status=Run.Status.SUCCEEDED).first()


def items_of(catalog_id: int) -> QuerySet[Item]:
    return Item.objects.filter(catalog_id=catalog_id).defer("text_vector")


def users_of(catalog_id: int) -> QuerySet[EndUser]:
    return EndUser.objects.filter(catalog_id=catalog_id)
