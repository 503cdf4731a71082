"""What was done in a catalog, newest first."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from recommender.models import AuditEntry, Catalog


def entries(*, catalog: Catalog, action: str = "") -> QuerySet[AuditEntry]:
    rows = AuditEntry.objects.filter(catalog_key=catalog.pk)
    return rows.filter(action=action) if action else rows


def counts(*, catalog: Catalog) -> dict[str, int]:
    """How many entries there are of each action that has any."""
    counted = AuditEntry.objects.filter(catalog_key=catalog.pk).order_by().values_list("action")
    return dict(counted.annotate(n=Count("id")))
