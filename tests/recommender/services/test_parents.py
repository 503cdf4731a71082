"""Runs made of other runs: who is trained first, what is taken in, what outlives what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from recommender.data.dataset import Histories
from recommender.exceptions import BadConfig
from recommender.models import Catalog, Run
from recommender.services import checkpoints, parents
from recommender.services.checkpoints import load_checkpoint
from recommender.services.deploying import load_final
from recommender.services.leases import claim, forgotten_runs
from recommender.services.training import cancel_run, create_run, execute_run, execute_with_parents
from tests.recommender.builders import blocks, histories
from tests.recommender.services.catalogs import catalog_from, catalog_of

pytestmark = pytest.mark.django_db(transaction=True)
MEMBERS = {"members": "ease,item_knn"}
ASKED: Histories = histories([[0, 1, 2], [13, 14]])


@pytest.fixture
def films() -> Iterator[Catalog]:
    yield catalog_from(blocks(n_people=30))


def ensemble(catalog: Catalog, **given: Any) -> Run:
    return create_run(catalog=catalog, algorithm="ensemble", **({"config": MEMBERS} | given))


def trained(catalog: Catalog, algorithm: str, **given: Any) -> Run:
    run = create_run(catalog=catalog, algorithm=algorithm, **given)
    assert execute_with_parents(run_id=run.pk)
    run.refresh_from_db()
    assert run.error == ""
    return run


def made_of(run: Run) -> dict[str, Run]:
    return {each.algorithm: each for each in run.parents.all()}


def test_parents_that_are_not_named_become_runs_of_their_own_and_are_trained_first(films: Catalog) -> None:
    run = ensemble(films, seed=5)
    made = made_of(run)
    assert set(made) == {"ease", "item_knn"}
    assert {(each.seed, each.status, each.made_for) for each in made.values()} == {(5, "queued", run)}
    assert run.phase == "waiting for its parents"
    assert not execute_run(run_id=run.pk)  # not before its parents
    assert execute_with_parents(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.error, run.people) == ("succeeded", "", 30)
    assert {each.status for each in made_of(run).values()} == {"succeeded"}
    assert {each.data_fingerprint for each in made_of(run).values()} == {run.data_fingerprint}
    weights = {name: value for name, value in run.curve[0].items() if name.startswith("weight ")}
    assert sum(weights.values()) == pytest.approx(1)
    assert run.curve[0]["phase"] == "choosing"


def test_named_runs_are_taken_as_they_are_and_say_what_it_is_made_of(films: Catalog) -> None:
    ease, popular = trained(films, "ease", config={"regularization": 7}), trained(films, "popularity")
    run = ensemble(films, config={"parents": f"{ease.pk}, {popular.pk}"})
    assert run.config["members"] == "ease,popularity"
    assert set(run.parents.all()) == {ease, popular}
    assert execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert "ease" in load_final(run=run).model.weights()
    assert films.runs.count() == 3


def test_of_several_members_only_those_not_named_are_made(films: Catalog) -> None:
    ease = trained(films, "ease")
    run = ensemble(films, config=MEMBERS | {"parents": [ease.pk]})
    made = made_of(run)
    assert (made["ease"], made["item_knn"].made_for) == (ease, run)
    assert made["item_knn"].bounds == ease.bounds


def test_what_serves_holds_its_members_and_outlives_their_runs(films: Catalog) -> None:
    run = trained(films, "ensemble", config=MEMBERS)
    served = load_final(run=run).model
    for name, parent in made_of(run).items():
        member = load_final(run=parent).model
        assert np.array_equal(served.members()[name].score(ASKED), member.score(ASKED))
    before = served.score(ASKED)
    for parent in run.parents.all():
        parent.delete()
    assert np.array_equal(load_final(run=Run.objects.get(pk=run.pk)).model.score(ASKED), before)


def test_what_is_measured_has_not_seen_the_test(films: Catalog) -> None:
    run = trained(films, "ensemble", config=MEMBERS)
    content = load_checkpoint(run_id=run.pk, purpose="measured")
    for name, parent in made_of(run).items():
        measured = load_checkpoint(run_id=parent.pk, purpose="measured").restore()
        assert np.array_equal(content.restore().members()[name].score(ASKED), measured.score(ASKED))
    assert content.config.weights  # learned, and kept for the training on everything
    assert load_checkpoint(run_id=run.pk, purpose="final").config == content.config


def test_rows_that_came_after_the_run_was_made_are_neither_its_own_nor_its_parents(films: Catalog) -> None:
    ease = trained(films, "ease")
    films.users.create(client_id="came-later")
    run = trained(films, "ensemble", config=MEMBERS | {"parents": [ease.pk]})
    assert run.data_fingerprint == ease.data_fingerprint


def test_a_parent_of_other_data_is_refused_in_words(films: Catalog) -> None:
    ease = trained(films, "ease")
    films.users.order_by("id").first().delete()
    run = create_run(catalog=films, algorithm="ensemble", config=MEMBERS | {"parents": [ease.pk]})
    assert execute_with_parents(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "failed"
    assert run.error.startswith(f"Its parent ease #{ease.pk} learned from other data")


def test_a_parent_that_failed_ends_what_is_made_of_it() -> None:
    run = ensemble(catalog_of([[]], 3))
    assert execute_with_parents(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "failed"
    assert "did not succeed (failed: The catalog has no interactions" in run.error


def test_a_run_waits_for_its_parents_and_is_handed_on_by_the_last(films: Catalog, settings: Any) -> None:
    run = ensemble(films)
    first, second = parents.unfinished_parents(run_id=run.pk)
    settings.LEASE_SECONDS = 0
    assert run.pk not in forgotten_runs()
    execute_run(run_id=first.pk)
    assert parents.freed_children(run_id=first.pk) == []
    assert claim(run.pk) is None
    execute_run(run_id=second.pk)
    assert parents.freed_children(run_id=second.pk) == [run.pk]
    assert run.pk in forgotten_runs()


def test_cancelling_stops_the_parents_made_for_it_and_leaves_those_named(films: Catalog) -> None:
    named = create_run(catalog=films, algorithm="ease")
    run = ensemble(films, config=MEMBERS | {"parents": [named.pk]})
    cancel_run(run=run)
    named.refresh_from_db()
    assert (run.status, named.status, made_of(run)["item_knn"].status) == ("cancelled", "queued", "cancelled")


def test_a_parent_that_another_run_waits_for_goes_on(films: Catalog) -> None:
    run = ensemble(films)
    ensemble(films, config={"parents": [each.pk for each in run.parents.all()]})
    cancel_run(run=run)
    assert {each.status for each in run.parents.all()} == {"queued"}


def test_the_same_again_takes_the_settings_of_its_parents(films: Catalog) -> None:
    ease = trained(films, "ease", config={"regularization": 7})
    first = ensemble(films, config=MEMBERS | {"parents": [ease.pk]})
    again = ensemble(films, config=first.config, like=first)
    assert made_of(again)["ease"].config["regularization"] == 7
    assert made_of(again)["ease"] != ease


def test_weights_are_learned_from_what_a_parent_kept_of_its_choosing(films: Catalog) -> None:
    settings = {"epochs": 2, "factors": 8, "length": 8, "blocks": 1}
    parent = trained(films, "sasrec", config=settings)
    kept = load_checkpoint(run_id=parent.pk, purpose="choosing")
    assert kept is not None
    config = {"parents": [parent.pk], "members": "sasrec,ease"}
    first = trained(films, "ensemble", config=config)
    checkpoints.remove_checkpoint(run_id=parent.pk, purpose="choosing")  # of a run from before they were kept
    again = trained(films, "ensemble", config=config)
    assert first.metrics == again.metrics


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("x", "numbers of runs"),
        ([0], "from 1"),
        ([2**70], "from 1"),
        ({"a": 1}, "numbers of runs"),
        ([999_999], "no run 999999"),
    ],
)
def test_parents_that_are_not_runs_are_refused(films: Catalog, given: Any, said: str) -> None:
    with pytest.raises(BadConfig, match=said) as caught:
        ensemble(films, config=MEMBERS | {"parents": given})
    assert caught.value.field == "parents"
    assert not Run.objects.exists()


def test_parents_that_do_not_fit_are_refused(films: Catalog) -> None:
    first, second, other = (create_run(catalog=films, algorithm=name) for name in ("ease", "ease", "popularity"))
    cancelled = create_run(catalog=films, algorithm="ease")
    cancel_run(run=cancelled)
    for ids, said in (
        ([first.pk, second.pk], "several runs of ease"),
        ([other.pk], "not among what it is made of"),
        ([cancelled.pk], "no run"),
    ):
        with pytest.raises(BadConfig, match=said):
            ensemble(films, config=MEMBERS | {"parents": ids})
    elsewhere = create_run(catalog=Catalog.objects.create(name="books"), algorithm="ease")
    with pytest.raises(BadConfig, match="no run"):
        ensemble(films, config=MEMBERS | {"parents": [elsewhere.pk]})
    with pytest.raises(BadConfig, match="no setting “parents”"):
        create_run(catalog=films, algorithm="ease", config={"parents": [first.pk]})
