"""Who met an item, and how values spread: what the pages of one person and one item count."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Count, Max, Min
from django.db.models.functions import Round

from recommender.models import Attribute, Catalog, EndUser, Interaction, Item

SHARES = """
WITH met AS (SELECT DISTINCT user_id FROM recommender_interaction WHERE item_id = %(item)s),
     everyone AS (
        SELECT COALESCE(u.attributes ->> %(name)s, 'not known') AS name, (m.user_id IS NOT NULL) AS here
        FROM recommender_enduser u LEFT JOIN met m ON m.user_id = u.id WHERE u.catalog_id = %(catalog)s)
SELECT name, count(*) FILTER (WHERE here) AS people,
       (count(*) FILTER (WHERE here))::float / NULLIF(sum(count(*) FILTER (WHERE here)) OVER (), 0) AS share,
       count(*)::float / sum(count(*)) OVER () AS overall
FROM everyone GROUP BY name ORDER BY people DESC, name LIMIT 12
"""


def shares(item: Item, attribute: str) -> list[dict[str, Any]]:
    """The twelve most frequent groups of `attribute` among those who met the item, beside their share of everyone."""
    with connection.cursor() as cursor:
        cursor.execute(SHARES, {"item": item.pk, "name": attribute, "catalog": item.catalog_id})
        rows = cursor.fetchall()
    named = ("group", "people", "share", "overall")
    return [dict(zip(named, row, strict=True)) | {"share": row[2] or 0.0} for row in rows]


def grouping_attributes(catalog: Catalog, *, sensitive: bool) -> list[str]:
    """Declared attributes of people with few enough values to compare groups; with `sensitive` such ones too."""
    kinds = (Attribute.Type.CATEGORY, Attribute.Type.FLAG)
    found = catalog.attributes.filter(scope="user", type__in=kinds)
    return list((found if sensitive else found.filter(sensitive=False)).values_list("name", flat=True))


def values(*, item: Item | None = None, person: EndUser | None = None) -> list[dict[str, Any]]:
    """Rows of (value, count) of ratings, rounded to halves; at most twenty kinds of value, else none."""
    rows = Interaction.objects.filter(value__isnull=False)
    rows = rows.filter(item=item) if item is not None else rows.filter(user=person)
    counted = rows.annotate(rounded=Round("value", precision=1)).values("rounded").annotate(n=Count("id"))
    found = [{"value": row["rounded"], "count": row["n"]} for row in counted.order_by("rounded")[:21]]
    return found if 1 < len(found) <= 20 else []


def item_facts(item: Item) -> dict[str, Any]:
    return Interaction.objects.filter(item=item).aggregate(
        interactions=Count("id"), people=Count("user", distinct=True), first=Min("time"), last=Max("time")
    )


def person_facts(person: EndUser) -> dict[str, Any]:
    return Interaction.objects.filter(user=person).aggregate(
        interactions=Count("id"), items=Count("item", distinct=True), first=Min("time"), last=Max("time")
    )


def favourite_categories(person: EndUser, limit: int = 3) -> list[str]:
    """Categories of the items a person met, the most frequent first."""
    query = """SELECT c FROM recommender_interaction i JOIN recommender_item t ON t.id = i.item_id,
               unnest(t.categories) c WHERE i.user_id = %s GROUP BY c ORDER BY count(*) DESC, c LIMIT %s"""
    with connection.cursor() as cursor:
        cursor.execute(query, [person.pk, limit])
        return [row[0] for row in cursor.fetchall()]


def latest_people(item: Item, limit: int = 10) -> list[Interaction]:
    return list(Interaction.objects.filter(item=item).select_related("user").order_by("-time", "-id")[:limit])
