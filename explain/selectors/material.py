"""What an examination of a whole run reads: everyone's history as the recommender sees it, what is said of items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Histories, IdMap, Int
from recommender.data.features import number_of
from recommender.evaluation.segments import bands
from recommender.models import Attribute, EndUser
from recommender.selectors import texts
from recommender.selectors.dataset import hidden_items, item_fields, load_histories

GROUPED = (Attribute.Type.CATEGORY, Attribute.Type.FLAG, Attribute.Type.NUMBER)


@dataclass(frozen=True)
class Group:
    """`of` (n_people,) the group of each, None where it is not known; `sensitive`: not for everyone's eyes."""

    name: str
    sensitive: bool
    of: list[str | None]


@dataclass(frozen=True)
class Material:
    """Rows of `histories` are those of `users`, positions those of `items`; `hidden` positions are never shown."""

    users: Int
    items: IdMap
    histories: Histories
    hidden: Int
    categories: list[list[str]]
    creators: list[list[str]]
    years: NDArray[np.float64]


def material(catalog_id: int, items: IdMap) -> Material:
    """Of everyone in a catalog, in positions of `items`."""
    people = EndUser.objects.filter(catalog_id=catalog_id).order_by("id").values_list("id", flat=True)
    users = np.fromiter(people, dtype=np.int64)
    fields = item_fields(catalog_id, items.keys)
    hidden = items.positions(hidden_items(catalog_id=catalog_id))
    gone = np.flatnonzero(fields["title"].isna().to_numpy())  # deleted since the training
    return Material(
        users, items, load_histories(catalog_id=catalog_id, users=users.tolist(), items=items),
        np.union1d(hidden[hidden >= 0], gone).astype(np.int64), _lists(fields["categories"]),
        _lists(fields["creators"]), np.array([_number(year) for year in fields["year"]]),
    )  # fmt: skip


def vectors(catalog_id: int, items: IdMap) -> NDArray[np.float32] | None:
    """Vectors of the items' texts, None where no item has one."""
    found = texts.item_vectors(catalog_id, items)
    return found if found.any() else None


def groups(catalog_id: int, users: Int) -> list[Group]:
    """The groups of `users` by each declared attribute; numbers in four bands."""
    declared = Attribute.objects.filter(catalog_id=catalog_id, scope=Attribute.Scope.USER, type__in=GROUPED)
    if not declared:
        return []
    said = dict(EndUser.objects.filter(id__in=users.tolist()).values_list("id", "attributes"))
    known = [said.get(key) or {} for key in users.tolist()]
    return [Group(each.name, each.sensitive, _named(each, [one.get(each.name) for one in known])) for each in declared]


def _named(attribute: Attribute, values: list[Any]) -> list[str | None]:
    if attribute.type == Attribute.Type.NUMBER:
        numbers = np.array([_number(value) for value in values])
        named = bands(numbers)[0]
        return [None if np.isnan(number) else name for number, name in zip(numbers, named, strict=True)]
    return [None if value in (None, "") or isinstance(value, list) else str(value) for value in values]


def _number(value: Any) -> float:
    found = number_of(value)
    return float("nan") if found is None else found


def _lists(column: Any) -> list[list[str]]:
    return [[str(each) for each in value] if isinstance(value, list | tuple) else [] for value in column]
