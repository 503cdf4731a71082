"""An examination of trust end to end: a run's explanations tested, its rows forgotten with the people, its badges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from explain.attribution import registry
from explain.attribution.examined import Examined
from explain.attribution.game import MARGIN, PROBABILITY, Game, Target
from explain.models import Examination
from explain.selectors import trust as select
from explain.services import trust
from explain.services.badges import badge, mark
from explain.services.examining import create_examination, execute_examination
from explain.services.trust import Asked, in_terms_of
from recommender.data.dataset import IdMap
from recommender.exceptions import BadInput
from recommender.models import Catalog, Checkpoint, EndUser, Run
from recommender.services.checkpoints import load_checkpoint, remove_checkpoint
from recommender.services.erasure import erase
from recommender.services.training import create_run, execute_run
from tests.recommender.builders import blocks, histories
from tests.recommender.services.catalogs import catalog_from

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def films() -> Catalog:
    return catalog_from(blocks(n_people=40))


def trained(catalog: Catalog, algorithm: str, seed: int = 0, config: dict | None = None) -> Run:
    run = create_run(catalog=catalog, algorithm=algorithm, seed=seed, config=config)
    assert execute_run(run_id=run.pk)
    return Run.objects.get(pk=run.pk)


def examined(run: Run, **settings: object) -> Examination:
    """By the methods that are quickest unless others are asked for."""
    settings = {"methods": "contributions, ablation"} | settings
    row = create_examination(run=run, kind="trust", settings=settings)
    assert execute_examination(examination_id=row.pk)
    return Examination.objects.get(pk=row.pk)


def test_a_runs_explanations_are_examined_with_the_weights_it_was_measured_by(films: Catalog):
    run = trained(films, "ease")
    row = examined(run, people="25")
    assert (row.status, row.error, row.people) == ("succeeded", "", 25)
    ways = {found["way"]: found for found in row.results["ways"]}
    assert {"random order", "greedy removal", "contributions", "ablation", "ablation, margin"} <= set(ways)
    assert ways["ablation"]["people"] == 25
    assert {"pos@5", "cdcg", "ins", "del", "infidelity", "sensitivity", "randomised"} <= set(
        ways["ablation"]["figures"]
    )
    assert row.results["retrained"] is False
    table = select.people(row)
    assert set(table["user"]) <= set(films.users.values_list("pk", flat=True))
    assert table.groupby("way")["user"].nunique()["ablation"] == 25
    assert examined(run, people=25).results["ways"][3]["figures"]["cdcg"] == row.results["ways"][3]["figures"]["cdcg"]


def test_another_run_that_differs_by_its_seed_stands_for_a_second_training(films: Catalog):
    run, config = None, {"factors": 4, "iterations": 2}
    for seed in (0, 1):
        run = trained(films, "ials", seed, config)
    row = examined(run, people=20)
    assert row.results["retrained"] is True
    found = {each["way"]: each for each in row.results["ways"]}["ablation"]["figures"]["retrained"]
    assert -1 <= found["value"] <= 1


def test_a_second_recommender_is_trained_where_that_was_asked(films: Catalog):
    run = trained(films, "ials", config={"factors": 4, "iterations": 2})
    assert examined(run, people=20).results["retrained"] is False
    assert examined(run, people=20, retrain="on").results["retrained"] is True


def test_erasing_someone_takes_the_rows_and_leaves_the_figures(films: Catalog):
    row = examined(trained(films, "ease"), people=20)
    erase(catalog=films, user_ids=[EndUser.objects.first().pk])
    after = Examination.objects.get(pk=row.pk)
    assert select.people(after) is None
    assert after.results == row.results


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"people": "many"}, "people"),
        ({"people": 3}, "people"),
        ({"seed": -1}, "seed"),
        ({"speed": 1}, "speed"),
        ({"methods": "guess"}, "methods"),
    ],
)
def test_settings_that_mean_nothing_are_refused_by_field(settings: dict, field: str):
    with pytest.raises(BadInput) as caught:
        Asked.read(settings)
    assert caught.value.field == field


def test_a_run_whose_measured_weights_are_gone_says_so(films: Catalog):
    run = trained(films, "ease")
    remove_checkpoint(run_id=run.pk, purpose=Checkpoint.Purpose.MEASURED)
    row = examined(run)
    assert row.status == "failed"
    assert "was measured by are gone" in row.error


def test_no_method_is_reliable_for_a_recommender_that_reads_no_history(films: Catalog):
    run = trained(films, "popularity")
    row = examined(run, people=20)
    judged = [way for way in row.results["ways"] if way.get("decided")]
    assert judged
    assert all(way["faults"] for way in judged)
    assert all(way["closed"]["cdcg"] is None for way in judged)


def test_where_no_method_can_explain_the_reason_is_told():
    assert trust._nobody(Examined(cannot={"shapley": "Too many."})) == "No recommendation could be explained: Too many."


def test_items_deleted_since_are_left_out():
    found = in_terms_of(histories([[0, 1, 2]]), IdMap(np.array([5, 7, 9])), IdMap(np.array([5, 9])))
    assert found.items.tolist() == [0, 1]


def test_hidden_and_deleted_items_are_not_ranked(films: Catalog):
    first, second, third = films.items.order_by("pk")[:3]
    films.items.filter(pk=first.pk).update(hidden=True)
    known, there = (IdMap(np.array([each.pk for each in these])) for these in ((first, second, third), (first, third)))
    run = Run.objects.create(catalog=films, algorithm="ease")
    assert trust.not_shown(run, known, there).tolist() == [0, 1]


def attribution(run: Run, method: str, kind: str = "score"):
    content = load_checkpoint(run_id=run.pk, purpose="measured")
    others = (3, 4) if kind == MARGIN else ()
    return registry.get(method).explain(Game(content.restore(), histories([[0, 1]]), Target(2, kind, others)))


def test_a_badge_says_what_is_exact_what_is_untested_and_what_is_not_reliable(films: Catalog):
    run = trained(films, "ease")
    exact, inexact = (attribution(run, method) for method in ("contributions", "ablation"))
    assert badge(run_id=run.pk, method="contributions", attribution=exact)["level"] == "complete"
    assert badge(run_id=run.pk, method="ablation", attribution=inexact)["level"] == "untested"
    before = mark(run_id=run.pk)
    row = examined(run, people=40)
    assert mark(run_id=run.pk) != before
    found = badge(run_id=run.pk, method="ablation", attribution=inexact)
    assert found["level"] == "approximate"
    assert "does not sum to the score" in found["text"]
    for way in row.results["ways"]:
        if way["way"] == "ablation, margin":
            way["faults"] = ["It says much the same of anything."]
    row.save(update_fields=["results"])
    margin = attribution(run, "ablation", MARGIN)
    assert badge(run_id=run.pk, method="ablation", attribution=margin) == {
        "level": "unreliable", "text": "not reliable for this recommender: it says much the same of anything",
    }  # fmt: skip
    assert badge(run_id=run.pk, method="ablation", attribution=inexact)["level"] == "approximate"


def test_one_of_other_methods_leaves_what_is_known_of_this_one(films: Catalog):
    run = trained(films, "ease")
    examined(run, people=40, methods="ablation")
    examined(run, people=25, methods="contributions")
    assert select.judged(run.pk, "ablation")["people"] == 40
    assert select.judged(run.pk, "contributions")["people"] == 25
    examined(run, people=30, methods="ablation")
    assert select.judged(run.pk, "ablation")["people"] == 30
    assert select.judged(run.pk, "shapley") is None


def test_a_badge_names_what_is_explained(films: Catalog):
    run = trained(films, "ease")
    lead = attribution(run, "contributions", MARGIN)
    said = badge(run_id=run.pk, method="contributions", attribution=lead)
    assert said == {"level": "complete", "text": "complete: the parts sum to the lead"}
    chance = replace(lead, target=Target(2, PROBABILITY))
    assert badge(run_id=run.pk, method="contributions", attribution=chance)["text"].endswith("sum to the probability")


def test_without_names_every_method_is_examined_and_with_them_those_alone():
    assert {way.method for way in trust.plan_for(Asked.read({})).ways} == set(registry.METHODS)
    few = Asked.read({"methods": ["ablation"]})
    assert [way.key for way in trust.plan_for(few).ways] == ["ablation", "ablation, margin"]


def test_attention_is_called_no_explanation_and_a_stand_in_tells_how_well_it_stands_in(films: Catalog):
    run = trained(films, "ease")
    other = attribution(run, "ablation")
    assert badge(run_id=run.pk, method="attention", attribution=other)["text"].startswith("not an explanation")
    assert badge(run_id=run.pk, method="attention", attribution=other)["level"] == "unreliable"
    examined(run, people=40)
    found = badge(run_id=run.pk, method="ablation", attribution=replace(other, fidelity=0.876))
    assert found["text"].startswith("approximate: a simpler model stands in, with R² 0.88")


def test_people_are_drawn_by_the_seed_and_slow_methods_see_fewer():
    plan = trust.plan_for(Asked(people=200, seed=5))
    assert (plan.slow_people, plan.close, plan.seed) == (60, 60, 5)
