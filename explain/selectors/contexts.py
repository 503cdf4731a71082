"""Which pieces of context interactions came with lately."""

from __future__ import annotations

from recommender.models import Catalog, Interaction

LOOKED_AT = 2000
"""Interactions, the latest ones."""
MOST_VALUES = 60


def catalog_of(catalog_id: int) -> Catalog:
    return Catalog.objects.get(pk=catalog_id)


def values_of_context(catalog_id: int) -> dict[str, tuple[str, ...]]:
    """Name → its values in order; () where there are too many to choose from."""
    rows = Interaction.objects.filter(catalog_id=catalog_id).order_by("-id").values_list("context", flat=True)
    found: dict[str, set[str]] = {}
    for row in rows[:LOOKED_AT]:
        for name, value in (row or {}).items():
            if not isinstance(value, dict | list) and value is not None:
                found.setdefault(str(name), set()).add(str(value))
    return {name: tuple(sorted(kept)) if len(kept) <= MOST_VALUES else () for name, kept in sorted(found.items())}
