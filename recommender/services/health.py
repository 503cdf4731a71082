"""Reports about the health of a catalog's data: asked for, computed once, kept until the data change."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Now

from recommender.data import health
from recommender.models import Catalog, HealthReport
from recommender.selectors import health as select

AFRESH = timedelta(minutes=10)
"""While events keep coming, a report is made anew no more often than this, unless somebody asks."""
GIVEN_UP = timedelta(minutes=5)
"""A report that was asked for so long ago and is not there may be asked for again."""


def request(*, catalog: Catalog, now: bool = False) -> bool:
    """Whether the caller is to have the report computed: it is missing or out of date (or `now` asks for it all the
    same), and nobody else is at it."""
    row, _ = HealthReport.objects.get_or_create(catalog=catalog)
    idle = Q(requested=None) | Q(computed__gte=F("requested")) | Q(requested__lt=Now() - GIVEN_UP)
    wanted = HealthReport.objects.filter(idle, pk=row.pk)
    if not now and row.content is not None:
        if row.stamp == select.stamp(catalog=catalog):
            return False
        wanted = wanted.filter(computed__lt=Now() - AFRESH)
    return bool(wanted.update(requested=Now()))


def compute(*, catalog: Catalog) -> dict[str, Any]:
    """Read everything, judge it, keep the report; returns its content."""
    began, stamp = time.monotonic(), select.stamp(catalog=catalog)
    rows, users, _ = select.load_rows(catalog=catalog)
    content = health.report(rows) | {"gaps": select.gaps(catalog=catalog)}
    for list_of in ("people", "points"):
        for each in content["suspects"][list_of]:
            each["user"] = int(users.keys[each["user"]])
    seconds = round(time.monotonic() - began, 2)
    made = {"stamp": stamp, "content": content, "seconds": seconds, "computed": Now(), "error": ""}
    HealthReport.objects.update_or_create(catalog=catalog, defaults=made)
    return content


def failed(*, catalog: Catalog, reason: str) -> None:
    HealthReport.objects.filter(catalog=catalog).update(computed=Now(), error=reason[:1000])


def forget(*, catalog: Catalog) -> None:
    """The report names people by key: after an erasure it is made anew."""
    HealthReport.objects.filter(catalog=catalog).delete()
