"""What an explanation is about: the history, what is said of person and item, or all of it; and what else would have to
be different."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from explain.exceptions import CannotExplain
from explain.models import Explanation
from explain.services.asking import Question, case_of
from explain.services.changing import changes_of_fields, way_in
from explain.services.explaining import explain
from explain.services.knowable import alternatives
from recommender.exceptions import BadInput
from recommender.models import Attribute, Catalog, EndUser, Run
from recommender.services import serving

pytestmark = pytest.mark.django_db
SMALL: dict[str, dict[str, Any]] = {
    "ncf": {},
    "fm": {},
    "maml": {"epochs": 1},
    "ridge_head": {"epochs": 1, "width": 4, "features": 4, "factors": 2},
    "neural_process": {"epochs": 1},
}


def question(catalog: Catalog, **more: Any) -> Question:
    listed = serving.recommend(serving.Question(catalog.pk, "u0", noted=False)).items
    return Question(catalog.pk, "u0", listed[0].item, **more)


@pytest.fixture
def towns(filled: Catalog) -> Catalog:
    """People of two towns, which recommenders may read."""
    Attribute.objects.create(catalog=filled, scope="user", name="town", type="category", feature=True)
    for person in EndUser.objects.all():
        EndUser.objects.filter(pk=person.pk).update(attributes={"town": "AB"[int(person.client_id[1:]) % 2]})
    return filled


@pytest.mark.parametrize("algorithm", list(SMALL))
def test_what_is_said_of_the_item_and_the_person_sums_to_the_score(
    towns: Catalog, deploy: Callable[..., Run], algorithm: str
):
    deploy(towns, algorithm, **SMALL[algorithm])
    asked = question(towns, about="fields", searched=False)
    found = explain(asked)
    kinds = {(unit["kind"], unit["id"]) for unit in found["units"]}
    assert {("attribute", "town"), ("item_field", "categories"), ("item_field", "itself")} <= kinds
    assert "item" not in {kind for kind, _ in kinds}
    assert found["about"] == "fields" and found["method"] == "shapley" and found["exact"]
    assert found["prediction"] == pytest.approx(explain(replace(asked, about="history"))["prediction"], abs=1e-4)
    total = found["baseline_prediction"] + sum(unit["value"] for unit in found["units"])
    assert total == pytest.approx(found["prediction"], abs=1e-4)
    labels = {unit["label"] for unit in found["units"]}
    assert labels & {"what is said of it: categories Comedy", "what is said of it: categories Drama"}


@pytest.mark.parametrize("algorithm", ["ncf", "ridge_head"])
def test_everything_is_the_history_and_the_fields_together(towns: Catalog, deploy: Callable[..., Run], algorithm: str):
    deploy(towns, algorithm, **SMALL[algorithm])
    asked = question(towns, searched=False)
    units = [
        {(unit["kind"], unit["id"]) for unit in explain(replace(asked, about=about))["units"]}
        for about in ("history", "fields", "everything")
    ]
    assert units[2] == units[0] | units[1]
    assert len(units[2]) > len(units[0])
    assert Explanation.objects.count() == 3  # each is kept for itself
    for method in explain(replace(asked, about="everything"))["methods"]:
        if not method.startswith(("shap_", "tree_")):
            answer = explain(replace(asked, about="everything", method=method))
            assert len(answer["units"]) == len(units[2])
            assert not answer["additive"] or answer["relative_gap"] < 0.05, method


def test_of_fields_no_sentence_speaks_of_the_history(towns: Catalog, deploy: Callable[..., Run]):
    deploy(towns, "ncf")
    said = explain(question(towns, about="fields", searched=False))["sentence"]
    assert "your history" not in said
    assert "its categories " in said or "what others did with it" in said or "what is known of you" in said


def test_the_counterfactual_stays_that_of_the_history(towns: Catalog, deploy: Callable[..., Run]):
    deploy(towns, "ncf")
    asked = question(towns, k=1)
    names = ("counterfactual", "counterfactual_found", "counterfactual_text")
    one, other = explain(asked), explain(replace(asked, about="fields"))
    assert [one[name] for name in names] == [other[name] for name in names]


def test_a_recommender_of_histories_alone_says_that_it_reads_no_fields(towns: Catalog, deploy: Callable[..., Run]):
    deploy(towns, "ease")
    with pytest.raises(CannotExplain, match="only histories") as refused:
        explain(question(towns, about="fields"))
    assert refused.value.field == "units"
    assert explain(question(towns, about="everything"))["units"] == explain(question(towns))["units"]


@pytest.mark.parametrize(("more", "field"), [({"about": "mood"}, "units"), ({"changes": "mood"}, "changes")])
def test_what_there_is_not_is_refused(towns: Catalog, deploy: Callable[..., Run], more: Any, field: str):
    deploy(towns, "ease")
    with pytest.raises(BadInput) as refused:
        explain(question(towns, **more))
    assert refused.value.field == field


def test_which_fields_keep_it_in_and_what_would_bring_it_in_are_told_beside_the_values(
    towns: Catalog, deploy: Callable[..., Run]
):
    deploy(towns, "ncf")
    asked = question(towns, k=1)
    found = explain(replace(asked, changes="fields"))["changes"]
    expected = changes_of_fields(case_of(asked), alternatives(case_of(asked)))
    assert (found["kind"], found["found"], found["text"]) == ("fields", expected["found"], expected["text"])
    assert found["fields_changed"] == expected["changes"]
    outside = replace(asked, item="i20" if case_of(replace(asked, item="i20")).rank != 1 else "i21")
    found = explain(replace(outside, changes="entry"))["changes"]
    expected = way_in(case_of(outside))
    assert (found["kind"], found["added"], found["rank"]) == ("entry", expected["added"], expected["rank"])
    assert "changes" not in explain(outside)


def test_where_there_is_nothing_to_look_for_the_text_says_so(towns: Catalog, deploy: Callable[..., Run]):
    deploy(towns, "ease")
    found = explain(question(towns, changes="entry"))["changes"]
    assert (found["found"], found["kind"]) == (None, "entry")
    assert found["text"]
    assert "can be changed" in explain(question(towns, changes="fields"))["changes"]["text"]
