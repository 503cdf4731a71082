"""Sweeps of remedies: asked for, carried out by re-ranking and by training, saved, cancelled, erased."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from explain import tasks
from explain.models import RemedySweep
from explain.selectors import sweeps as select
from explain.services import orphans, sweepable, sweeping
from recommender.exceptions import BadInput, Conflict
from recommender.models import Attribute, Catalog, Checkpoint, EndUser, Run
from recommender.services import deploying, evaluating, retention, training
from recommender.services.erasure import erase
from tests.explain.sweeps import swept
from tests.recommender.api.conftest import fill
from tests.recommender.pages import films

pytestmark = pytest.mark.django_db
QUICK = {"resamples": 200, "k": 5, "pool": 20}


@pytest.fixture
def shop() -> Catalog:
    """80 people, 24 items, everyone's gender known."""
    made = Catalog.objects.create(name="shop", title="Shop")
    fill(made, people=80)
    Attribute.objects.create(catalog=made, scope="user", name="gender", type="category", sensitive=True)
    for at, person in enumerate(people := list(EndUser.objects.filter(catalog=made).order_by("id"))):
        person.attributes = {"gender": "FFM"[at % 3]}
    EndUser.objects.bulk_update(people, ["attributes"])
    return made


@pytest.fixture
def club() -> Catalog:
    return films()


def kept(catalog: Catalog) -> Run:
    """A run whose measured weights are there, by name."""
    run = catalog.runs.get(algorithm="ease")
    Checkpoint.objects.create(run=run, purpose=Checkpoint.Purpose.MEASURED, path="nowhere")
    return run


def trained(catalog: Catalog, algorithm: str, **config: Any) -> Run:
    run = training.create_run(catalog=catalog, algorithm=algorithm, config=config)
    training.execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "succeeded", run.traceback
    return run


def executed(run: Run, remedy: str, **settings: Any) -> RemedySweep:
    row = sweeping.create_sweep(run=run, remedy=remedy, settings=QUICK | settings)
    assert sweeping.execute_sweep(sweep_id=row.pk)
    row.refresh_from_db()
    assert row.status == "succeeded", row.traceback
    return row


@pytest.mark.django_db(transaction=True)
def test_a_re_ranking_remedy_is_swept_and_a_point_saved_is_the_run_that_was_measured(shop: Catalog) -> None:
    run = trained(shop, "item_knn")
    row = executed(run, "gini", strengths=[0.5, 3])
    found = row.results
    assert [point["strength"] for point in found["points"]] == [0, 0.5, 3]
    assert found["about"]["people"] == row.people == 80 and found["problems"] == []
    first, last = found["points"][0], found["points"][-1]
    assert first["accuracy"]["value"] == pytest.approx(run.metrics["ndcg@5"]["value"], abs=1e-6)
    gini = last["disparities"]["gini"]
    assert gini["difference"] == pytest.approx(gini["value"] - first["disparities"]["gini"]["value"], abs=1e-5)
    assert gini["low"] <= gini["value"] <= gini["high"]
    assert {"gap:gender", "range:gender", "gap:taste"} <= {each["key"] for each in found["figures"]}
    assert found["items"]["3"]["more"] and found["items"]["3"]["less"]
    table = select.people(row)
    assert table is not None and len(table) == 3 * 80

    saved, made = sweeping.save_point(row=row, strength=3)
    assert made and saved.algorithm == "reranked" and list(saved.parents.all()) == [run]
    assert sweeping.save_point(row=row, strength=3) == (saved, False)
    training.execute_run(run_id=saved.pk)
    saved.refresh_from_db()
    assert saved.status == "succeeded", saved.traceback
    assert saved.metrics["ndcg@5"]["value"] == pytest.approx(last["accuracy"]["value"], abs=1e-6)
    both = evaluating.person_metrics(run=saved).merge(table[table["strength"] == 3], on="user")
    assert both["ndcg@5_x"].tolist() == pytest.approx(both["ndcg@5_y"].tolist())
    deploying.deploy_run(run=run)
    deploying.deploy_run(run=saved)
    assert deploying.previous_run(catalog=shop) == run
    with pytest.raises(BadInput, match="has no strength 2"):
        sweeping.save_point(row=row, strength=2)


def test_without_the_right_nothing_by_a_sensitive_attribute_is_left(club: Catalog) -> None:
    row = swept(club, kept(club))
    seen = sweeping.visible(row.results, False)
    assert "gender" not in str(seen["figures"]) + str(seen["points"]) + str(seen["groupings"])
    assert [each["key"] for each in seen["figures"]] == ["gini", "coverage", "lift", "gap:age"]
    assert "gap:gender" in row.results["points"][0]["disparities"], "what is kept stays as it is"
    assert sweeping.visible(row.results, True) == row.results
    names = {each["name"] for each in row.results["groupings"]}
    later = sweeping.visible(row.results, False, names)
    assert later["groupings"] == [] and not any(each["grouping"] for each in later["figures"])


@pytest.mark.parametrize(
    ("remedy", "settings", "field"),
    [
        ("kindness", {}, "remedy"),
        ("gini", {"strengths": "much"}, "strengths"),
        ("gini", {"strengths": [-1]}, "strengths"),
        ("gini", {"strengths": list(range(20))}, "strengths"),
        ("gini", {"strengths": [11]}, "strength"),
        ("calibrated", {"strengths": [1.5]}, "strength"),
        ("gini", {"k": "9" * 5000}, "k"),
        ("calibrated", {"by": "smell"}, "by"),
        ("gini", {"groups": "town"}, "groups"),
        ("gini", {"k": "0"}, "k"),
        ("group-dro", {"groups": "gender"}, "remedy"),
    ],
)
def test_what_cannot_be_swept_is_said_with_its_field(
    remedy: str, settings: dict[str, Any], field: str, club: Catalog
) -> None:
    with pytest.raises(BadInput) as caught:
        sweeping.create_sweep(run=club.runs.get(algorithm="ease"), remedy=remedy, settings=settings)
    assert caught.value.field == field


def test_items_are_classed_by_nothing_that_recommenders_may_not_read(club: Catalog) -> None:
    for name, more in (("supplier", {}), ("faith", {"sensitive": True}), ("shelf", {"feature": False})):
        Attribute.objects.create(catalog=club, scope="item", name=name, type="category", **({"feature": True} | more))
    assert sweeping.classes_of(club) == ["categories", "creators", "popularity", "supplier"]
    with pytest.raises(BadInput, match="cannot be classed by “faith”"):
        sweeping.create_sweep(run=kept(club), remedy="gini", settings={"by": "faith"})


def test_strengths_are_those_their_addresses_name(club: Catalog) -> None:
    row = sweeping.create_sweep(run=kept(club), remedy="gini", settings={"strengths": "1.2345678 1.2345681, -0, 0.1"})
    assert str(row.settings["strengths"]) == "[0.0, 0.1, 1.23457]"


@pytest.mark.django_db(transaction=True)
def test_items_without_classes_leave_a_sweep_what_can_be_told(shop: Catalog) -> None:
    shop.items.update(categories=[])
    run = trained(shop, "item_knn")
    row = executed(run, "gini", strengths=[0.3], groups="gender")
    about = row.results["about"]
    assert (about["by"], about["groups"]) == ("popularity", ""), "a remedy that looks at no groups is not said to"
    assert row.results["problems"][0].endswith("are told by popularity instead.")
    assert row.results["classes"]["names"] == ["head", "tail"]
    made = sweeping.create_sweep(run=run, remedy="calibrated", settings=QUICK)
    sweeping.execute_sweep(sweep_id=made.pk)
    made.refresh_from_db()
    assert made.status == "failed" and "no item has a value there" in made.error


def test_runs_that_cannot_be_swept_say_why(club: Catalog) -> None:
    for algorithm, words in (("sasrec", "is running"), ("ease", "are gone; train it again")):
        with pytest.raises(Conflict, match=words):
            sweeping.create_sweep(run=club.runs.get(algorithm=algorithm), remedy="gini")


def test_every_remedy_tells_what_it_does_and_which_strengths_it_tries() -> None:
    for each in sweepable.everything():
        assert each.title and each.about.endswith(".") and each.grid[0] == 0 and list(each.grid) == sorted(each.grid)


def test_a_sweep_that_waits_is_cancelled_and_rows_go_with_whoever_is_erased(
    club: Catalog, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = kept(club)
    waiting = sweeping.create_sweep(run=run, remedy="gini")
    sweeping.cancel_sweep(sweep=waiting)
    assert not sweeping.execute_sweep(sweep_id=waiting.pk)
    with pytest.raises(Conflict, match="is over"):
        sweeping.cancel_sweep(sweep=waiting)
    row = swept(club, run)
    path = row.path
    with django_capture_on_commit_callbacks(execute=True):
        erase(catalog=club, user_ids=[club.users.first().pk])
    row.refresh_from_db()
    assert not row.path and "sweep again" in row.error and row.results and not default_storage.exists(path)
    assert select.people(row) is None
    again, lost = swept(club, run), default_storage.save("sweeps/lost.parquet", ContentFile(b"rows"))
    monkeypatch.setattr(retention, "YOUNG", timedelta(seconds=-1))
    orphans.prune()
    assert default_storage.exists(again.path) and not default_storage.exists(lost)
    with django_capture_on_commit_callbacks(execute=True):
        again.delete()
    assert not default_storage.exists(again.path)


def test_a_lost_sweep_is_taken_up_again(club: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    row = sweeping.create_sweep(run=kept(club), remedy="gini")
    RemedySweep.objects.filter(pk=row.pk).update(created=row.created - timedelta(days=1))
    sent: list[int] = []
    monkeypatch.setattr(tasks.sweep_remedy, "delay", sent.append)
    monkeypatch.setattr(tasks.monitoring, "queue_depth", lambda queue: 0)
    tasks.reap_sweeps()
    assert sent == [row.pk]
