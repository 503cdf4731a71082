"""Sweeps of remedies that look at groups of people: in training, and re-ranking by an attribute."""

from __future__ import annotations

import pytest

from explain.services import sweeping
from recommender.exceptions import BadInput
from recommender.models import Catalog
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


def test_a_remedy_that_re_ranks_by_an_attribute_is_given_it(shop: Catalog) -> None:
    row = executed(trained(shop, "item_knn"), "cp_fair", strengths=[0.3], groups="gender")
    assert [point["strength"] for point in row.results["points"]] == [0, 0.3] and row.results["problems"] == []
    saved, _ = sweeping.save_point(row=row, strength=0.3)
    training.execute_run(run_id=saved.pk)
    saved.refresh_from_db()
    assert saved.status == "succeeded", saved.traceback
    assert grouping.looked_at(saved) == ["gender"]
