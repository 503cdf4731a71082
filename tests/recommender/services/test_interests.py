"""A person's interests, long-term and lately, against their catalog."""

from __future__ import annotations

import pytest

from recommender.models import Catalog
from recommender.services.interests import interests_of
from tests.recommender.services.catalogs import catalog_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def films() -> Catalog:
    """p0 met war films and then romances; all others met all, or comedies."""
    films = catalog_of([list(range(20)), [*range(20, 40)], [*range(40)], [*range(20, 40)]], 40)
    for number, item in enumerate(films.items.order_by("id")):
        item.categories = ["War"] if number < 10 else ["Romance"] if number < 20 else ["Comedy"]
        item.creators = ["Ann Smith"] if number in (0, 1, 2) else []
        item.title = f"Submarine {number}" if number in (3, 4, 5) else f"Film {number}"
        item.save()
    return films


def test_what_stands_out_over_all_time_and_lately(films: Catalog):
    rows = interests_of(person=films.users.get(client_id="p0"))
    by_name = {row["name"]: row for row in rows}
    assert set(by_name) == {"War", "Romance", "Ann Smith", "submarine"}
    war, romance = by_name["War"], by_name["Romance"]
    assert (war["items"], war["share"], war["usual"]) == (10, 0.5, pytest.approx(20 / 100))
    assert romance["recent"] > romance["long_term"] == pytest.approx(war["long_term"])
    assert romance["recent"] > war["recent"]


def test_others_have_others_and_who_did_nothing_has_none(films: Catalog):
    assert [row["name"] for row in interests_of(person=films.users.get(client_id="p1"))] == ["Comedy"]
    assert interests_of(person=films.users.create(client_id="new")) == []


def test_what_was_disliked_counts_half(films: Catalog):
    person = films.users.get(client_id="p0")
    person.interactions.filter(item__categories=["War"]).update(value=1.0)
    rows = {row["name"]: row for row in interests_of(person=person)}
    assert rows["War"]["share"] == pytest.approx(1 / 3)
