"""What the cold-start lab reads: how items were rated, what may be said of a made-up person, runs that adapt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from django.core.cache import cache
from django.db import connection
from django.db.models import Min
from django.db.models.fields.json import KeyTextTransform
from numpy.typing import NDArray

from recommender.algorithms import registry
from recommender.data.dataset import Int
from recommender.metalearning.elicitation import levels
from recommender.models import Attribute, Catalog, EndUser, Interaction, Item, Measurement, Run
from recommender.selectors import pages
from recommender.selectors.attributes import features_of_people

KEPT_SECONDS = 300
MOST_VALUES = 60
"""Values of an attribute to choose from; one with more is typed."""
COUNTED = """
    SELECT item_id, kind = 'rating' AND value IS NOT NULL, value, count(*)::float8
    FROM recommender_interaction WHERE catalog_id = %s GROUP BY 1, 2, 3 ORDER BY 1
"""


class Opinions(NamedTuple):
    """What people said of the items with database keys `items`, ascending: `people` (n,) interactions with each,
    `counts` (n, levels) ratings by the nearest of `levels`, from which a rating is chosen (none without ratings);
    `everyone` how many people there are."""

    items: Int
    people: NDArray[np.float64]
    counts: NDArray[np.float64]
    levels: NDArray[np.float64]
    everyone: int


def opinions(catalog: Catalog) -> Opinions:
    """Counted over all interactions, and kept for some minutes."""
    address = f"lab:opinions:{catalog.pk}"
    kept = cache.get(address)
    if kept is None:
        kept = _counted(catalog)
        cache.set(address, kept, KEPT_SECONDS)
    return Opinions(*kept)


def _counted(catalog: Catalog) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, [catalog.pk])
        rows = cursor.fetchall()
    keys = np.array([row[0] for row in rows], dtype=np.int64)
    number = np.array([row[3] for row in rows], dtype=np.float64)
    rated = np.array([row[1] for row in rows], dtype=np.bool_)
    values = np.array([row[2] if row[1] else np.nan for row in rows], dtype=np.float64)
    items, at = np.unique(keys, return_inverse=True)
    given = levels(values[rated])
    middles = (given[1:] + given[:-1]) / 2
    counts = np.zeros((len(items), len(given)))
    np.add.at(counts, (at[rated], np.searchsorted(middles, values[rated])), number[rated])
    people = np.bincount(at, weights=number, minlength=len(items)).astype(np.float64)
    return items, people, counts, given, catalog.users.count()


def attribute_choices(catalog: Catalog) -> list[dict[str, Any]]:
    """Attributes of people that recommenders may read: name, type, and the values to choose from ([] where typed)."""
    found = []
    for name, kind in sorted(features_of_people(catalog.pk).items()):
        if kind in (Attribute.Type.CATEGORY, Attribute.Type.FLAG, Attribute.Type.NUMBER):
            values = [] if kind == Attribute.Type.NUMBER else _values(catalog, name)
            found.append({"name": name, "type": kind, "values": values if len(values) <= MOST_VALUES else []})
    return found


def _values(catalog: Catalog, name: str) -> list[str]:
    rows = EndUser.objects.filter(catalog=catalog).annotate(said=KeyTextTransform(name, "attributes"))
    found = rows.exclude(said=None).order_by("said").values_list("said", flat=True).distinct()
    return list(found[: MOST_VALUES + 1])


def adaptable_runs(catalog: Catalog) -> list[Run]:
    """Finished runs that adapt to a person and make lists: what serves first, then by NDCG@10."""
    return [run for run in ranking_runs(catalog) if run.algorithm in registry.ADAPTABLE]


def kind_of_answers(catalog: Catalog) -> str:
    """The kind that an answer without a rating counts as: that of the catalog's latest interaction."""
    latest = Interaction.objects.filter(catalog=catalog).order_by("-id")
    return latest.values_list("kind", flat=True).first() or "view"


def measured_by_shots(catalog: Catalog, shots: Sequence[int], protocol: str) -> list[Measurement]:
    """Finished measurements by a cold protocol with so many interactions, by run, the newest of each only."""
    rows = Measurement.objects.filter(
        run__catalog=catalog, protocol=protocol, shots__in=shots, status=Run.Status.SUCCEEDED
    )
    newest = rows.order_by("run_id", "shots", "-id").distinct("run_id", "shots")
    return list(newest.select_related("run"))


def live_by_shots(catalog: Catalog, protocol: str) -> int:
    """How many measurements by a cold protocol wait or are worked on."""
    rows = Measurement.objects.filter(run__catalog=catalog, protocol=protocol, shots__isnull=False)
    return rows.filter(status__in=Run.LIVE).count()


def ranking_runs(catalog: Catalog) -> list[Run]:
    """Finished runs that make lists: what serves first, then by NDCG@10."""
    return pages.runs_to_ask(catalog, limit=10_000)


def takers(item: Item) -> list[int]:
    """Keys of the people who met an item, in the order in which they first did."""
    rows = Interaction.objects.filter(item=item).order_by().values("user_id").annotate(first=Min("time"), key=Min("id"))
    return [row["user_id"] for row in rows.order_by("first", "key")]


def sampled_people(catalog: Catalog, count: int) -> list[int]:
    """Keys of `count` people of the catalog, evenly spread over all."""
    keys = list(catalog.users.order_by("id").values_list("id", flat=True))
    at = np.unique(np.linspace(0, len(keys) - 1, min(count, len(keys))).astype(np.int64)) if keys else []
    return [keys[place] for place in at]


def keys_of_people(catalog: Catalog, client_ids: Sequence[str]) -> dict[str, int]:
    """Keys of people by their ids, of those that are there."""
    return dict(catalog.users.filter(client_id__in=client_ids).values_list("client_id", "id"))


def group_shares(catalog: Catalog, name: str, some: Sequence[int], everyone: Sequence[int]) -> list[dict[str, Any]]:
    """The groups of an attribute among `some` people, beside their share of `everyone`."""
    said = pages.attribute_of_people(catalog, name)
    counts = [Counter(said.get(key) or "not known" for key in keys) for keys in (some, everyone)]
    rows = [
        {"group": group, "people": counts[0][group], "share": counts[0][group] / max(1, len(some)),
         "overall": number / max(1, len(everyone))}
        for group, number in counts[1].most_common(12)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: -row["share"])
