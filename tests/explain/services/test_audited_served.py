"""Audits of what was served: which answers count, whether they were followed, by week, by run, and left empty."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone

from explain.models import DisparityAudit
from explain.selectors import served
from explain.services import audited_served, auditing
from recommender.models import Attribute, Catalog, EndUser, Impression, Interaction, Item, Run
from tests.recommender.pages import measured_run

pytestmark = pytest.mark.django_db
QUICK = {"resamples": 200, "permutations": 200, "k": 2, "groups": []}


@pytest.fixture
def shop() -> Catalog:
    """40 people, 6 items of which the last is hidden, nothing served yet."""
    catalog = Catalog.objects.create(name="shop")
    Item.objects.bulk_create(
        Item(catalog=catalog, client_id=f"i{at}", categories=["A" if at % 2 else "B"], hidden=at == 5)
        for at in range(6)
    )
    EndUser.objects.bulk_create(EndUser(catalog=catalog, client_id=f"u{at:02}") for at in range(40))
    return catalog


def keys(catalog: Catalog) -> tuple[list[EndUser], list[int]]:
    return list(catalog.users.order_by("id")), list(catalog.items.order_by("id").values_list("id", flat=True))


def show(catalog: Catalog, person: EndUser | None, items: list[int], days: float, **more: Any) -> Impression:
    given = {"scores": [1.0] * len(items), "propensities": [1.0] * len(items)} | more
    when = timezone.now() - timedelta(days=days)
    return Impression.objects.create(catalog=catalog, user=person, items=items, time=when, **given)


def meet(catalog: Catalog, person: EndUser, item: int, days: float, **more: Any) -> None:
    when = timezone.now() - timedelta(days=days)
    given = {"kind": "view", "event_key": uuid.uuid4(), "time": when}
    Interaction.objects.create(catalog=catalog, user=person, item_id=item, **(given | more))


def executed(catalog: Catalog, run: Run | None = None, **settings: Any) -> DisparityAudit:
    row = auditing.create_audit(catalog=catalog, run=run, source="served", settings=QUICK | settings)
    assert auditing.execute_audit(audit_id=row.pk)
    row.refresh_from_db()
    return row


def test_answers_are_followed_by_what_was_met_within_a_week_or_told_with_their_id(shop: Catalog) -> None:
    people, items = keys(shop)
    told = show(shop, people[0], items[:2], 30)
    meet(shop, people[0], items[4], 10, recommendation_id=told.pk)
    show(shop, people[1], items[:2], 30)
    meet(shop, people[1], items[1], 25)
    show(shop, people[2], items[:2], 30)
    meet(shop, people[2], items[1], 20)  # ten days later
    show(shop, people[3], items[:2], 30)
    meet(shop, people[3], items[1], 31)  # the day before
    show(shop, people[4], items[:3], 30)
    meet(shop, people[4], items[2], 29)  # below the places that are looked at
    positions, offered = served.items_of(shop.pk)
    since = timezone.now() - timedelta(days=60)
    found = served.answers(catalog_id=shop.pk, run_id=None, since=since, k=2, items=positions)
    by_person = dict(zip(found.users.tolist(), found.followed.tolist(), strict=True))
    assert [by_person[person.pk] for person in people[:5]] == [True, True, False, False, False]
    assert offered.tolist() == [True] * 5 + [False]


def test_later_pages_of_an_answer_stand_in_their_places(shop: Catalog) -> None:
    people, items = keys(shop)
    show(shop, people[0], [items[3], items[4]], 3, offset=1)
    meet(shop, people[0], items[4], 2)
    show(shop, people[1], [items[3]], 3, offset=2)
    show(shop, people[2], [items[0], 10**9, items[2]], 3)
    positions, _ = served.items_of(shop.pk)
    since = timezone.now() - timedelta(days=60)
    found = served.answers(catalog_id=shop.pk, run_id=None, since=since, k=2, items=positions)
    lists = dict(zip(found.users.tolist(), found.lists.tolist(), strict=True))
    assert not found.followed.any(), "an item below the second place was met, and nothing above it"
    assert lists == {people[0].pk: [-1, 3], people[2].pk: [0, -1]}, "what is gone leaves its place empty"


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_an_audit_of_what_was_served_has_weeks_and_leaves_out_whom_nobody_knows(shop: Catalog) -> None:
    people, items = keys(shop)
    for week in range(3):
        for at, person in enumerate(people):
            show(shop, person, [items[at % 5], items[(at + 1) % 5]], 7 * week + 7.5)
            if at < 10 * (week + 1):
                meet(shop, person, items[at % 5], 7 * week + 7.25)
    show(shop, None, items[:2], 2)
    row = executed(shop)
    assert row.status == "succeeded", row.traceback
    about, over = row.results["about"], row.results["over_time"]
    assert (about["source"], about["main"], about["people"], about["lists"]) == ("served", "response", 40, 120)
    assert about["data"]["answers to nobody known"] == 1
    assert row.results["people"]["response"]["mean"] == pytest.approx((10 + 20 + 30) / 120)
    means = [week["quality"]["response"]["mean"] for week in over["weeks"]]
    assert sum(means) == pytest.approx(1.5) and sorted(means, reverse=True) == means
    assert row.results["exposure"]["coverage"] == 1.0, "the hidden item is not among those that may be shown"
    assert row.results["classes"][0]["name"] == "categories"


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_answers_that_may_yet_be_followed_count_only_in_what_was_shown(shop: Catalog) -> None:
    people, items = keys(shop)
    for at, person in enumerate(people):
        show(shop, person, items[:2], 30)
        show(shop, person, items[2:4], 1)
        if at < 10:
            meet(shop, person, items[0], 29)
    row = executed(shop)
    assert row.results["people"]["response"]["mean"] == pytest.approx(0.25), "of those a month old"
    assert row.results["exposure"]["coverage"] == 0.8
    assert any(each.startswith("40 of 80 answers are younger than 7 days") for each in row.results["problems"])
    last = row.results["over_time"]["weeks"][-1]
    assert last["people"] == 40 and last["quality"]["response"]["mean"] is None


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_where_more_was_served_than_is_looked_at_the_report_says_so(
    shop: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, items = keys(shop)
    monkeypatch.setattr(served, "MOST", 30)
    for person in people:
        show(shop, person, items[:2], 30)
    row = executed(shop)
    assert "Only the newest 30 answers were looked at; there are more." in row.results["problems"]


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_only_the_answers_of_the_run_that_is_named_count(shop: Catalog) -> None:
    people, items = keys(shop)
    run = measured_run(shop, "ease", 0.1)
    for at, person in enumerate(people):
        show(shop, person, items[:2], 3, run=run if at < 25 else None)
    assert executed(shop, run).people == 25 and executed(shop).people == 40


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_where_nothing_was_served_the_audit_says_so(shop: Catalog) -> None:
    people, items = keys(shop)
    show(shop, people[0], items[:2], 100)
    row = executed(shop)
    assert row.status == "failed" and "Nothing was served to a known person in the last 8 weeks" in row.error
    few = executed(shop, weeks=20)
    assert few.status == "succeeded" and any("fewer than 20 people" in each for each in few.results["problems"])


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_the_command_audits_what_a_catalog_served(shop: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    people, items = keys(shop)
    for person in people:
        show(shop, person, items[:2], 30)
    call_command("audit_fairness", "--source", "served", "--catalog", "shop", "--k", "2", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["run"] is None and found["metrics"] == ["response"] and found["exposure"]["coverage"] == 0.4


def test_what_a_recommender_reads_is_not_known_once_its_weights_are_gone(
    shop: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, items = keys(shop)
    Attribute.objects.create(catalog=shop, scope="user", name="gender", type="category", sensitive=True)
    since, reading = timezone.now() - timedelta(days=60), measured_run(shop, "fm", 0.1)
    row = auditing.create_audit(catalog=shop, source="served", settings=QUICK)
    show(shop, people[0], items[:2], 3)
    assert audited_served.sensitive_read_by(row, since) == ((), True), "what served without a run reads nothing"
    show(shop, people[0], items[:2], 3, run=reading)
    assert audited_served.sensitive_read_by(row, since) == ((), False)
    model = SimpleNamespace(restore=lambda: SimpleNamespace(field_names={"gender", "age"}))
    weights = {reading.pk: model}
    monkeypatch.setattr(audited_served, "load_checkpoint", lambda *, run_id, purpose: weights.get(run_id))
    assert audited_served.sensitive_read_by(row, since) == (("gender",), True)
    show(shop, people[0], items[:2], 3, run=measured_run(shop, "ease", 0.1))
    assert audited_served.sensitive_read_by(row, since) == (("gender",), False)


def test_weeks_begin_on_monday():
    times = np.array([datetime(2026, 11, day, 23, 59, tzinfo=UTC).timestamp() for day in (22, 23, 29)])
    first, second = (datetime(2026, 11, day, tzinfo=UTC).timestamp() / 86400 for day in (16, 23))
    assert served.mondays(times).tolist() == [first, second, second]
