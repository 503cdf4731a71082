"""Sweeps of remedies that look at groups of people: in training, and re-ranking by an attribute."""

from __future__ import annotations

import pytest

from explain.models import RemedySweep
from explain.services import sweeping
from recommender.exceptions import BadInput
from recommender.models import Attribute, Catalog
from recommender.services import grouping, training
from tests.explain.services.test_sweeping import executed, shop, trained

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["shop"]
SMALL = {"factors": 4, "length": 8, "epochs": 1, "initial": "random"}


def test_a_remedy_in_training_is_swept_and_its_point_saved_is_the_run_that_was_trained_for_it(shop: Catalog) -> None:
    run = trained(shop, "gru", **SMALL)
    with pytest.raises(BadInput, match="Name the groups") as caught:
        sweeping.create_sweep(run=run, remedy="group-dro")
    assert caught.value.field == "groups"
    row = executed(run, "group-dro", strengths=[1], groups="gender")
    assert [point["strength"] for point in row.results["points"]] == [0, 1] and row.results["problems"] == []
    saved, _ = sweeping.save_point(row=row, strength=1)
    training.execute_run(run_id=saved.pk)
    saved.refresh_from_db()
    assert (saved.algorithm, saved.status, grouping.looked_at(saved)) == ("gru", "succeeded", ["gender"])
    assert saved.metrics["ndcg@5"]["value"] == pytest.approx(row.results["points"][1]["accuracy"]["value"], abs=1e-6)


def test_a_training_that_fails_is_said_and_one_that_ended_is_not_done_again(shop: Catalog) -> None:
    run = trained(shop, "gru", **SMALL)
    Attribute.objects.create(catalog=shop, scope="user", name="town", type="category")
    row = executed(run, "group-std", strengths=[0.5], groups="town")
    assert [point["strength"] for point in row.results["points"]] == [0]
    assert "Strength 0.5 is missing: its training failed" in row.results["problems"][0]
    assert "Nobody here has the attribute" in row.results["problems"][0]
    row = executed(run, "group-reweight", strengths=[1], groups="gender")
    count = shop.runs.count()
    RemedySweep.objects.filter(pk=row.pk).update(status="queued", worker="", results={})
    assert sweeping.execute_sweep(sweep_id=row.pk)
    row.refresh_from_db()
    assert (row.status, len(row.results["points"]), shop.runs.count()) == ("succeeded", 2, count)


def test_whoever_cancels_a_sweep_cancels_the_training_that_goes_on_for_it(shop: Catalog) -> None:
    run = trained(shop, "gru", **SMALL)
    row = sweeping.create_sweep(run=run, remedy="group-dro", settings={"groups": "gender"})
    asked = sweeping.read(run=run, remedy=row.remedy, settings=row.settings)
    made = sweeping.made_run(row, asked, 1.0)
    sweeping.remember(row=row, part=sweeping.RUNS, strength=1.0, run=made)
    sweeping.cancel_sweep(sweep=row)
    made.refresh_from_db()
    assert (row.status, made.status) == ("cancelled", "cancelled")


def test_a_run_whose_training_looks_at_groups_already_is_no_base_to_compare_with(shop: Catalog) -> None:
    run = trained(shop, "gru", **SMALL, group_objective="dro", groups="gender")
    with pytest.raises(BadInput, match="looks at groups of people already"):
        sweeping.create_sweep(run=run, remedy="group-std", settings={"groups": "gender"})


def test_a_remedy_that_re_ranks_by_an_attribute_is_given_it(shop: Catalog) -> None:
    row = executed(trained(shop, "item_knn"), "cp_fair", strengths=[0.3], groups="gender")
    assert [point["strength"] for point in row.results["points"]] == [0, 0.3]
    assert [words.partition(",")[0] for words in row.results["problems"]] == ["When a list is asked for"]
    saved, _ = sweeping.save_point(row=row, strength=0.3)
    training.execute_run(run_id=saved.pk)
    saved.refresh_from_db()
    assert saved.status == "succeeded", saved.traceback
    assert grouping.looked_at(saved) == ["gender"]
