"""Items as a file, for the admin: out as CSV, in by the same reading and writing as every import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from recommender.data.readers.entities import Entities
from recommender.data.readers.reading import extra_table
from recommender.data.readers.rejects import Rejects
from recommender.exceptions import BadImport
from recommender.models import Attribute, Catalog, Item
from recommender.services import audit, popular, upserting

FIELDS = ("title", "description", "categories", "creators", "year", "released", "price", "image")
SHOWN = 20
"""Rejected rows shown in a preview."""


def export_rows(*, items: QuerySet[Item], catalog: Catalog) -> Iterator[list[Any]]:
    """A header and a row per item, as the import takes them: several values separated by |, attributes as columns."""
    declared = Attribute.objects.filter(catalog=catalog, scope=Attribute.Scope.ITEM).order_by("name")
    names = list(declared.values_list("name", flat=True))
    yield ["item", *FIELDS, *names]
    for item in items.order_by("pk").iterator(chunk_size=2000):
        fields = [written(getattr(item, name)) for name in FIELDS]
        yield [item.client_id, *fields, *(written(item.attributes.get(name)) for name in names)]


def written(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "|".join(map(str, value)) if isinstance(value, list) else value


def preview(*, catalog: Catalog, path: Path) -> dict[str, Any]:
    """What `take_in` would do: {"read", "new", "changed", "same", "rejected", "samples"}; nothing is written."""
    with transaction.atomic():
        done = _put_in(catalog, path)
        transaction.set_rollback(True)
    return done


@transaction.atomic
def take_in(*, catalog: Catalog, path: Path, name: str, login: Any = None) -> dict[str, Any]:
    """Put the items of a file in, all that can be taken; returns what `preview` does. Raises BadImport."""
    done = _put_in(catalog, path)
    counts = {key: value for key, value in done.items() if key != "samples"}
    audit.note(catalog=catalog, login=login, action="admin-import", subject=name, details=counts)
    transaction.on_commit(lambda: popular.changed(catalog_id=catalog.pk))
    return done


def _put_in(catalog: Catalog, path: Path) -> dict[str, Any]:
    entities, rejects = Entities(extra_table(path, "items", {})), Rejects()
    declared = entities.declare(upserting.declared_types(catalog=catalog, scope=entities.scope))
    upserting.declare_attributes(catalog=catalog, declared=declared)
    found = upserting.upsert_items(catalog=catalog, items=entities.rows(rejects))
    if not entities.table.read:
        raise BadImport(f"{entities.table.name} has no rows.", field="file")
    rejected = rejects.tables["items"]
    return {"read": entities.table.read, **found.counts(), "rejected": rejected, "samples": rejects.samples[:SHOWN]}
