"""One explanation as a document: right, kept while it is true, gone with its data, clear where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from explain.attribution.game import Game
from explain.attribution.sentences import listed
from explain.exceptions import CannotExplain, Gone, Unknown
from explain.models import Explanation
from explain.services import asking, explaining
from explain.services.asking import Question
from explain.services.explaining import explain
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, EndUser, Interaction, Item, Run
from recommender.services import serving
from recommender.services.erasure import erase
from recommender.services.feedback import Event, record
from tests.recommender.api.support import NOW

pytestmark = pytest.mark.django_db


def question(catalog: Catalog, **more: Any) -> Question:
    """Why u0 gets the first item of the list."""
    user = more.pop("user", "u0")
    first = serving.recommend(serving.Question(catalog.pk, user, noted=False, run=more.get("run"))).items[0].item
    return Question(catalog.pk, user, more.pop("item", first), **more)


def test_of_a_linear_recommender_the_parts_sum_to_the_score(filled: Catalog, deploy: Callable[..., Run]):
    run = deploy(filled, "ease")
    asked = question(filled)
    found = explain(asked)
    assert (found["run"], found["rank"], found["method"], found["exact"]) == (run.pk, 1, "contributions", True)
    assert sum(unit["value"] for unit in found["units"]) == pytest.approx(found["prediction"], rel=1e-5)
    listed = serving.recommend(serving.Question(filled.pk, "u0", noted=False)).items[0]
    assert found["prediction"] == pytest.approx(listed.score, rel=1e-6)
    assert found["badge"]["level"] == "complete"
    assert {unit["id"] for unit in found["units"]} == {f"i{at}" for at in range(6)}
    assert found["sentence"].startswith(f"“{found['title']}” is suggested ")


def test_the_counterfactual_is_what_really_takes_the_item_out(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    asked = question(filled, k=1)
    found = explain(asked)
    assert found["counterfactual_found"] is True
    gone = frozenset(row["id"] for row in found["counterfactual"])
    again = asking.case_of(replace(asked, without=gone))
    assert again.rank == found["counterfactual_rank"] > 1
    assert f"fall from place 1 to place {again.rank}" in found["counterfactual_text"]


@pytest.mark.parametrize("algorithm", ["popularity", "user_knn", "sasrec", "ensemble", "blend", "ncf"])
def test_any_recommender_gets_an_answer(filled: Catalog, deploy: Callable[..., Run], algorithm: str):
    deploy(filled, algorithm)
    found = explain(question(filled))
    assert found["algorithm"] == algorithm
    assert found["additive"]
    assert found["relative_gap"] < 1e-2
    if algorithm == "popularity":
        assert "everyone is shown it alike" in found["sentence"]
        assert found["counterfactual_found"] is False


def test_why_this_and_not_that_is_the_margin(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    asked = question(filled)
    one, other = explain(asked), explain(replace(asked, item="i11"))
    both = explain(replace(asked, target="margin", other="i11"))
    assert both["prediction"] == pytest.approx(one["prediction"] - other["prediction"], abs=1e-6)
    assert "stands above “Title 11”" in both["sentence"] or "in spite of" in both["sentence"]


def test_an_answer_is_kept_until_something_it_depends_on_changes(
    filled: Catalog, deploy: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
):
    deploy(filled, "ease")
    asked = question(filled)
    first = explain(asked)
    kept = Explanation.objects.get()
    assert kept.document == first
    with monkeypatch.context() as patch:
        patch.setattr(explaining, "made", lambda *_, **__: pytest.fail("worked out again"))
        assert explain(asked) == first
    record(catalog=filled, events=[(0, Event("u0", "i20", "rating", 5.0, NOW))])
    second = explain(asked)
    assert "i20" in {unit["id"] for unit in second["units"]}
    assert Explanation.objects.get().document == second, "the one before is replaced"
    explain(replace(asked, without=frozenset({"i20"})))
    assert Explanation.objects.get().document == second, "what-ifs are not kept"


def test_erasing_a_person_deletes_their_explanations(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    explain(question(filled))
    explain(question(filled, user="u1"))
    erase(catalog=filled, user_ids=[EndUser.objects.get(client_id="u0").pk])
    assert [row.user.client_id for row in Explanation.objects.all()] == ["u1"]


def test_explanations_go_with_their_item_and_their_run(filled: Catalog, deploy: Callable[..., Run]):
    run = deploy(filled, "ease", serve=False)
    asked = question(filled, run=run.pk)
    explain(asked)
    Item.objects.filter(client_id=asked.item).delete()
    assert not Explanation.objects.exists()
    explain(question(filled, run=run.pk, item="i8"))
    run.delete()
    assert not Explanation.objects.exists()


def test_a_run_deleted_while_its_explanation_is_worked_out_is_told(
    filled: Catalog, deploy: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
):
    run = deploy(filled, "ease", serve=False)
    asked, really = question(filled, run=run.pk), explaining.made

    def slow(*args: Any, **given: Any) -> Any:
        Run.objects.filter(pk=run.pk).delete()
        return really(*args, **given)

    monkeypatch.setattr(explaining, "made", slow)
    with pytest.raises(Gone, match="was deleted while"):
        explain(asked)
    assert not Explanation.objects.exists()


def test_an_item_met_already_or_hidden_is_said_to_be_so(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    met = explain(question(filled, item="i0"))
    assert met["rank"] is None
    assert "met the item already" in met["note"]
    assert met["counterfactual_found"] is None
    Item.objects.filter(client_id="i8").update(hidden=True)
    hidden = explain(question(filled, item="i8"))
    assert hidden["rank"] is None
    assert "hidden" in hidden["note"]


def test_a_history_of_one_has_one_reason(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    record(catalog=filled, events=[(0, Event("new", "i3", "rating", 5.0, NOW))])
    found = explain(question(filled, user="new"))
    assert [unit["id"] for unit in found["units"]] == ["i3"]
    assert "“Title 3” in your history" in found["sentence"]


def test_an_empty_history_has_nothing_to_explain(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    EndUser.objects.create(catalog=filled, client_id="empty")
    with pytest.raises(CannotExplain, match="nothing to explain"):
        explain(Question(filled.pk, "empty", "i3"))


@pytest.mark.parametrize(
    ("given", "error", "field"),
    [
        ({"user": "nobody"}, Unknown, "user"),
        ({"item": "nothing"}, Unknown, "item"),
        ({"target": "margin", "other": "nothing"}, Unknown, "other"),
        ({"target": "margin", "other": "i8"}, BadInput, "other"),
        ({"other": "i9"}, BadInput, "other"),
        ({"target": "mood"}, BadInput, "target"),
        ({"target": "probability"}, CannotExplain, "target"),
        ({"method": "guess"}, CannotExplain, "method"),
        ({"method": "integrated_gradients"}, CannotExplain, "method"),
        ({"k": 0}, BadInput, "k"),
        ({"run": 10**6}, BadInput, "run"),
    ],
)
def test_what_cannot_be_answered_names_the_field(
    filled: Catalog, deploy: Callable[..., Run], given: dict[str, Any], error: type[Exception], field: str
):
    deploy(filled, "ease")
    with pytest.raises(error) as caught:
        explain(Question(**{"catalog_id": filled.pk, "user": "u0", "item": "i8", **given}))
    assert caught.value.field == field  # type: ignore[attr-defined]


def test_where_nothing_serves_that_is_said(filled: Catalog):
    with pytest.raises(Conflict, match="No recommender is in service"):
        explain(Question(filled.pk, "u0", "i8"))


def test_an_item_that_came_after_the_training_is_said_to_be_so(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    Item.objects.create(catalog=filled, client_id="later", title="Later")
    with pytest.raises(CannotExplain, match="came after the training"):
        explain(Question(filled.pk, "u0", "later"))


def test_a_question_leaves_nothing_but_the_answer(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "ease")
    before = Interaction.objects.count()
    explain(question(filled))
    assert Interaction.objects.count() == before


def test_titles_with_commas_are_named_whole(filled: Catalog, deploy: Callable[..., Run]):
    for at in range(6):
        Item.objects.filter(client_id=f"i{at}").update(title=f"Kill, Kill {at}, The")
    deploy(filled, "ease")
    found = explain(question(filled, k=1))
    names = [f"“{row['label']}”" for row in found["counterfactual"]]
    assert all(name in found["counterfactual_text"] for name in names)
    assert found["counterfactual_text"].startswith(f"Without {listed(names)} in the history")


def test_items_that_score_alike_stand_where_the_list_has_them(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "popularity")
    listing = serving.recommend(serving.Question(filled.pk, "u0", n=18, noted=False)).items
    places = {each.item: explain(question(filled, item=each.item, k=3))["rank"] for each in listing}
    assert list(places.values()) == [each.rank for each in listing]


def test_what_was_chosen_by_chance_has_no_reasons(filled: Catalog, deploy: Callable[..., Run]):
    deploy(filled, "random")
    with pytest.raises(CannotExplain, match="chosen by chance"):
        explain(question(filled))


@pytest.mark.parametrize(("model", "words"), [(EndUser, "“u0” was deleted"), (Item, "was deleted while")])
def test_a_person_or_an_item_deleted_meanwhile_is_told(
    filled: Catalog, deploy: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, model: Any, words: str
):
    deploy(filled, "ease")
    asked, really = question(filled), explaining.made

    def slow(*args: Any, **given: Any) -> Any:
        found = really(*args, **given)
        model.objects.filter(client_id__in=["u0", asked.item]).delete()
        return found

    monkeypatch.setattr(explaining, "made", slow)
    with pytest.raises(Gone, match=words):
        explain(asked)


def test_of_a_long_history_no_set_is_called_the_smallest(
    filled: Catalog, deploy: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
):
    deploy(filled, "ease")
    asked = question(filled, k=1)
    assert explain(asked)["counterfactual_smallest"] is True
    monkeypatch.setattr(asking.Case, "game", lambda case, _="", **options: real_game(case, most_units=4, **options))
    assert explain(replace(asked, k=2))["counterfactual_smallest"] is False


def real_game(case: asking.Case, **options: Any) -> Game:
    return Game(case.served.model, case.histories, case.target, hidden=case.hidden, **options)
