"""Audits: asked for, carried out on a run's held-out data, kept, shown as far as a login may see, and erased."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from explain.models import DisparityAudit, Examination
from explain.selectors import disparity as select
from explain.selectors import trust
from explain.services import audited_held_out, auditing, disparity_changes, orphans, planning
from recommender.algorithms.reranked import Reranked, RerankedConfig
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, EndUser, Interaction, Run
from recommender.services import evaluating, retention, training
from recommender.services.erasure import erase
from tests.explain.disparities import audited, results
from tests.explain.fairness.materials import histories
from tests.explain.trusted import examined_people, examined_run
from tests.recommender.pages import START, films

pytestmark = pytest.mark.django_db
QUICK = {"resamples": 200, "permutations": 200, "k": 3}


@pytest.fixture
def catalog() -> Catalog:
    return films()


def crowd(catalog: Catalog) -> None:
    """Sixty people more of both genders."""
    items = list(catalog.items.order_by("id")[:7])
    people = EndUser.objects.bulk_create(
        EndUser(catalog=catalog, client_id=f"more{n}", attributes={"gender": "FM"[n % 2], "age": 20 + n % 40})
        for n in range(60)
    )
    Interaction.objects.bulk_create(
        Interaction(
            catalog=catalog, user=person, item=items[(at + 2 * step) % 7], kind="rating", value=4.0,
            time=START + timedelta(days=at, hours=step), event_key=uuid.uuid4(),
        )
        for at, person in enumerate(people) for step in range(4)
    )  # fmt: skip


def executed(catalog: Catalog, **settings: Any) -> DisparityAudit:
    run = training.create_run(catalog=catalog, algorithm="item_knn")
    training.execute_run(run_id=run.pk)
    row = auditing.create_audit(catalog=catalog, run=Run.objects.get(pk=run.pk), settings=QUICK | settings)
    assert auditing.execute_audit(audit_id=row.pk)
    row.refresh_from_db()
    assert row.status == "succeeded", row.traceback
    return row


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_an_audit_of_a_run_is_carried_out_and_kept_with_a_row_per_person(catalog: Catalog) -> None:
    crowd(catalog)
    planning.set_plan(catalog=catalog, on=False, days=7, settings={}, thresholds={"coverage": 1.0})
    row = executed(catalog, groups=["gender", "age", "town"])
    found = row.results
    assert (found["about"]["source"], found["about"]["k"], found["about"]["main"]) == ("held-out", 3, "ndcg@3")
    gender = next(each for each in found["groupings"] if each["name"] == "gender")
    assert gender["sensitive"]
    assert found["about"]["run_groups"] == []
    assert {group["value"]: group["people"] for group in gender["groups"]} == {"F": 36, "M": 36}
    assert "age × gender" in {each["name"] for each in found["groupings"]}
    assert next(each["problem"] for each in found["groupings"] if each["name"] == "town")
    table = select.people(row)
    assert table is not None and len(table) == row.people == 72
    assert table["ndcg@3"].mean() == pytest.approx(found["people"]["ndcg@3"]["mean"], abs=1e-6)


@pytest.mark.django_db(transaction=True)
def test_errors_of_predicted_ratings_are_compared_where_there_are_any(catalog: Catalog) -> None:
    crowd(catalog)
    Interaction.objects.filter(user__client_id__endswith="3").update(value=2.0)
    run = training.create_run(catalog=catalog, algorithm="user_knn")
    training.execute_run(run_id=run.pk)
    run.refresh_from_db()
    row = auditing.create_audit(catalog=catalog, run=run, settings=QUICK | {"groups": ["gender"]})
    auditing.execute_audit(audit_id=row.pk)
    row.refresh_from_db()
    about = row.results["about"]
    assert about["metrics"] == ["ndcg@3", "recall@3", "hit@3", "mrr@3", "mae"] and about["lower"] == ["mae"]
    by_person = evaluating.person_metrics(run=run)["mae_person"].mean()
    assert row.results["people"]["mae"]["mean"] == pytest.approx(by_person, abs=1e-6)


def test_bands_of_numbers_are_compared_too(catalog: Catalog) -> None:
    crowd(catalog)
    first = executed(catalog, groups=["age"])
    second = auditing.create_audit(catalog=catalog, run=first.run, settings=QUICK | {"groups": ["age"], "seed": 1})
    auditing.execute_audit(audit_id=second.pk)
    second.refresh_from_db()
    found, why = disparity_changes.changes(first, second, "ndcg@3", first.results["groupings"])
    assert found is not None and not why
    bands = {row["value"]: row["people"] for row in found.groups if row["grouping"] == "age"}
    (age,) = (each for each in first.results["groupings"] if each["name"] == "age")
    assert bands == {group["value"]: group["people"] for group in age["groups"]}


def test_numbers_fall_into_the_bands_that_an_audit_named():
    names = ("7–24", "25", "1,000–2,000.5")
    assert disparity_changes.in_bands(["24", 25, "31", 999.96, 5, None, "x"], names) == [0, 1, 1, 2, -1, -1, -1]
    assert disparity_changes.in_bands([3], ("few", "many")) == [-1]
    small = ("0.010–0.012", "0.021–0.024", "0.031–1")
    assert disparity_changes.in_bands([0.0101, "0.0208", 0.03, 0.0308, 0.5, 0.009], small) == [0, 1, 1, 2, 2, -1]


def test_an_attribute_called_activity_is_not_taken_for_how_active_people_are(catalog: Catalog) -> None:
    crowd(catalog)
    catalog.attributes.create(scope="user", name="activity", type="category", sensitive=True)
    users = np.array(catalog.users.order_by("pk").values_list("pk", flat=True))
    catalog.users.filter(pk__in=users[::2].tolist()).update(attributes={"activity": "sport", "gender": "F", "age": 30})
    made, _ = audited_held_out.groupings_of(catalog, users, None, histories([[0]] * len(users)), np.ones(3))
    names = [each.name for each in made]
    assert len(set(names)) == len(names)
    assert {each.name: each.sensitive for each in made if "activity" in each.name} == {
        "activity": True, "activity × age": True, "activity × gender": True, "activity by history": False,
    }  # fmt: skip


def test_an_audit_says_that_the_data_changed_since_the_training(catalog: Catalog) -> None:
    crowd(catalog)
    row = executed(catalog, groups=[])
    assert "The data changed" not in " ".join(row.results["problems"])
    catalog.items.order_by("id").first().delete()
    again = auditing.create_audit(catalog=catalog, run=row.run, settings=QUICK | {"groups": []})
    auditing.execute_audit(audit_id=again.pk)
    again.refresh_from_db()
    assert f"The data changed since run {row.run_id} was trained." in " ".join(again.results["problems"])


def test_attributes_that_were_not_asked_for_are_looked_at_silently(catalog: Catalog) -> None:
    crowd(catalog)
    users = np.array(catalog.users.order_by("pk").values_list("pk", flat=True))
    met = histories([[0]] * len(users))
    made, _ = audited_held_out.groupings_of(catalog, users, ["gender"], met, np.ones(3))
    assert {each.name for each in made if not each.silent} >= {"gender"}
    assert {each.name for each in made if each.silent} == {"age", "age × gender"}
    row = executed(catalog, groups=["gender"])
    assert "age" not in str([each["name"] for each in row.results["groupings"]])
    assert all(not each.silent for each in audited_held_out.groupings_of(catalog, users, None, met, np.ones(3))[0])


class Reading:
    field_names = frozenset({"gender", "age"})


def test_a_sensitive_attribute_that_the_recommender_reads_is_told(catalog: Catalog) -> None:
    assert audited_held_out.sensitive_read(catalog, Reading()) == ("gender",)  # type: ignore[arg-type]
    assert audited_held_out.sensitive_read(catalog, object()) == ()  # type: ignore[arg-type]
    remedy = Reranked(RerankedConfig(remedy="cp_fair", groups="gender"))
    for parent, read in ((object(), ()), (Reading(), ("gender",))):
        remedy._parent, remedy._remedy = parent, object()  # type: ignore[assignment]
        assert audited_held_out.sensitive_read(catalog, remedy) == read, "its groups are known in training only"


def test_the_quality_of_explanations_comes_from_the_newest_examination() -> None:
    run = examined_run(examined_people())
    users = np.array(list(run.catalog.users.order_by("-id").values_list("id", flat=True)))
    found = audited_held_out.explained(run, users)
    row = Examination.objects.get(run=run)
    table = trust.people(row)
    assert found is not None and table is not None and len(found) == len(users)
    ways = {each["way"]: each for each in row.results["ways"] if each.get("decided")}
    best = max(ways, key=lambda way: ways[way]["closed"]["cdcg"]["value"])
    of_best = table[table["way"] == best].set_index("user")["cdcg"]
    assert found["cdcg"].tolist() == pytest.approx(of_best.reindex(users).tolist(), nan_ok=True)
    assert {"cdcg", "pos@5"} <= set(found) and audited_held_out.explained(run, users[:3]).shape[0] == 3
    default_storage.delete(row.path)
    assert audited_held_out.explained(run, users) is None


@pytest.mark.django_db(transaction=True)
def test_an_audit_says_what_groups_the_training_looked_at(catalog: Catalog) -> None:
    crowd(catalog)
    looked = {"factors": 4, "length": 4, "epochs": 1, "group_objective": "dro", "groups": "gender"}
    run = training.create_run(catalog=catalog, algorithm="gru", config=looked)
    training.execute_run(run_id=run.pk)
    row = auditing.create_audit(catalog=catalog, run=Run.objects.get(pk=run.pk), settings=QUICK)
    auditing.execute_audit(audit_id=row.pk)
    row.refresh_from_db()
    assert row.results["about"]["run_groups"] == ["gender"], row.error


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"k": "0"}, "k"),
        ({"k": "9" * 5000}, "k"),
        ({"depth": 3}, "depth"),
        ({"resamples": "many"}, "resamples"),
        ({"groups": "gender"}, "groups"),
        ({"groups": ["gen\x00der"]}, "groups"),
    ],
)
def test_settings_that_mean_nothing_are_named(catalog: Catalog, settings: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        auditing.create_audit(catalog=catalog, run=catalog.runs.get(algorithm="ease"), settings=settings)
    assert caught.value.field == field


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_a_run_that_cannot_be_audited_says_why(catalog: Catalog) -> None:
    with pytest.raises(Conflict, match="is running"):
        auditing.create_audit(catalog=catalog, run=catalog.runs.get(algorithm="sasrec"))
    with pytest.raises(BadInput, match="name it"):
        auditing.create_audit(catalog=catalog)
    other = films("others").runs.get(algorithm="ease")
    with pytest.raises(BadInput, match="has no run"):
        auditing.create_audit(catalog=catalog, run=other)
    row = auditing.create_audit(catalog=catalog, run=catalog.runs.get(algorithm="ease"))
    auditing.execute_audit(audit_id=row.pk)
    row.refresh_from_db()
    assert row.status == "failed" and "train it again to audit it" in row.error


def test_without_the_right_nothing_by_a_sensitive_attribute_is_left_in_figures_or_words() -> None:
    found = results(served=True)
    seen = auditing.visible(found, False)
    assert [each["name"] for each in seen["groupings"]] == ["age", "occupation", "town"]
    assert seen["tests"]["found"] == []
    assert all(not week["gaps"] for week in seen["over_time"]["weeks"])
    assert "F" not in seen["summary"].split()
    assert auditing.visible(found, True) == found
    later = auditing.visible(found, False, {"age"})
    assert not any("age" in {each["name"], *each["parts"]} for each in later["groupings"])
    assert len(found["groupings"]) == 5, "what is kept stays as it is"


def test_rows_about_people_go_with_whoever_is_erased_and_with_the_audit(
    catalog: Catalog, django_capture_on_commit_callbacks: Any
) -> None:
    row = audited(catalog, catalog.runs.get(algorithm="ease"))
    path = row.path
    with django_capture_on_commit_callbacks(execute=True):
        auditing.drop_files(catalog=catalog)
    row.refresh_from_db()
    assert not row.path and "audit again" in row.error and row.results
    assert not default_storage.exists(path)
    second = audited(catalog, catalog.runs.get(algorithm="ease"))
    with django_capture_on_commit_callbacks(execute=True):
        erase(catalog=catalog, user_ids=[catalog.users.first().pk])
    second.refresh_from_db()
    assert not second.path and not default_storage.exists(path)
    again = audited(catalog, catalog.runs.get(algorithm="ease"))
    with django_capture_on_commit_callbacks(execute=True):
        again.delete()
    assert not default_storage.exists(again.path)


def test_rows_that_no_audit_names_do_not_stay(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    row = audited(catalog, catalog.runs.get(algorithm="ease"))
    lost = default_storage.save("audits/lost.parquet", ContentFile(b"rows"))
    monkeypatch.setattr(retention, "YOUNG", timedelta(seconds=-1))
    orphans.prune()
    assert default_storage.exists(row.path) and not default_storage.exists(lost)
