"""How items are classed for an audit: by what is said of them, and by how many people had met them."""

from __future__ import annotations

import numpy as np
import pytest

from explain.services import classed
from recommender.models import Attribute, Catalog, Item
from tests.recommender.pages import films

pytestmark = pytest.mark.django_db
SHARES = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])


@pytest.fixture
def catalog() -> Catalog:
    made = films()
    for name, kind, sensitive in (("supplier", "category", False), ("length", "number", False), ("faith", "category",
                                  True), ("moods", "categories", False), ("dubbed", "flag", False)):  # fmt: skip
        Attribute.objects.create(catalog=made, scope="item", name=name, type=kind, sensitive=sensitive)
    for at, item in enumerate(made.items.order_by("id")):
        item.categories = ["Drama", "War"][: 1 + at % 2]
        item.creators = [f"maker {at}"]
        item.attributes = {"supplier": "Big" if at < 6 else "Small", "length": 60 + 10 * at, "faith": "x",
                           "moods": ["calm", "sad"] if at else [], "dubbed": at > 4}  # fmt: skip
        item.save()
    return made


def found(catalog: Catalog) -> dict[str, classed.Classes]:
    keys = np.array(catalog.items.order_by("id").values_list("pk", flat=True))
    return {each.name: each for each in classed.classes_of(catalog, keys, SHARES)[0]}


def test_items_are_classed_by_all_that_is_said_of_them_but_what_is_sensitive(catalog: Catalog):
    classes = found(catalog)
    assert list(classes) == ["categories", "creators", "year", "dubbed", "length", "moods", "supplier", "popularity"]
    assert classes["categories"].members.sum(axis=0).tolist() == [8, 4], "an item may be of several"
    assert classes["moods"].members[0].sum() == 0, "nothing is known of it"
    assert classes["dubbed"].names == ("no", "yes") and classes["dubbed"].members[:, 1].sum() == 3
    assert classes["length"].names[0] == "60–70" and classes["length"].members.sum(axis=0).tolist() == [2, 2, 2, 2]
    assert [each.name for each in classes.values() if each.supplier] == ["supplier"]


def test_popularity_has_a_head_of_a_tenth_and_a_tail_of_six(catalog: Catalog):
    assert found(catalog)["popularity"].members.sum(axis=0).tolist() == [5, 2, 1]


def test_years_are_counted_in_tens_where_there_are_many():
    assert classed.by_years([1953, 1999, None, 1950]).names == ("1950s", "1990s")  # type: ignore[union-attr]
    assert classed.by_years([2001, 2002, 2003, 2004]).names == ("2001", "2002", "2003", "2004")  # type: ignore[union-attr]
    assert classed.by_years([None, None]) is None


def test_of_many_words_those_with_most_items_are_kept_and_the_others_are_one_class():
    words = [f"w{n:02}" for n in range(60)]
    made = classed.by_words("creators", "Creators", [[word] for word in words] + [[word] for word in words[20:59]])
    assert len(made.names) == 40 and made.names[-1] == "all others"  # type: ignore[union-attr]
    assert made.members[:, -1].sum() == 21 and (made.members.sum(axis=1) == 1).all()  # type: ignore[union-attr]


def test_what_cannot_class_items_says_why(catalog: Catalog):
    Item.objects.update(attributes={"supplier": "Big"})
    told = classed.classes_of(catalog, np.array(catalog.items.values_list("pk", flat=True)), SHARES)[1]
    assert "Items are not classed by Supplier: all items that have one are of the same." in told
    assert "Items are not classed by Length: fewer than two numbers are known." in told
    assert "Items are not classed by Moods: no item has one." in told
