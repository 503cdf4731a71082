"""How an audit classes items: by category, creator, years, popularity, and every declared attribute that allows it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.fairness import groups
from explain.fairness.base import Classes, Grouping
from recommender.data.dataset import Int
from recommender.data.features import listed, missing, number_of
from recommender.models import Attribute, Catalog, Item

Values = NDArray[np.float64]
Told = list[str]
MOST_CLASSES = 40
OTHERS = "all others"
BANDS = ("in the tail", "in the middle", "in the head")
SUPPLIERS = {"supplier", "provider", "seller", "vendor", "publisher", "studio", "label", "brand", "shop", "distributor"}
"""Names of attributes that tell who an item comes from."""
LONG = 20
"""Years from which on they are counted in tens."""


def classes_of(catalog: Catalog, keys: Int, shares: Values) -> tuple[list[Classes], Told]:
    """Of the items with database `keys` (n_items,), ascending, met by `shares` (n_items,) of people; and why there are
    none by some attribute. Sensitive attributes are left out: whoever sees an audit sees its classes."""
    read = {row.pop("id"): row for row in Item.objects.filter(catalog=catalog).order_by("id").values(
        "id", "categories", "creators", "year", "attributes")}  # fmt: skip
    rows = [read.get(key) or {} for key in keys.tolist()]
    made: list[Classes | str] = [
        by_words(name, name.capitalize(), [row.get(name) for row in rows]) for name in ("categories", "creators")
    ]
    made = [each for each in made if isinstance(each, Classes)]
    years = by_years([row.get("year") for row in rows])
    made += [] if years is None else [years]
    for attribute in Attribute.objects.filter(catalog=catalog, scope=Attribute.Scope.ITEM, sensitive=False):
        if attribute.type != Attribute.Type.TEXT:
            made.append(by_attribute(attribute, [(row.get("attributes") or {}).get(attribute.name) for row in rows]))
    found = [each for each in made if isinstance(each, Classes)]
    return [*found, by_popularity(shares)], [each for each in made if isinstance(each, str)]


def by_attribute(attribute: Attribute, values: list[Any]) -> Classes | str:
    """Bands of a number, else a class per value."""
    name = attribute.name
    if attribute.type == Attribute.Type.NUMBER:
        numbers = [None if missing(value) else number_of(value) for value in values]
        known = np.array([np.nan if value is None else value for value in numbers], dtype=np.float64)
        return banded(name, name.capitalize(), known)
    return by_words(name, name.capitalize(), values, supplier=name.casefold() in SUPPLIERS)


def by_words(name: str, title: str, values: list[Any], *, supplier: bool = False) -> Classes | str:
    """A class per word, of `values` (n_items,) each a word or several; of more than MOST_CLASSES words those with most
    items, and one for all others."""
    said = [[] if missing(value) else [_word(each) for each in listed(value) if not missing(each)] for value in values]
    counts = Counter(word for row in said for word in set(row))
    if len(counts) < 2:
        why = "all items that have one are of the same" if counts else "no item has one"
        return f"Items are not classed by {title}: {why}."
    names = sorted(counts)
    if len(names) > MOST_CLASSES:
        kept = sorted(counts, key=lambda word: (-counts[word], word))[: MOST_CLASSES - 1]
        names = [*sorted(kept), OTHERS]
    at = {word: place for place, word in enumerate(names)}
    members = np.zeros((len(values), len(names)), dtype=np.float32)
    for place, row in enumerate(said):
        members[place, [at.get(word, len(names) - 1) for word in row]] = 1
    return Classes(name, title, tuple(names), members, supplier)


def _word(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def by_years(values: list[int | None]) -> Classes | None:
    """Decades, or of few years each; None where there are not two."""
    known = [year for year in values if year is not None]
    if not known:
        return None
    tens = max(known) - min(known) >= LONG
    named = [None if year is None else f"{year // 10 * 10}s" if tens else str(year) for year in values]
    found = by_words("year", "Year", named)
    return found if isinstance(found, Classes) else None


def banded(name: str, title: str, known: Values) -> Classes | str:
    """About as many items in each; `known` (n_items,), nan where it is not."""
    if len(np.unique(known[~np.isnan(known)])) < 2:
        return f"Items are not classed by {title}: fewer than two numbers are known."
    formed = groups.by_band(name, title, known)
    return _of(formed) if isinstance(formed, Grouping) else f"Items are not classed by {title}: no item has one."


def _of(grouping: Grouping) -> Classes:
    members = np.r_[np.eye(len(grouping.names)), np.zeros((1, len(grouping.names)))].astype(np.float32)
    return Classes(grouping.name, grouping.title, grouping.names, members[grouping.codes])


def by_popularity(shares: Values) -> Classes:
    """The tenth of the items that most people had met, the three tenths after them, and the others."""
    cuts = np.quantile(shares, [0.6, 0.9]) if len(shares) else np.zeros(2)
    band = np.searchsorted(cuts, shares, side="left")
    return Classes("popularity", "Popularity", BANDS, np.eye(3, dtype=np.float32)[band])
