"""The list by what-ifs, and what would have to be different."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from explain.exceptions import CannotExplain
from explain.services.asking import Question, case_of
from explain.services.changing import changes_of_fields, way_in
from explain.services.reranking import rerank
from recommender.models import Attribute, Catalog, EndUser, Run
from recommender.services import serving
from recommender.services.feedback import Event, record
from tests.recommender.api.support import NOW

pytestmark = pytest.mark.django_db


def test_nothing_switched_off_is_the_list_as_it_is(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    listed = serving.recommend(serving.Question(filled.pk, "u0", noted=False)).items
    found = rerank(Question(filled.pk, "u0", listed[0].item))
    assert [row.item for row in found.rows] == [each.item for each in listed]
    assert [row.place for row in found.rows] == [row.before for row in found.rows] == list(range(1, 11))
    assert (found.rank, found.left) == (1, [])
    assert found.value == pytest.approx(listed[0].score, rel=1e-6)


def test_switching_an_item_off_is_as_if_it_had_never_been_met(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    asked = Question(filled.pk, "u0", "i8", k=5, without=frozenset({"i0", "i1", "i2", "i3", "i4"}))
    found = rerank(asked)
    record(catalog=filled, events=[(0, Event("only", "i5", "rating", 4.0, NOW))])
    seen = {f"i{at}" for at in range(6)}
    expected = [
        row.item for row in serving.recommend(serving.Question(filled.pk, "only", n=24, noted=False)).items
    ]  # fmt: skip
    assert [row.item for row in found.rows] == [item for item in expected if item not in seen][:5]
    assert not seen & {row.item for row in found.rows}, "what was met is not shown even where it is switched off"
    assert found.value != found.value_before
    everything = {row.item for row in rerank(replace(asked, without=frozenset())).rows}
    assert {row.item for row in found.left} == everything - {row.item for row in found.rows}


def test_what_would_bring_an_item_in_really_does(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    asked = Question(filled.pk, "u0", "i20", k=3)
    found = way_in(case_of(asked))
    assert found["found"]
    met = [(0, Event("u0", row["id"], "rating", 4.0, NOW)) for row in found["added"]]
    record(catalog=filled, events=met)
    without = frozenset(row["id"] for row in found["removed"])
    again = case_of(replace(asked, without=without))
    assert again.rank == found["rank"] <= 3
    assert "would rise from place" in found["text"]


def test_an_item_that_is_in_needs_no_way_in(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    first = serving.recommend(serving.Question(filled.pk, "u0", noted=False)).items[0].item
    with pytest.raises(CannotExplain):
        way_in(case_of(Question(filled.pk, "u0", first)))


def test_a_recommender_without_fields_has_none_to_change(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    with pytest.raises(CannotExplain, match="can be changed"):
        changes_of_fields(case_of(Question(filled.pk, "u0", "i8")))


def test_a_change_of_fields_is_proven_by_ranking_again(filled: Catalog, deploy: Callable[..., Run]):
    Attribute.objects.create(catalog=filled, scope="user", name="town", type="category", feature=True)
    for person in EndUser.objects.all():
        person.attributes = {"town": "A" if int(person.client_id[1:]) % 2 else "B"}
        person.save()
    deploy(filled, "ncf", epochs=8)
    first = serving.recommend(serving.Question(filled.pk, "u0", noted=False)).items[0].item
    asked = Question(filled.pk, "u0", first, k=1)
    found = changes_of_fields(case_of(asked), {"town": ["A"]})
    changed = {row["name"]: row["after"] for row in found["changes"]}
    assert set(changed) <= {"town"}
    if found["found"]:
        assert case_of(replace(asked, attributes=changed)).rank == found["rank"] > 1
    else:
        ranks = {case_of(replace(asked, attributes={"town": value})).rank for value in ("A", None)}
        assert ranks == {1}
