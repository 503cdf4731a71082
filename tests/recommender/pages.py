"""A catalog as pages see it, and logins of every role."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.utils import timezone

from recommender.models import (
    ApiKey,
    Attribute,
    Catalog,
    DataImport,
    EndUser,
    Interaction,
    Item,
    Measurement,
    Membership,
    Run,
    Study,
)
from recommender.rights import GROUPS

START = datetime(2020, 1, 1, tzinfo=UTC)
ROLES = (*GROUPS, "superuser", "not a member", "in no group")
PASSWORD = "a long enough password"


def login(role: str, catalog: Catalog | None = None) -> User:
    """A login of `role`, a member of `catalog` unless the role says otherwise."""
    made = User.objects.create_user(role.replace(" ", "-"), password=PASSWORD, is_superuser=role == "superuser")
    if role in GROUPS:
        made.groups.add(Group.objects.get(name=role))
    if role == "not a member":
        made.groups.add(*Group.objects.filter(name__in=GROUPS))
    elif catalog is not None and role != "superuser":
        Membership.objects.create(catalog=catalog, login=made)
    return made


def metrics(value: float, coverage: float = 0.3) -> dict[str, Any]:
    """What a measured run has: every metric with an interval, coverage without."""
    kinds = ("ndcg", "hit", "recall", "precision", "f1", "map", "mrr")
    rows = {f"{kind}@{k}": {"value": value, "low": value * 0.9, "high": value * 1.1}
            for kind in kinds for k in (5, 10, 20)}  # fmt: skip
    return rows | {f"coverage@{k}": {"value": coverage, "low": None, "high": None} for k in (5, 10, 20)}


def measured_run(catalog: Catalog, algorithm: str, value: float, **more: Any) -> Run:
    now = timezone.now()
    given = {"status": "succeeded", "progress": 1.0, "metrics": metrics(value), "people": 12, "started": now,
             "finished": now + timedelta(seconds=3), "durations": {"measured": 2.0, "refit": 1.0}}  # fmt: skip
    return Run.objects.create(catalog=catalog, algorithm=algorithm, **(given | more))


def films(name: str = "films") -> Catalog:
    """Twelve people, eight items (one hidden), a run of every state, an import, a key, attributes."""
    catalog = Catalog.objects.create(name=name, title="Film club")
    items = Item.objects.bulk_create(
        Item(catalog=catalog, client_id=f"i{n}", title=f"Film {n}", year=1990 + n, categories=["Drama"], hidden=n == 7)
        for n in range(8)
    )
    people = EndUser.objects.bulk_create(
        EndUser(catalog=catalog, client_id=f"p{n}", attributes={"gender": "FM"[n % 2], "age": 20 + n})
        for n in range(12)
    )
    Interaction.objects.bulk_create(
        Interaction(
            catalog=catalog, user=person, item=items[(at + step) % 7], kind="rating", value=1.0 + (at + step) % 5,
            time=START + timedelta(days=at, hours=step), event_key=uuid.uuid4(),
        )
        for at, person in enumerate(people) for step in range(4)
    )  # fmt: skip
    Attribute.objects.create(catalog=catalog, scope="user", name="gender", type="category", sensitive=True)
    Attribute.objects.create(catalog=catalog, scope="user", name="age", type="number")
    DataImport.objects.create(
        catalog=catalog, source="ratings.csv", format="csv", status="succeeded", progress=1.0,
        counts={"interactions": {"read": 50, "new": 48, "same": 0, "rejected": 2}},
    )  # fmt: skip
    ApiKey.objects.create(catalog=catalog, name="Shop", prefix=f"rk_{name[:8]}", digest=name, scope="read")
    for algorithm, value in (("random", 0.01), ("popularity", 0.04), ("ease", 0.07)):
        measured = measured_run(catalog, algorithm, value)
        figures = {"status": "succeeded", "progress": 1.0, "metrics": metrics(value / 2), "people": 9}
        Measurement.objects.create(run=measured, protocol="time", **figures)
    curve = [{"phase": "choosing", "epoch": n, "loss": 9 - n, "ndcg@10": n / 100, "seconds": n} for n in range(1, 6)]
    Run.objects.create(
        catalog=catalog, algorithm="sasrec", status="running", progress=0.4, phase="epoch 5", curve=curve
    )
    Run.objects.create(catalog=catalog, algorithm="ials", status="failed", error="Too few people.", traceback="deep")
    tuned(catalog)
    return catalog


def tuned(catalog: Catalog) -> Study:
    """A search of ease with a trial of every state."""
    study = Study.objects.create(
        catalog=catalog, algorithm="ease", wanted=8, status="succeeded", progress=1.0, finished=timezone.now(),
        importance={"regularization": 0.8, "half_life": 0.2},
    )  # fmt: skip
    for number, value in enumerate((0.07, 0.05, 0.09, 0.08, 0.085, 0.06), start=1):
        config = {"regularization": 40.0 * 2**number, "half_life": 2.0 * number, "max_items": 20_000}
        study.trials.create(
            number=number, config=config, found={}, state="done", value=value, seconds=1.5,
            origin="default" if number == 1 else "search",
        )  # fmt: skip
    study.trials.create(number=7, config=config, found={}, state="pruned", value=0.01, seconds=0.5)
    study.trials.create(number=8, config=config, found={}, state="failed", error="There was not enough memory.")
    return study


def text_of(answer: Any) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))
