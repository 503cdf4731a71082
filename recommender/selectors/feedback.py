"""Reading single interactions."""

from __future__ import annotations

from django.db.models import QuerySet

from recommender.models import Interaction


def interactions(
    catalog_id: int, *, user: str | None = None, item: str | None = None, kind: str | None = None
) -> QuerySet[Interaction]:
    """Those of a catalog, oldest first, of a person and with an item by the client's ids, of a kind."""
    wanted = {"user__client_id": user, "item__client_id": item, "kind": kind}
    found = Interaction.objects.filter(catalog_id=catalog_id).select_related("user", "item").order_by("id")
    return found.filter(**{name: value.replace("\x00", "") for name, value in wanted.items() if value is not None})
