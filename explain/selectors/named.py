"""Ids and titles of what explanations speak of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from recommender.data.dataset import Int
from recommender.models import Item

FIELDS = ("categories", "creators", "year", "released")


class Named(NamedTuple):
    """`key`: the database's; `hidden`: whether it is kept out of every list."""

    key: int
    client_id: str
    title: str
    hidden: bool

    @property
    def label(self) -> str:
        return self.title or self.client_id


def items_by_key(catalog_id: int, keys: Iterable[int]) -> dict[int, Named]:
    """Also hidden ones: a person may have met what is no longer shown."""
    found = Item.objects.filter(catalog_id=catalog_id, pk__in=[int(key) for key in keys])
    return {row[0]: Named(*row) for row in found.values_list("id", "client_id", "title", "hidden")}


def items_by_id(catalog_id: int, ids: Iterable[str]) -> dict[str, Named]:
    found = Item.objects.filter(catalog_id=catalog_id, client_id__in=list(ids))
    return {row[1]: Named(*row) for row in found.values_list("id", "client_id", "title", "hidden")}


def said_of(catalog_id: int, key: int) -> dict[str, Any]:
    """What is said of an item beside its texts, by the names under which recommenders read it."""
    found = Item.objects.filter(catalog_id=catalog_id, pk=key).values(*FIELDS, "attributes").first() or {}
    return {**(found.pop("attributes", None) or {}), **found}


def hidden_items(catalog_id: int) -> Int:
    """(n,) keys of the items that are kept out of every list."""
    found = Item.objects.filter(catalog_id=catalog_id, hidden=True).order_by("id").values_list("id", flat=True)
    return np.array(list(found), dtype=np.int64)
