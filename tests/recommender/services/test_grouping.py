"""Runs whose training looks at groups of people: what is checked, what is loaded, and what stays the same."""

from __future__ import annotations

from typing import Any

import pytest

from recommender.exceptions import BadConfig
from recommender.models import Attribute, Catalog, EndUser, Run
from recommender.selectors.dataset import load_dataset
from recommender.services import grouping
from recommender.services.measuring import evaluate_run
from recommender.services.training import create_run, execute_run, execute_with_parents
from tests.recommender.metalearning.planted import opposite
from tests.recommender.services.catalogs import catalog_from

pytestmark = pytest.mark.django_db(transaction=True)
SMALL: dict[str, Any] = {"factors": 4, "length": 8, "epochs": 1, "initial": "random"}
LOOKED = {"group_objective": "dro", "groups": "gender"}


@pytest.fixture
def films() -> Catalog:
    """People with a gender, which is sensitive and no feature, an age as text, and an attribute that nobody has."""
    data, few = opposite()
    catalog = catalog_from(data)
    for name, kind in (("gender", "category"), ("age", "number"), ("income", "number")):
        Attribute.objects.create(catalog=catalog, scope="user", name=name, type=kind, sensitive=True)
    people = list(EndUser.objects.filter(catalog=catalog).order_by("id"))
    for at, person in enumerate(people):
        person.attributes = {"gender": "F" if few[at] else "M", "age": str(20 + at % 40)}
    EndUser.objects.bulk_update(people, ["attributes"])
    return catalog


def trained(catalog: Catalog, **config: Any) -> Run:
    run = create_run(catalog=catalog, algorithm="sasrec", config={**SMALL, **config})
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    return run


def test_sensitive_groups_are_loaded_where_they_are_asked_for_and_are_no_features(films: Catalog) -> None:
    data = load_dataset(catalog_id=films.pk, groups=["gender", "age", "shoe"])
    assert sorted(data.user_groups) == ["age", "gender"]
    assert set(data.user_groups["gender"]) == {"F", "M"} and data.user_groups["age"][0] == 20.0
    assert not data.histories.fields and data.user_fields.empty
    assert load_dataset(catalog_id=films.pk).user_groups == {}


def test_an_attribute_that_is_not_declared_is_refused_when_the_run_is_made(films: Catalog) -> None:
    with pytest.raises(BadConfig, match=r"have no attribute “shoe”\. Known: age, gender, income, activity\.") as error:
        create_run(catalog=films, algorithm="maml", config={**LOOKED, "groups": "shoe"})
    assert error.value.field == "groups"
    assert create_run(catalog=films, algorithm="maml", config={**LOOKED, "groups": "activity"}).pk
    assert create_run(catalog=films, algorithm="maml", config={"groups": "shoe"}).pk, "no objective reads it"


def test_a_training_by_groups_learns_otherwise_of_the_same_data(films: Catalog) -> None:
    plain, fair = trained(films), trained(films, **LOOKED, group_strength=1.0)
    assert fair.status == Run.Status.SUCCEEDED, fair.error
    assert plain.data_fingerprint == fair.data_fingerprint
    assert plain.curve[0]["loss"] != fair.curve[0]["loss"]
    assert evaluate_run(run=fair, protocol="time")["people"]
    assert grouping.looked_at(fair) == ["gender"] and grouping.looked_at(plain) == []


def test_where_nobody_has_the_attribute_the_run_says_so(films: Catalog) -> None:
    run = trained(films, **{**LOOKED, "groups": "income"})
    assert run.status == Run.Status.FAILED
    assert run.error == "Nobody here has the attribute “income”, so a training cannot weigh groups by it."


def test_a_student_and_its_teacher_may_look_at_different_groups(films: Catalog) -> None:
    teacher = trained(films, **{**LOOKED, "groups": "age"})
    config = {**SMALL, **LOOKED, "teacher": "sasrec", "parents": [teacher.pk]}
    run = create_run(catalog=films, algorithm="student", config=config)
    execute_with_parents(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.SUCCEEDED, run.error
    assert grouping.looked_at(run) == grouping.loaded_for(run) == ["age", "gender"]
