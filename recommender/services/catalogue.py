"""People and items as clients send them: made, changed and taken out by the client's own ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from recommender.data.readers.rows import Entity
from recommender.exceptions import Conflict
from recommender.models import Catalog, EndUser, Item
from recommender.services import audit, popular, upserting

Row = Mapping[str, Any]
"""A checked row: `client_id` and any of the other columns; what is not in it stays as it is."""


class Saved(NamedTuple):
    created: int
    updated: int
    same: int


def save_items(*, catalog: Catalog, rows: Sequence[Row]) -> Saved:
    """Make or change items, all or none. Attributes are merged; None leaves a column as it is."""
    with transaction.atomic():
        _note_hidings(catalog, rows)
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
    _note_hiding(kept, changes)
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
        audit.note(catalog=locked.catalog, action="item-deleted", subject=item_name(locked))
        locked.delete()
    popular.changed(catalog_id=item.catalog_id)


@transaction.atomic
def set_hidden(*, items: QuerySet[Item], hidden: bool) -> int:
    """Hide items from every recommendation, or show them again; returns how many changed."""
    changed = list(
        items.filter(hidden=not hidden).select_for_update(of=("self",)).select_related("catalog").order_by("pk")
    )
    Item.objects.filter(pk__in=[item.pk for item in changed]).update(hidden=hidden)
    for catalog in {item.catalog for item in changed}:
        note_hiding(catalog=catalog, items=[item for item in changed if item.catalog_id == catalog.pk], hidden=hidden)
        popular.changed(catalog_id=catalog.pk)
    return len(changed)


def note_hiding(*, catalog: Catalog, items: Sequence[Item], hidden: bool) -> None:
    """In the audit trail: one entry, with the ids of the first hundred."""
    subject = item_name(items[0]) if len(items) == 1 else f"{len(items)} items"
    ids = [item.client_id for item in items[:100]]
    audit.note(
        catalog=catalog,
        action="hide" if hidden else "show",
        subject=subject,
        details={"items": ids, "count": len(items)},
    )


def _note_hiding(kept: Item | EndUser, changes: Row) -> None:
    if isinstance(kept, Item) and changes.get("hidden", kept.hidden) != kept.hidden:
        note_hiding(catalog=kept.catalog, items=[kept], hidden=changes["hidden"])


def _note_hidings(catalog: Catalog, rows: Sequence[Row]) -> None:
    """Of many rows, those that hide an item that is shown, or the other way round."""
    given = {row["client_id"]: row["hidden"] for row in rows if row.get("hidden") is not None}
    for hidden in (True, False):
        ids = [client_id for client_id, flag in given.items() if flag == hidden]
        known = (
            Item.objects.filter(catalog=catalog, client_id__in=ids, hidden=not hidden) if ids else Item.objects.none()
        )
        if changed := list(known.order_by("client_id").only("client_id", "title")):
            note_hiding(catalog=catalog, items=changed, hidden=hidden)


def item_name(item: Item) -> str:
    return f"{item.client_id} ({item.title[:150]})" if item.title else item.client_id
