"""Members of a catalog and their groups, in as many queries for many as for one."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from recommender.models import Catalog
from recommender.selectors import pages

pytestmark = pytest.mark.django_db


def test_more_members_ask_no_more_queries() -> None:
    catalog, asked = Catalog.objects.create(name="films"), []
    for name in ("ann", "ben", "cleo"):
        login = User.objects.create_user(name)
        login.groups.add(Group.objects.get(name="operator"), Group.objects.get(name="analyst"))
        catalog.members.add(login)
        with CaptureQueriesContext(connection) as queries:
            found = pages.members(catalog)
        asked.append(len(queries))
    assert [row["login"].username for row in found] == ["ann", "ben", "cleo"]
    assert {row["roles"] for row in found} == {"analyst, operator"}
    assert asked == [2, 2, 2]
