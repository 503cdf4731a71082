"""What attributes of people a catalog declares and holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from recommender.models import Attribute, EndUser


def features_of_people(catalog_id: int) -> dict[str, str]:
    """Type by name of the people's attributes that recommenders may read."""
    declared = Attribute.objects.filter(
        catalog_id=catalog_id, scope=Attribute.Scope.USER, feature=True, sensitive=False
    )
    return dict(declared.values_list("name", "type"))


def unheard_of(catalog_id: int, given: Iterable[tuple[str, Any]]) -> tuple[set[tuple[str, str]], set[str]]:
    """Of attributes and their values: those (name, value) that nobody in the catalog has, and names that recommenders
    do not read. A number that nobody has is near others that somebody has, and says something all the same."""
    features = features_of_people(catalog_id)
    pairs = {(name, repr(value)): value for name, value in given}
    unread = {name for name, _ in pairs if name not in features}
    unseen = set()
    for (name, _), value in pairs.items():
        if features.get(name, Attribute.Type.NUMBER) != Attribute.Type.NUMBER and not _seen(catalog_id, name, value):
            unseen.add((name, _told(value)))
    return unseen, unread


def _seen(catalog_id: int, name: str, value: Any) -> bool:
    """By the index on attributes; 3, "3" and 3.0 are one, as recommenders read them."""
    kinds: list[Any] = [value, str(value)]
    if isinstance(value, float) and value.is_integer():
        kinds += [int(value), str(int(value))]
    people = EndUser.objects.filter(catalog_id=catalog_id)
    return any(people.filter(attributes__contains={name: each}).exists() for each in kinds)


def _told(value: Any) -> str:
    return str(value)[:100]
