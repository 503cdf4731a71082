"""A catalog's interactions as they were put in, its gaps, and whether a report about them is still true."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from django.db import connection
from django.db.models import Count, Q
from numpy.typing import NDArray
from psycopg import sql

from recommender.data.dataset import IdMap
from recommender.data.health.rows import Rows
from recommender.models import Catalog, DataImport, EndUser, HealthReport, Interaction, Item
from recommender.models.catalog import Attribute
from recommender.selectors.dataset import HEADER, TRAILER

ROW = np.dtype(
    [
        ("columns", ">i2"),
        *[("user_bytes", ">i4"), ("user", ">i8")],
        *[("item_bytes", ">i4"), ("item", ">i8")],
        *[("value_bytes", ">i4"), ("value", ">f8")],
        *[("time_bytes", ">i4"), ("time", ">f8")],
        *[("kind_bytes", ">i4"), ("kind", ">i2")],
    ]
)
QUERY = """
    COPY (SELECT user_id, item_id, coalesce(value, 'NaN')::float8,
        CASE WHEN data_import_id = ANY({timeless}) THEN 'NaN' ELSE extract(epoch FROM time)::float8 END::float8,
        (array_position({kinds}::text[], kind::text) - 1)::int2
    FROM recommender_interaction WHERE catalog_id = {catalog} AND kind = ANY({kinds})) TO STDOUT (FORMAT binary)
"""
"""No ORDER BY: nothing that is counted depends on the order. Rows of a source without a clock have no time."""
TEXTS = ("title", "description", "image")
LISTS = ("categories", "creators")
VALUES = ("year", "released", "price")


def load_rows(*, catalog: Catalog) -> tuple[Rows, IdMap, IdMap]:
    """Every interaction with the keys of all people and items that its positions speak of."""
    users = IdMap(np.fromiter(_keys(EndUser, catalog), dtype=np.int64))
    items = IdMap(np.fromiter(_keys(Item, catalog), dtype=np.int64))
    kinds = sorted(Interaction.objects.filter(catalog=catalog).order_by().values_list("kind", flat=True).distinct())
    found = _copied(catalog, kinds)
    user, item = users.positions(found["user"]), items.positions(found["item"])
    known = (user >= 0) & (item >= 0)  # others came after the keys were read
    rows = Rows(
        users=user[known],
        items=item[known],
        values=found["value"][known].astype(np.float64),
        times=found["time"][known].astype(np.float64),
        kinds=found["kind"][known].astype(np.int16),
        kind_names=tuple(kinds),
        n_users=len(users),
        n_items=len(items),
    )
    return rows, users, items


def _keys(model: type[EndUser] | type[Item], catalog: Catalog) -> Any:
    return model.objects.filter(catalog=catalog).order_by("id").values_list("id", flat=True).iterator(10_000)


def _copied(catalog: Catalog, kinds: list[str]) -> NDArray[np.void]:
    timeless = list(DataImport.objects.filter(catalog=catalog, has_clock=False).values_list("pk", flat=True))
    query = sql.SQL(QUERY).format(
        kinds=sql.Literal(kinds), catalog=sql.Literal(catalog.pk), timeless=sql.Literal(timeless)
    )
    buffer = bytearray()
    with connection.cursor() as cursor, cast(Any, cursor.cursor).copy(query) as copy:
        for block in copy:
            buffer += block
    return np.frombuffer(buffer, dtype=ROW, offset=HEADER, count=(len(buffer) - HEADER - TRAILER) // ROW.itemsize)


def gaps(*, catalog: Catalog) -> list[dict[str, Any]]:
    """{"of" (items, people or interactions), "column", "missing", "rows"} per column that could hold something."""
    items = {name: Q(**{name: ""}) for name in TEXTS} | {name: Q(**{name: []}) for name in LISTS}
    items |= {name: Q(**{f"{name}__isnull": True}) for name in VALUES}
    items |= _attributes(catalog, Attribute.Scope.ITEM)
    people = _attributes(catalog, Attribute.Scope.USER)
    done = {"value": Q(value__isnull=True), "context": Q(context__isnull=True)}
    return [
        *_counted("items", Item, catalog, items),
        *_counted("people", EndUser, catalog, people),
        *_counted("interactions", Interaction, catalog, done),
    ]


def _attributes(catalog: Catalog, scope: str) -> dict[str, Q]:
    declared = Attribute.objects.filter(catalog=catalog, scope=scope).values_list("name", flat=True)
    return {name: ~Q(attributes__has_key=name) | Q(**{f"attributes__{name}": None}) for name in declared if name}


def _counted(of: str, model: Any, catalog: Catalog, columns: dict[str, Q]) -> list[dict[str, Any]]:
    wanted = {f"gap_{at}": Count("pk", filter=gap) for at, gap in enumerate(columns.values())}
    found = model.objects.filter(catalog=catalog).aggregate(rows=Count("pk"), **wanted)
    return [
        {"of": of, "column": name, "missing": found[f"gap_{at}"], "rows": found["rows"]}
        for at, name in enumerate(columns)
        if found["rows"]
    ]


def stamp(*, catalog: Catalog) -> str:
    """Another text whenever people, items or interactions came or went."""
    tables = (EndUser, Item, Interaction)
    return "-".join(str(model._default_manager.filter(catalog=catalog).count()) for model in tables)


def report_of(*, catalog: Catalog) -> HealthReport | None:
    return HealthReport.objects.filter(catalog=catalog).first()


def names_of(*, catalog: Catalog, keys: list[int]) -> dict[int, str]:
    """The client's ids of people who are still there."""
    return dict(EndUser.objects.filter(catalog=catalog, pk__in=keys).values_list("pk", "client_id"))
