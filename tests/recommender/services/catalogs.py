"""Catalogs as rows, for tests of selectors, services and commands."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from recommender.data.dataset import Dataset
from recommender.models import Catalog, EndUser, Interaction, Item

START = datetime(2020, 1, 1, tzinfo=UTC)


def catalog_of(people: Sequence[Sequence[int]], n_items: int, name: str = "films") -> Catalog:
    """People p0, p1, … who met the items i0, i1, … of their list, an hour apart."""
    catalog = Catalog.objects.create(name=name)
    items = Item.objects.bulk_create(
        Item(catalog=catalog, client_id=f"i{n}", title=f"Film {n}") for n in range(n_items)
    )
    users = EndUser.objects.bulk_create(EndUser(catalog=catalog, client_id=f"p{n}") for n in range(len(people)))
    rows = (
        Interaction(
            catalog=catalog,
            user=users[row],
            item=items[item],
            kind="rating",
            value=4.0,
            time=START + timedelta(hours=at),
            event_key=uuid.uuid4(),
        )
        for row, person in enumerate(people)
        for at, item in enumerate(person)
    )
    Interaction.objects.bulk_create(rows, batch_size=5000)
    return catalog


def catalog_from(dataset: Dataset, name: str = "films") -> Catalog:
    """The people, items and order of `dataset` as rows."""
    people = [dataset.histories.items_of(row).tolist() for row in range(dataset.n_users)]
    return catalog_of(people, dataset.n_items, name)
