"""People and items as clients send them: made, changed and taken out by the client's own ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from recommender.exceptions import Conflict
from recommender.models import Catalog, EndUser, Item
from recommender.services import popular

BATCH = 1000
Row = Mapping[str, Any]
"""A checked row: `client_id` and any of the other columns; what is not in it stays as it is."""


class Saved(NamedTuple):
    created: int
    updated: int


def save_items(*, catalog: Catalog, rows: Sequence[Row]) -> Saved:
    """Make or change items, all or none. No two rows may have the same id."""
    saved = _save(Item, catalog, rows)
    popular.changed(catalog_id=catalog.pk)
    return saved


def save_users(*, catalog: Catalog, rows: Sequence[Row]) -> Saved:
    """Make or change people, all or none. No two rows may have the same id."""
    return _save(EndUser, catalog, rows)


@transaction.atomic
def _save(model: type[Item] | type[EndUser], catalog: Catalog, rows: Sequence[Row]) -> Saved:
    ids = [row["client_id"] for row in rows]
    known = model.objects.filter(catalog=catalog, client_id__in=ids).count()
    alike: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["client_id"]):  # one order for all, so that two calls cannot deadlock
        alike[tuple(sorted(set(row) - {"client_id"}))].append(row)
    now = timezone.now()
    for columns, group in alike.items():
        model.objects.bulk_create(
            [model(catalog=catalog, updated=now, **row) for row in group],
            batch_size=BATCH,
            update_conflicts=True,
            unique_fields=["catalog", "client_id"],
            update_fields=[*columns, "updated"],
        )
    return Saved(created=len(ids) - known, updated=known)


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


def change(*, row: Item | EndUser, changes: Row) -> None:
    """Write only the columns given."""
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=[*changes, "updated"])
    if isinstance(row, Item):
        popular.changed(catalog_id=row.catalog_id)


def delete_item(*, item: Item) -> None:
    """Take an item out, with every interaction with it. To keep what people did, hide it instead."""
    item.delete()
    popular.changed(catalog_id=item.catalog_id)
