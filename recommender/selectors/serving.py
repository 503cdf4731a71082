"""What one answer needs to read: few queries, each by an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from django.db.models import QuerySet, Sum
from numpy.typing import NDArray

from recommender.data.dataset import CONTEXT, Histories, Int
from recommender.models import CatalogueVersion, Deployment, EndUser, Item, Run
from recommender.selectors.hot import History

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


class Shown(NamedTuple):
    client_id: str
    title: str


def deployed_run(catalog_id: int) -> int | None:
    latest = Deployment.objects.filter(catalog_id=catalog_id).order_by("-id")
    return latest.values_list("run_id", flat=True).first()


def attributes_of(user_id: int) -> dict[str, Any]:
    """What is known of a person beside the history; a recommender reads of it what it learned from, nothing else."""
    found = EndUser.objects.filter(pk=user_id).values_list("attributes", flat=True).first()
    return found if isinstance(found, dict) else {}


def as_histories(
    past: History, at: Int, *, context: Mapping[str, str], now: float, attributes: Mapping[str, Any] | None = None
) -> Histories:
    """One person's row for a recommender: `at` (nnz,) are the positions of the items, −1 where it knows none."""
    asked = {**(attributes or {}), **{CONTEXT + name: value for name, value in context.items()}}
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
        fields={name: as_column(value) for name, value in asked.items()},
        now=now,
    )


def as_column(value: Any) -> NDArray[np.object_]:
    """(1,) whatever the value is: a list stays one value."""
    column = np.empty(1, dtype=object)
    column[0] = value
    return column


def catalogue_version(catalog_id: int) -> int:
    """A number that grows with every change of the catalog's items."""
    parts = CatalogueVersion.objects.filter(catalog_id=catalog_id)
    return int(parts.aggregate(sum=Sum("version"))["sum"] or 0)


def names_of_all(catalog_id: int, most: int) -> list[tuple[int, str, str, bool]]:
    """(key, id, title, hidden) of every item by ascending key; of a catalog with more than `most`, nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, client_id, title, hidden FROM recommender_item WHERE catalog_id = %s ORDER BY id LIMIT %s",
            [catalog_id, most + 1],
        )
        rows: list[tuple[int, str, str, bool]] = cursor.fetchall()
        return rows if len(rows) <= most else []


def shown_items(catalog_id: int, keys: Iterable[int]) -> dict[int, Shown]:
    """Ids and titles of those of `keys` that still exist and are not hidden."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, client_id, title FROM recommender_item WHERE id = ANY(%s) AND catalog_id = %s AND NOT hidden",
            [[int(key) for key in keys], catalog_id],
        )
        return {key: Shown(client_id, title) for key, client_id, title in cursor.fetchall()}


def keys_of_items(catalog_id: int, client_ids: Sequence[str]) -> dict[str, int]:
    """Database keys of items by their ids, of those that are there."""
    found = Item.objects.filter(catalog_id=catalog_id, client_id__in=client_ids)
    return dict(found.values_list("client_id", "id"))


def ids_of_people(catalog_id: int, keys: Sequence[int]) -> dict[int, str]:
    """Ids of people by database key, of those that are there."""
    return dict(EndUser.objects.filter(catalog_id=catalog_id, id__in=keys).values_list("id", "client_id"))


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
