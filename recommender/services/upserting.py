"""People and items by the client's own ids, many at a time: used by import and REST alike.

Staged by COPY into a temporary table, then put in and changed by two statements, so that a thousand rows or a million
cost a few round trips. What is not given is left as it is; attributes are merged.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection, transaction

from recommender.data.identifiers import CLIENT_ID_MESSAGE
from recommender.data.readers.rows import Declared, Entity
from recommender.data.readers.values import is_client_id
from recommender.models import Attribute, Catalog, EndUser, ImportTrace, Item


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
def upsert_items(*, catalog: Catalog, items: Iterable[Entity], trace: Trace | None = None) -> Upserted:
    """Puts in the items whose ids are new and changes what is given of the others. The last of equal ids counts."""
    return upsert(Item, catalog, items, trace)


@transaction.atomic
def upsert_users(*, catalog: Catalog, users: Iterable[Entity], trace: Trace | None = None) -> Upserted:
    """The same for people."""
    return upsert(EndUser, catalog, users, trace)


@transaction.atomic
def would_upsert(
    *, model: type[Item] | type[EndUser], catalog: Catalog, entities: Iterable[Entity]
) -> tuple[Upserted, list[str]]:
    """What putting `entities` in would count, and which ids would be new, without changing a row."""
    types, table, done = ITEM_TYPES if model is Item else USER_TYPES, model._meta.db_table, Upserted()
    with connection.cursor() as cursor:
        staged = stage_latest(cursor, entities, types, done)
        cursor.execute(
            "SELECT client_id FROM latest WHERE NOT EXISTS "
            f"(SELECT FROM {table} old WHERE old.catalog_id = %s AND old.client_id = latest.client_id)",
            [catalog.pk],
        )
        new = [client_id for (client_id,) in cursor.fetchall()]
        cursor.execute(f"SELECT count(*) FROM {table} old, latest WHERE {differs(list(types))}", [catalog.pk])
        (done.changed,) = cursor.fetchone()
        cursor.execute("DROP TABLE incoming, latest")
    done.new, done.same = len(new), staged - len(new) - done.changed
    return done, new


def stage_latest(cursor: Any, entities: Iterable[Entity], types: Mapping[str, str], done: Upserted) -> int:
    """Copies entities into `incoming` and the last of equal ids into `latest`. Returns how many were copied."""
    given = ", ".join(f"{name} {kind}" for name, kind in types.items())
    cursor.execute("DROP TABLE IF EXISTS incoming")
    cursor.execute(f"CREATE TEMPORARY TABLE incoming (place bigint, client_id text, {given}) ON COMMIT DROP")
    staged = stage(cursor, entities, list(types), done)
    cursor.execute("CREATE TEMPORARY TABLE latest ON COMMIT DROP AS " + LATEST)
    cursor.execute("ANALYZE latest")
    return staged


def upsert(
    model: type[Item] | type[EndUser], catalog: Catalog, entities: Iterable[Entity], trace: Trace | None
) -> Upserted:
    types, defaults = (ITEM_TYPES, ITEM_DEFAULTS) if model is Item else (USER_TYPES, USER_DEFAULTS)
    table, done = model._meta.db_table, Upserted()
    trace = trace or Trace()
    with connection.cursor() as cursor:
        staged = stage_latest(cursor, entities, types, done)
        columns = ", ".join(types)
        filled = ", ".join(f"COALESCE({name}, {defaults[name]})" if name in defaults else name for name in types)
        trace.met(cursor, model, catalog)
        done.new = trace.put_in(
            cursor,
            model,
            f"INSERT INTO {table} (catalog_id, client_id, {columns}) SELECT %s, client_id, {filled} FROM latest "
            "ORDER BY place ON CONFLICT (catalog_id, client_id) DO NOTHING",
            [catalog.pk],
        )
        trace.before_change(cursor, model, catalog, list(types))
        cursor.execute(change_statement(table, list(types)), [catalog.pk])
        done.changed = cursor.rowcount
        cursor.execute("DROP TABLE incoming, latest")
    done.same = staged - done.new - done.changed
    return done


LATEST = "SELECT DISTINCT ON (client_id) * FROM incoming ORDER BY client_id, place DESC"


def changes_of(columns: Sequence[str]) -> dict[str, str]:
    """For each column the expression of what it becomes, of a row `old` and the one given for it, `latest`."""
    given = {name: f"COALESCE(latest.{name}, old.{name})" for name in columns}
    return given | {"attributes": "old.attributes || COALESCE(latest.attributes, '{}')"}


def differs(columns: Sequence[str]) -> str:
    """The condition that `latest` would change `old`; its parameter is the catalog."""
    given = changes_of(columns)
    before, after = ", ".join(f"old.{name}" for name in given), ", ".join(given.values())
    return f"old.catalog_id = %s AND old.client_id = latest.client_id AND ({before}) IS DISTINCT FROM ({after})"


def change_statement(table: str, columns: Sequence[str]) -> str:
    """An UPDATE of what is given and differs."""
    changes = ", ".join(f"{name} = {value}" for name, value in changes_of(columns).items())
    return f"UPDATE {table} old SET {changes}, updated = statement_timestamp() FROM latest WHERE {differs(columns)}"


@dataclass
class Trace:
    """What is noted of people and items that are put in or changed, so that an import can be undone: nothing where
    `import_id` is 0. `built_on` counts those met that an earlier import had made or changed, by its id."""

    import_id: int = 0
    built_on: Counter[int] = field(default_factory=Counter)

    def met(self, cursor: Any, model: type[Item] | type[EndUser], catalog: Catalog) -> None:
        if not self.import_id:
            return
        cursor.execute(
            f"SELECT trace.data_import_id, count(DISTINCT old.id) FROM latest JOIN {model._meta.db_table} old "
            f"ON old.catalog_id = %s AND old.client_id = latest.client_id JOIN {TRACES} trace "
            "ON trace.scope = %s AND trace.key = old.id GROUP BY 1",
            [catalog.pk, scope_of(model)],
        )
        self.built_on.update(dict(cursor.fetchall()))

    def put_in(self, cursor: Any, model: type[Item] | type[EndUser], insert: str, values: Sequence[Any]) -> int:
        """Runs an INSERT and notes the new rows; returns how many."""
        if not self.import_id:
            cursor.execute(insert, values)
        else:
            cursor.execute(
                f"WITH made AS ({insert} RETURNING id) INSERT INTO {TRACES} (data_import_id, scope, key) "
                "SELECT %s, %s, id FROM made",
                [*values, self.import_id, scope_of(model)],
            )
        count: int = cursor.rowcount
        return count

    def before_change(
        self, cursor: Any, model: type[Item] | type[EndUser], catalog: Catalog, columns: Sequence[str]
    ) -> None:
        """Notes the values that are about to be changed, and what they become."""
        if not self.import_id:
            return
        given = changes_of(columns)
        before = ", ".join(f"'{name}', old.{name}" for name in given)
        after = ", ".join(f"'{name}', {value}" for name, value in given.items())
        cursor.execute(
            f"INSERT INTO {TRACES} (data_import_id, scope, key, before, after) SELECT %s, %s, old.id, "
            f"jsonb_build_object({before}), jsonb_build_object({after}) FROM {model._meta.db_table} old, latest "
            f"WHERE {differs(columns)}",
            [self.import_id, scope_of(model), catalog.pk],
        )


TRACES = ImportTrace._meta.db_table


def scope_of(model: type[Item] | type[EndUser]) -> str:
    return "item" if model is Item else "user"


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
    *,
    model: type[Item] | type[EndUser],
    catalog: Catalog,
    client_ids: Sequence[str],
    trace: Trace | None = None,
) -> tuple[dict[str, int], int]:
    """Database keys by client id, bare rows made for ids that are new; and how many were made.

    The ids must be well-formed.
    """
    table = model._meta.db_table
    with connection.cursor() as cursor:
        made = (trace or Trace()).put_in(
            cursor,
            model,
            f"INSERT INTO {table} (catalog_id, client_id, attributes) "
            "SELECT %s, one.id, '{}' FROM unnest(%s::text[]) WITH ORDINALITY AS one (id, place) "
            f"WHERE NOT EXISTS (SELECT FROM {table} old WHERE old.catalog_id = %s AND old.client_id = one.id) "
            "ORDER BY place ON CONFLICT (catalog_id, client_id) DO NOTHING",
            [catalog.pk, list(client_ids), catalog.pk],
        )
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


def declare_attributes(*, catalog: Catalog, declared: Iterable[Declared]) -> list[int]:
    """Makes the attributes that the catalog does not declare yet; what it has declared stays. Returns the new keys."""
    mine = Attribute.objects.filter(catalog=catalog)
    before = list(mine.values_list("pk", flat=True))
    rows = [Attribute(catalog=catalog, **asdict(one)) for one in declared]
    Attribute.objects.bulk_create(rows, ignore_conflicts=True)
    return list(mine.exclude(pk__in=before).values_list("pk", flat=True))


def declared_types(*, catalog: Catalog, scope: str) -> dict[str, str]:
    """The types of the attributes that a catalog declares for people ("user") or items ("item")."""
    return dict(Attribute.objects.filter(catalog=catalog, scope=scope).values_list("name", "type"))
