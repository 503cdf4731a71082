"""The arrays a recommender learns from are the rows of its catalog, in a stable order."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from recommender.data.dataset import IdMap
from recommender.data.preparation import fingerprint
from recommender.models import Attribute, Catalog, EndUser, Interaction, Item
from recommender.selectors.dataset import current_bounds, hidden_items, load_dataset, load_histories
from tests.recommender.services.catalogs import START, catalog_of

pytestmark = pytest.mark.django_db


def add(catalog: Catalog, user: EndUser, item: Item, **changes: object) -> Interaction:
    given = {"kind": "rating", "value": 3.0, "time": START, "event_key": uuid.uuid4()} | changes
    return Interaction.objects.create(catalog=catalog, user=user, item=item, **given)


def test_every_interaction_of_the_catalog_and_of_no_other_is_there():
    films = catalog_of([[0, 1, 2], [2], []], 4)
    catalog_of([[1]], 2, name="books")
    dataset = load_dataset(catalog_id=films.pk)
    assert (dataset.n_users, dataset.n_items) == (3, 4)
    assert [dataset.histories.items_of(row).tolist() for row in range(3)] == [[0, 1, 2], [2], []]
    assert dataset.histories.values.tolist() == [4.0] * 4
    assert dataset.histories.times[0] == START.timestamp()


def test_ties_in_time_keep_their_order_of_arrival():
    films = catalog_of([[]], 3)
    user, items = films.users.get(), list(films.items.order_by("id"))
    for item in (items[2], items[0], items[1]):
        add(films, user, item)
    assert load_dataset(catalog_id=films.pk).histories.items.tolist() == [2, 0, 1]


def test_an_interaction_without_a_value_counts_as_one_and_kinds_have_names():
    films = catalog_of([[0]], 2)
    later = START.replace(year=2021)
    add(films, films.users.get(), films.items.order_by("id")[1], kind="click", value=None, time=later)
    histories = load_dataset(catalog_id=films.pk).histories
    assert histories.values.tolist() == [4.0, 1.0]
    assert [histories.kind_names[kind] for kind in histories.kinds] == ["rating", "click"]


def test_only_declared_features_that_are_not_sensitive_become_columns():
    films = catalog_of([[0]], 1)
    for name, feature, sensitive in (("job", True, False), ("gender", True, True), ("zip", False, False)):
        declared = {"scope": "user", "name": name, "type": "category", "feature": feature, "sensitive": sensitive}
        Attribute.objects.create(catalog=films, **declared)
    films.users.update(attributes={"job": "writer", "gender": "f", "zip": "1"})
    dataset = load_dataset(catalog_id=films.pk)
    assert list(dataset.user_fields) == ["job"]
    assert dataset.histories.fields["job"].tolist() == ["writer"]
    assert list(load_dataset(catalog_id=films.pk, sensitive={"gender"}).user_fields) == ["gender", "job"]


def test_items_come_with_what_is_known_of_them():
    films = catalog_of([[0]], 2)
    Attribute.objects.create(catalog=films, scope="item", name="rating", type="category", feature=True)
    films.items.filter(client_id="i0").update(categories=["a", "b"], year=1999, attributes={"rating": "PG"})
    fields = load_dataset(catalog_id=films.pk).item_fields
    assert fields["categories"].tolist() == [["a", "b"], []]
    assert fields["year"].tolist() == [1999, None]
    assert fields["rating"].tolist() == ["PG", None]


def test_what_interactions_came_with_is_a_column_aligned_with_them():
    films = catalog_of([[], [0], []], 3)
    users, items = list(films.users.order_by("id")), list(films.items.order_by("id"))
    add(films, users[2], items[1], context={"device": "phone", "tags": ["a"]})
    add(films, users[0], items[2], context={"hour": 9})
    add(films, users[0], items[0], context={"device": "tv"}, time=START.replace(year=2000))
    histories = load_dataset(catalog_id=films.pk).histories
    assert {name: column.tolist() for name, column in histories.contexts.items()} == {
        "device": ["tv", None, None, "phone"],
        "hour": [None, 9, None, None],
    }
    some = load_histories(
        catalog_id=films.pk, users=[users[2].pk], items=IdMap(np.array([item.pk for item in items], dtype=np.int64))
    )
    assert some.contexts["device"].tolist() == ["phone"]


def test_a_name_made_up_for_each_event_is_not_a_column_each(monkeypatch):
    films = catalog_of([[0, 1]], 2)
    [user], items = films.users.all(), list(films.items.order_by("id"))
    monkeypatch.setattr("recommender.selectors.dataset.MOST_CONTEXTS", 2)
    for at, name in enumerate(("b", "a", "c", "b")):
        add(films, user, items[at % 2], context={name: at})
    assert list(load_dataset(catalog_id=films.pk).histories.contexts) == ["a", "b"]


def test_without_any_context_there_are_no_columns_of_it():
    assert load_dataset(catalog_id=catalog_of([[0, 1]], 2).pk).histories.contexts == {}


def test_within_bounds_later_rows_are_not_seen():
    films = catalog_of([[0, 1]], 2)
    bounds = current_bounds()
    before = fingerprint(load_dataset(catalog_id=films.pk))
    add(films, EndUser.objects.create(catalog=films, client_id="late"), films.items.order_by("id")[0])
    assert fingerprint(load_dataset(catalog_id=films.pk, bounds=bounds)) == before
    assert fingerprint(load_dataset(catalog_id=films.pk)) != before


def test_hidden_items_are_learned_from_and_named():
    films = catalog_of([[0, 1]], 2)
    films.items.filter(client_id="i1").update(hidden=True)
    dataset = load_dataset(catalog_id=films.pk)
    assert dataset.histories.items.tolist() == [0, 1]
    assert hidden_items(catalog_id=films.pk).tolist() == [dataset.items.keys[1]]


def test_histories_of_some_people_in_the_order_asked_for_and_in_positions_of_the_given_items():
    films = catalog_of([[0, 1, 2], [2], [1]], 3)
    dataset = load_dataset(catalog_id=films.pk)
    known = IdMap(dataset.items.keys[1:])
    users = dataset.users.keys[[2, 0, 2]].tolist()
    found = load_histories(catalog_id=films.pk, users=users, items=known)
    assert [found.items_of(row).tolist() for row in range(3)] == [[0], [0, 1], [0]]


def test_an_empty_catalog_is_empty_arrays():
    empty = Catalog.objects.create(name="empty")
    dataset = load_dataset(catalog_id=empty.pk)
    assert (dataset.n_users, dataset.n_items, len(dataset.histories.items)) == (0, 0, 0)
    assert dataset.histories.indptr.dtype == np.int64
