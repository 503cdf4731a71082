"""A new item's audience: by what is said of it, and after the first people took it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from recommender.algorithms.ridge_head import RidgeHead
from recommender.models import Catalog, Interaction, Item, Run
from recommender.services import loaded, new_items
from recommender.services.new_items import auc, standing
from tests.recommender.api.conftest import deploy  # noqa: F401 (a fixture)
from tests.recommender.pages import START, films, login, text_of
from tests.recommender.test_views_lab import SMALL

pytestmark = pytest.mark.django_db


@pytest.fixture
def club(deploy: Any) -> Catalog:  # noqa: F811
    loaded.forget()
    made = films()
    made.runs.all().delete()
    deploy(made, "cold_item", use_text=False, epochs=1, hidden=4)
    deploy(made, "ridge_head", **SMALL)
    return made


def got(catalog: Catalog, role: str = "superuser", **query: Any) -> Any:
    client = Client()
    client.force_login(login(role, catalog))
    return client.get(reverse("cold_item", args=[catalog.name]), query)


def test_auc_by_hand() -> None:
    # pairs: 1<2, 1<3, 3>2 lost, 3=3 half: 2.5 of 4
    value, low, high = auc(np.array([1, 3]), np.array([2, 3])) or (0, 0, 0)
    assert value == pytest.approx(2.5 / 4)
    assert 0 <= low < value < high <= 1
    assert auc(np.zeros(0), np.array([1])) is None


def test_a_place_counts_as_a_share_of_the_person_s_own_list() -> None:
    # of four others: one above and one equal; of two left, the others seen: none above; of none left
    others = np.array([[3.0, 2.0, 1.0, 0.0], [-np.inf, -np.inf, 1.0, 0.0], [-np.inf] * 4])
    found = standing(np.array([2.0, 2.0, 2.0]), others)
    assert found.places.tolist() == [2, 1, 1]
    assert found.shares.tolist() == pytest.approx([2 / 5, 1 / 6, 1 / 2])
    masked = standing(np.array([-np.inf]), np.array([[1.0, -np.inf]]))  # what is masked ties with nothing
    assert (masked.places.tolist(), masked.shares.tolist()) == ([2], [0.75])


def test_a_score_that_tells_nothing_prefers_nobody_however_active(club: Catalog, monkeypatch: Any) -> None:
    active, item = club.users.order_by("id").last(), club.items.get(client_id="i1")
    for at, other in enumerate(club.items.exclude(client_id="i1")):
        Interaction.objects.create(catalog=club, user=active, item=other, kind="view", time=START, event_key=uuid4(),
                                   value=None if at else 1.0)  # fmt: skip
    score = RidgeHead.score
    monkeypatch.setattr(RidgeHead, "score", lambda self, histories: 0 * score(self, histories))
    monkeypatch.setattr(new_items, "STAGES", (0, 1))
    found = new_items.audience(catalog=club, run=club.runs.get(algorithm="ridge_head"), item=item, said={})
    assert found.later and found.stages[0].auc is not None and found.stages[0].auc[0] == 0.5
    keys = [key for key, _ in found.stages[0].best]
    assert keys == found.everyone[:10] and found.top == found.everyone[:1]  # in the order they were asked
    assert dict(found.stages[0].best).get(active.pk, 1) == 1


def test_items_told_by_their_id_alone_are_not_placed(club: Catalog) -> None:
    made = {
        (name, items): Run.objects.create(catalog=club, algorithm=name, status="succeeded", config={"items": items})
        for name in ("sasrec", "gru", "student") for items in ("id", "text", "both")
    }  # fmt: skip
    Run.objects.create(catalog=club, algorithm="sasrec", status="succeeded", config={"of another version": 1})
    offered = {run.pk for run in new_items.runs_that_can(club)}
    assert {key for key, run in made.items() if run.pk in offered} == {key for key in made if key[1] != "id"}
    assert len(offered) == 6 + 2


def test_what_moves_with_the_first_takers_is_asked_first(club: Catalog) -> None:
    choice = new_items.runs_that_can(club)
    assert [run.algorithm for run in choice] == ["ridge_head", "cold_item"]  # the first one serves
    assert new_items.preferred(choice) == choice[1] and new_items.preferred(choice[:1]) == choice[0]
    assert new_items.preferred([]) is None
    assert "After 1 interaction" in text_of(got(club, item="i1"))


def test_an_item_of_the_catalog_as_if_it_were_new(club: Catalog) -> None:
    run = club.runs.get(algorithm="cold_item")
    answer = got(club, run=run.pk, item="i1")
    said = text_of(answer)
    assert "Film 1, as if new" in said
    for words in ("Before any interaction", "After 1 interaction", "After 5 interactions"):
        assert words in said
    assert Item.objects.count() == 8


def test_what_is_typed_and_who_took_it(club: Catalog) -> None:
    run = club.runs.get(algorithm="cold_item")
    said = text_of(got(club, run=run.pk, title="Film 99", categories="Drama|War", took="p1, p2, nobody"))
    assert "After 2 interactions" in said and "Nobody has the id nobody." in said
    assert "Gender: above all" in said


def test_a_recommender_that_does_not_move_says_so(club: Catalog) -> None:
    run = club.runs.get(algorithm="ridge_head")
    said = text_of(got(club, "operator", run=run.pk, title="Film 99"))
    assert "reads nothing of who took an item after its training" in said
    assert "After " not in said
    assert "Gender" not in said  # sensitive: not for operators


def test_nothing_asked_and_nonsense(club: Catalog) -> None:
    assert "Predict its audience" in text_of(got(club))
    assert "has no item “none”" in text_of(got(club, "analyst", item="none", run="x", took=",,"))


def test_an_empty_catalog() -> None:
    assert "No recommender can place new items yet" in text_of(got(Catalog.objects.create(name="bare")))
