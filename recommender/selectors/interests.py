"""What the interests of a person are counted from: the labels of their items, and how usual labels are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from django.db import connection

from recommender.data.interests import words_of
from recommender.models import EndUser, Interaction, Item

LATEST = 1000
"""Of a longer history the latest so many interactions count."""
SAMPLE = 2000
"""Items whose texts say how usual a word is."""
RARE = 0.1
"""A word in a greater part of the texts says nothing."""
USUAL = """
    WITH counted AS (SELECT * FROM unnest(%(keys)s::bigint[], %(people)s::float8[]) AS counted (id, people))
    SELECT label.kind, label.name, sum(counted.people) FROM counted JOIN recommender_item item USING (id),
    LATERAL (SELECT 'categories' AS kind, unnest(item.categories) AS name
             UNION SELECT 'creators', unnest(item.creators)) label
    WHERE label.name = ANY (%(names)s) GROUP BY 1, 2
"""


class Met(NamedTuple):
    """One item of a history, at its last meeting; `value` None where it was not rated."""

    value: float | None
    categories: list[str]
    creators: list[str]
    text: str


def met(person: EndUser) -> list[Met]:
    """Distinct items of the latest interactions, oldest first."""
    rows = Interaction.objects.filter(user=person).order_by("-time", "-id")
    columns = ("item_id", "value", "item__categories", "item__creators", "item__title", "item__description")
    found: dict[int, Met] = {}
    for key, value, categories, creators, title, description in rows.values_list(*columns)[:LATEST]:
        found.setdefault(key, Met(value, categories, creators, f"{title}\n{description}"))
    return list(found.values())[::-1]


def usual_labels(names: Collection[str], keys: Sequence[int], people: Sequence[float]) -> dict[tuple[str, str], float]:
    """Share of all meetings with the items `keys` (each met by `people`) that have a category or creator of `names`."""
    total = sum(people)
    with connection.cursor() as cursor:
        cursor.execute(USUAL, {"keys": list(keys), "people": list(people), "names": list(names)})
        return {(kind, name): count / total for kind, name, count in cursor.fetchall()} if total else {}


def usual_words(catalog_id: int) -> dict[str, float]:
    """Share of the texts of a catalog (of SAMPLE of them in a large one) that hold a word; only words that tell."""
    items = Item.objects.filter(catalog_id=catalog_id)
    step = max(1, items.count() // SAMPLE)
    rows: Any = items.extra(where=["id %% %s = 0"], params=[step]) if step > 1 else items
    counts, n = Counter[str](), 0
    for title, description in rows.values_list("title", "description")[: 2 * SAMPLE]:
        counts.update(words_of(f"{title}\n{description}"))
        n += 1
    return {word: (count + 1) / (n + 1) for word, count in counts.items() if count + 1 <= max(RARE * (n + 1), 3)}
