"""The examination of what counts for everyone, from the waiting row to its results."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from explain.models import Examination
from explain.services import overall
from explain.services.examining import create_examination, execute_examination
from recommender.exceptions import BadInput
from recommender.models import Attribute, Catalog, EndUser, Run
from tests.recommender.services.catalogs import catalog_of

pytestmark = pytest.mark.django_db(transaction=True)


def examined(run: Run, **settings: Any) -> dict[str, Any]:
    row = create_examination(run=run, kind="global", settings=settings)
    assert execute_examination(examination_id=row.pk)
    row.refresh_from_db()
    assert row.status == "succeeded", row.error + row.traceback
    assert json.loads(json.dumps(row.results, allow_nan=False)) == row.results
    assert row.people == row.results["people"]
    return row.results


@pytest.mark.parametrize("algorithm", ["ials", "user_knn", "content", "blend", "student"])
def test_of_every_kind_of_recommender_it_says_what_counts(
    algorithm: str, filled: Catalog, deploy: Callable[..., Run]
) -> None:
    found = examined(deploy(filled, algorithm), people=12)
    assert (found["people"], found["explained"]) == (12, 12)
    assert sum(row["share"] for row in found["recency"]) == pytest.approx(1)
    assert {row["category"] for row in found["categories"]} == {"Comedy", "Drama"}
    assert found["gap"] < 1e-3
    assert [each["of"] for each in found["dependence"]][:2] == ["interactions", "popularity"]
    for each in ("tree", "linear"):
        stand_in = found["stand_ins"][each]
        assert stand_in["refused"].startswith("Its fidelity was measured on 4 people")
    assert not found["stand_ins"]["tree"]["nodes"]
    assert not found["stand_ins"]["linear"]["coefficients"]
    assert found["beeswarm"]
    assert (found["concepts"] is not None) == (algorithm == "student"), "whose network reads histories in order"


def test_a_network_is_asked_for_categories(filled: Catalog, deploy: Callable[..., Run]) -> None:
    found = examined(deploy(filled, "sasrec"), people=10)
    assert found["method"] in ("shapley", "integrated_gradients")
    assert {row["concept"] for row in found["concepts"]} == {"Comedy", "Drama"}
    assert all(0 <= row["low"] <= row["share"] <= row["high"] <= 1 for row in found["concepts"])


def test_of_what_ignores_the_person_it_says_so(filled: Catalog, deploy: Callable[..., Run]) -> None:
    found = examined(deploy(filled, "popularity"), people=10)
    assert found["flat"] is True
    assert "recency" not in found


def test_chance_is_not_explained(filled: Catalog, deploy: Callable[..., Run]) -> None:
    found = examined(deploy(filled, "random"), people=10)
    assert found["chance"] is True
    assert "recency" not in found


def test_fields_and_groups_are_told_and_sensitive_groups_marked(filled: Catalog, deploy: Callable[..., Run]) -> None:
    for at, person in enumerate(EndUser.objects.filter(catalog=filled).order_by("pk")):
        person.attributes = {"town": "AB"[at % 2], "gender": "FM"[at < 10]}
        person.save()
    Attribute.objects.create(catalog=filled, scope="user", name="town", type="category", feature=True)
    Attribute.objects.create(catalog=filled, scope="user", name="gender", type="category", sensitive=True)
    found = examined(deploy(filled, "fm"), people=30)
    assert [row["field"] for row in found["fields"]] == ["town"]
    assert [each["name"] for each in found["dependence"] if each["of"] == "attribute"] == ["town"]
    groups = {each["attribute"]: each for each in found["groups"]}
    assert (groups["town"]["sensitive"], groups["gender"]["sensitive"]) == (False, True)
    rows = {row["group"]: row for row in groups["gender"]["rows"]}
    assert rows["M"] == {"group": "M", "people": None, "suppressed": True}
    assert rows["F"]["people"] == 20
    assert "gender is F" not in str(found["stand_ins"]), "what is sensitive is no feature"


def test_results_name_nobody(filled: Catalog, deploy: Callable[..., Run]) -> None:
    found = examined(deploy(filled, "ease"), people=30)
    people = set(EndUser.objects.values_list("client_id", flat=True))
    assert not people & set(json.dumps(found).replace('"', " ").replace(",", " ").split())
    assert all(row["people"] >= 5 for row in found["top_items"])


def test_of_fewer_than_five_people_nothing_is_told(filled: Catalog, deploy: Callable[..., Run]) -> None:
    found = examined(deploy(filled, "ease"), people=4)
    assert (found["people"], found["few"]) == (4, 5)
    assert not {"recency", "dependence", "stand_ins"} & set(found)


def test_nobody_with_a_history_is_an_answer(deploy: Callable[..., Run], filled: Catalog) -> None:
    run = deploy(filled, "ease")
    EndUser.objects.filter(catalog=filled).delete()
    assert examined(run)["nobody"] is True


def test_the_same_seed_gives_the_same_figures(filled: Catalog, deploy: Callable[..., Run]) -> None:
    run = deploy(filled, "ease")
    assert examined(run, people=10, seed=3) == examined(run, people=10, seed=3)


@pytest.mark.parametrize(
    ("settings", "field"), [({"people": "many"}, "people"), ({"method": "guess"}, "method"), ({"seed": "-1"}, "seed")]
)
def test_settings_that_mean_nothing_are_named(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as error:
        overall.settings_of(settings)
    assert error.value.field == field


def test_a_run_without_weights_fails_with_the_reason() -> None:
    run = Run.objects.create(catalog=catalog_of([[0, 1]], 3), algorithm="ease", status="succeeded")
    row = create_examination(run=run, kind="global")
    execute_examination(examination_id=row.pk)
    found = Examination.objects.get(pk=row.pk)
    assert found.status == "failed"
    assert "no final checkpoint" in found.error
