"""People and items by the client's own ids, many at a time: used by import and REST alike.

Staged by COPY into a temporary table, then put in and changed by two statements, so that a thousand rows or a million
cost a few round trips. What is not given is left as it is; attributes are merged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection, transaction

from recommender.data.identifiers import CLIENT_ID_MESSAGE
from recommender.data.readers.rows import Declared, Entity
from recommender.data.readers.values import is_client_id
from recommender.models import Attribute, Catalog, EndUser, Item


@dataclass(frozen=True)
class Rejection:
    """One thing of a list that cannot be taken: its place, the field that is wrong and what to do."""

    index: int
    field: str
    message: str


@dataclass
class Upserted:
    """How many were new, changed and the same, and which were refused."""

    new: int = 0
    changed: int = 0
    same: int = 0
    rejected: list[Rejection] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        return {key: value for key, value in asdict(self).items() if key != "rejected"}


ITEM_TYPES = {
    "title": "text", "description": "text", "categories": "varchar[]", "creators": "varchar[]", "year": "smallint",
    "released": "date", "price": "double precision", "image": "text", "hidden": "boolean", "attributes": "jsonb",
}  # fmt: skip
ITEM_DEFAULTS = {
    "title": "''", "description": "''", "categories": "'{}'", "creators": "'{}'", "image": "''", "hidden": "false",
    "attributes": "'{}'",
}  # fmt: skip
USER_TYPES, USER_DEFAULTS = {"attributes": "jsonb"}, {"attributes": "'{}'"}


@transaction.atomic
def upsert_items(*, catalog: Catalog, items: Iterable[Entity]) -> Upserted:
    """Puts in the items whose ids are new and changes what is given of the others. The last of equal ids counts."""
    return upsert(Item, catalog, items, ITEM_TYPES, ITEM_DEFAULTS)


@transaction.atomic
def upsert_users(*, catalog: Catalog, users: Iterable[Entity]) -> Upserted:
    """The same for people."""
    return upsert(EndUser, catalog, users, USER_TYPES, USER_DEFAULTS)


def upsert(
    model: type[Item] | type[EndUser],
    catalog: Catalog,
    entities: Iterable[Entity],
    types: Mapping[str, str],
    defaults: Mapping[str, str],
) -> Upserted:
    table, done = model._meta.db_table, Upserted()
    with connection.cursor() as cursor:
        given = ", ".join(f"{name} {kind}" for name, kind in types.items())
        cursor.execute("DROP TABLE IF EXISTS incoming")
        cursor.execute(f"CREATE TEMPORARY TABLE incoming (place bigint, client_id text, {given}) ON COMMIT DROP")
        staged = stage(cursor, entities, list(types), done)
        cursor.execute("CREATE TEMPORARY TABLE latest ON COMMIT DROP AS " + LATEST)
        cursor.execute("ANALYZE latest")
        columns = ", ".join(types)
        filled = ", ".join(f"COALESCE({name}, {defaults[name]})" if name in defaults else name for name in types)
        cursor.execute(
            f"INSERT INTO {table} (catalog_id, client_id, {columns}) SELECT %s, client_id, {filled} FROM latest "
            "ORDER BY place ON CONFLICT (catalog_id, client_id) DO NOTHING",
            [catalog.pk],
        )
        done.new = cursor.rowcount
        cursor.execute(change_statement(table, list(types)), [catalog.pk])
        done.changed = cursor.rowcount
        cursor.execute("DROP TABLE incoming, latest")
    done.same = staged - done.new - done.changed
    return done


LATEST = "SELECT DISTINCT ON (client_id) * FROM incoming ORDER BY client_id, place DESC"


def change_statement(table: str, columns: Sequence[str]) -> str:
    """An UPDATE of what is given and differs."""
    given = {name: f"COALESCE(latest.{name}, old.{name})" for name in columns}
    given["attributes"] = "old.attributes || COALESCE(latest.attributes, '{}')"
    changes = ", ".join(f"{name} = {value}" for name, value in given.items())
    before, after = ", ".join(f"old.{name}" for name in given), ", ".join(given.values())
    return (
        f"UPDATE {table} old SET {changes}, updated = statement_timestamp() FROM latest "
        f"WHERE old.catalog_id = %s AND old.client_id = latest.client_id AND ({before}) IS DISTINCT FROM ({after})"
    )


def stage(cursor: Any, entities: Iterable[Entity], columns: Sequence[str], done: Upserted) -> int:
    """Copies entities into `incoming`; those without a proper id are refused. Returns how many were staged."""
    staged = 0
    with cursor.copy(f"COPY incoming (place, client_id, {', '.join(columns)}) FROM STDIN") as copy:
        for place, entity in enumerate(entities):
            if not is_client_id(entity.client_id):
                done.rejected.append(Rejection(place, "id", CLIENT_ID_MESSAGE))
                continue
            attributes = json.dumps(dict(entity.attributes), ensure_ascii=False) if entity.attributes else None
            values = {**entity.fields, "attributes": attributes}
            copy.write_row([place, entity.client_id, *(values.get(name) for name in columns)])
            staged += 1
    return staged


def ensure_ids(
    *, model: type[Item] | type[EndUser], catalog: Catalog, client_ids: Sequence[str]
) -> tuple[dict[str, int], int]:
    """Database keys by client id, bare rows made for ids that are new; and how many were made.

    The ids must be well-formed.
    """
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (catalog_id, client_id, attributes) "
            "SELECT %s, one.id, '{}' FROM unnest(%s::text[]) WITH ORDINALITY AS one (id, place) "
            f"WHERE NOT EXISTS (SELECT FROM {table} old WHERE old.catalog_id = %s AND old.client_id = one.id) "
            "ORDER BY place ON CONFLICT (catalog_id, client_id) DO NOTHING",
            [catalog.pk, list(client_ids), catalog.pk],
        )
        made = cursor.rowcount
    return find_ids(model=model, catalog=catalog, client_ids=client_ids), made


def find_ids(*, model: type[Item] | type[EndUser], catalog: Catalog, client_ids: Sequence[str]) -> dict[str, int]:
    """Database keys by client id, of those that are there."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT client_id, id FROM {table} WHERE catalog_id = %s AND client_id = ANY(%s)",
            [catalog.pk, list(client_ids)],
        )
        return dict(cursor.fetchall())


def declare_attributes(*, catalog: Catalog, declared: Iterable[Declared]) -> int:
    """Makes the attributes that the catalog does not declare yet; what it has declared stays. Returns how many."""
    before = Attribute.objects.filter(catalog=catalog).count()
    rows = [Attribute(catalog=catalog, **asdict(one)) for one in declared]
    Attribute.objects.bulk_create(rows, ignore_conflicts=True)
    return Attribute.objects.filter(catalog=catalog).count() - before


def declared_types(*, catalog: Catalog, scope: str) -> dict[str, str]:
    """The types of the attributes that a catalog declares for people ("user") or items ("item")."""
    return dict(Attribute.objects.filter(catalog=catalog, scope=scope).values_list("name", "type"))
