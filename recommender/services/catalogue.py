"""People and items as clients send them: made, changed and taken out by the client's own ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from recommender.data.readers.rows import Entity
from recommender.exceptions import Conflict
from recommender.models import Catalog, EndUser, Item
from recommender.services import popular, upserting

Row = Mapping[str, Any]
"""A checked row: `client_id` and any of the other columns; what is not in it stays as it is."""


class Saved(NamedTuple):
    created: int
    updated: int
    same: int


def save_items(*, catalog: Catalog, rows: Sequence[Row]) -> Saved:
    """Make or change items, all or none. Attributes are merged; None leaves a column as it is."""
    saved = _save(Item, catalog, rows, lambda entities: upserting.upsert_items(catalog=catalog, items=entities))
    popular.changed(catalog_id=catalog.pk)
    return saved


def save_users(*, catalog: Catalog, rows: Sequence[Row]) -> Saved:
    """Make or change people, all or none. Attributes are merged."""
    return _save(EndUser, catalog, rows, lambda entities: upserting.upsert_users(catalog=catalog, users=entities))


@transaction.atomic
def _save(
    model: type[Item] | type[EndUser],
    catalog: Catalog,
    rows: Sequence[Row],
    upsert: Callable[[list[Entity]], upserting.Upserted],
) -> Saved:
    """One order of locking for all, so that two calls cannot deadlock."""
    rows = sorted(rows, key=lambda row: row["client_id"])
    ids = [row["client_id"] for row in rows]
    known = model.objects.filter(catalog=catalog, client_id__in=ids).order_by("client_id")
    list(known.select_for_update().values_list("pk", flat=True))
    done = upsert([_entity(row) for row in rows])
    return Saved(done.new, done.changed, done.same)


def _entity(row: Row) -> Entity:
    fields = {name: value for name, value in row.items() if name not in ("client_id", "attributes")}
    return Entity(row["client_id"], fields, row.get("attributes") or {})


def create_item(*, catalog: Catalog, row: Row) -> Item:
    """A new item. Raises Conflict where the id is taken."""
    item = _create(Item, catalog, row)
    popular.changed(catalog_id=catalog.pk)
    return item


def create_user(*, catalog: Catalog, row: Row) -> EndUser:
    """A new person. Raises Conflict where the id is taken."""
    return _create(EndUser, catalog, row)


def _create(model: Any, catalog: Catalog, row: Row) -> Any:
    try:
        with transaction.atomic():
            return model.objects.create(catalog=catalog, **row)
    except IntegrityError:
        if not model.objects.filter(catalog=catalog, client_id=row["client_id"]).exists():
            raise
        raise Conflict(f"The id “{row['client_id']}” is taken. Change it with PATCH at its own address.") from None


@transaction.atomic
def change(*, row: Item | EndUser, changes: Row) -> Item | EndUser:
    """Write only the columns given; returns the row as it is then. Raises Conflict where it is gone."""
    kept = type(row)._default_manager.select_for_update(no_key=True).filter(pk=row.pk).first()
    if kept is None:
        raise Conflict(f"“{row.client_id}” was deleted by another call just now. Nothing was changed.")
    for name, value in changes.items():
        setattr(kept, name, value)
    kept.save(update_fields=[*changes, "updated"])
    if isinstance(kept, Item):
        popular.changed(catalog_id=kept.catalog_id)
    return kept


@transaction.atomic
def delete_item(*, item: Item) -> None:
    """Take an item out, with every interaction with it; twice does nothing. To keep what people did, hide it.

    Locked first: an event that arrives now waits, and then makes a new, bare item.
    """
    locked = Item.objects.select_for_update().filter(pk=item.pk).first()
    if locked is not None:
        locked.delete()
    popular.changed(catalog_id=item.catalog_id)
