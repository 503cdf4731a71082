"""Two audits compared by person: nobody who is in one of them only can be told of, nor few who gain or lose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from explain.models import DisparityAudit
from explain.selectors import disparity as select
from explain.services.disparity_changes import Changes, changes
from explain.views.disparity_compare import counts_told, finding
from recommender.models import Catalog, EndUser
from tests.explain.disparities import audited, crowded

pytestmark = pytest.mark.django_db
METRIC = "ndcg@10"


@pytest.fixture
def catalog() -> Catalog:
    return crowded(300)


def audit_of(catalog: Catalog, people: list[int], gains: float = 0.0) -> DisparityAudit:
    """One that tells how many of these people are of each gender."""
    row = audited(catalog, catalog.runs.get(algorithm="ease"))
    values = np.random.default_rng(3).random(10_000)[np.array(people) % 10_000] + gains
    file = pd.DataFrame({"user": people, METRIC: values}).to_parquet(index=False)
    row.path = default_storage.save("audits/some.parquet", ContentFile(file))
    women = set(EndUser.objects.filter(attributes__gender="F").values_list("pk", flat=True))
    sizes = {"F": len(women & set(people)), "M": len(set(people) - women)}
    row.results["groupings"] = [row.results["groupings"][0]]
    for group in row.results["groupings"][0]["groups"]:
        group["people"] = sizes[group["value"]]
    row.save()
    return row


def compared(a: DisparityAudit, b: DisparityAudit) -> Changes:
    found, why = changes(a, b, METRIC, a.results["groupings"])
    assert found is not None, why
    return found


def shown(found: Changes) -> dict[str, Any]:
    return {row["value"]: row["people"] for row in found.groups}


def everyone(catalog: Catalog) -> list[int]:
    return list(catalog.users.filter(client_id__startswith="more").order_by("pk").values_list("pk", flat=True))


def test_of_the_same_people_all_are_compared(catalog: Catalog) -> None:
    people = everyone(catalog)
    found = compared(audit_of(catalog, people), audit_of(catalog, people, 0.1))
    assert (found.people, found.aside, shown(found)) == (300, 0, {"F": 150, "M": 150})


def test_newcomers_cannot_be_worked_out_from_all_and_those_in_both(catalog: Catalog) -> None:
    people = everyone(catalog)
    a, b = audit_of(catalog, people[:297]), audit_of(catalog, people, 0.1)
    for found in (compared(a, b), compared(b, a)):
        assert (found.people, found.aside) == (277, 20)
        assert "20 who are in both were left out by chance" in finding(found, "")
        assert shown(found) in ({"F": None, "M": None}, {"F": None}, {"M": None})
    assert compared(a, b).mean == compared(a, b).mean, "always the same are left out"


def test_many_newcomers_are_nobody_in_particular(catalog: Catalog) -> None:
    people = everyone(catalog)
    found = compared(audit_of(catalog, people[:250]), audit_of(catalog, people))
    assert (found.people, found.aside, shown(found)) == (250, 0, {"F": 125, "M": 125})


def test_those_of_whom_nothing_is_known_in_both_hide_nobody(catalog: Catalog) -> None:
    people = everyone(catalog)
    a, b = audit_of(catalog, people), audit_of(catalog, people, 0.1)
    for row in (a, b):
        table = select.people(row)
        assert table is not None
        table.loc[:4, METRIC] = np.nan
        row.path = default_storage.save("audits/some.parquet", ContentFile(table.to_parquet(index=False)))
    assert compared(a, b).aside == 0 and shown(compared(a, b)) == {"F": 147, "M": 148}


def test_who_changed_a_group_since_cannot_be_worked_out(catalog: Catalog) -> None:
    people = everyone(catalog)
    a, b = audit_of(catalog, people), audit_of(catalog, people, 0.1)
    catalog.users.filter(pk__in=people[:6:2]).update(attributes={"gender": "M"})
    assert shown(compared(a, b)) == {"F": None, "M": None}


def test_a_group_that_few_joined_takes_another_along(catalog: Catalog) -> None:
    people = everyone(catalog)
    women, men = people[::2], people[1::2]
    a, b = audit_of(catalog, [*women[:145], *men[:100]]), audit_of(catalog, people)
    assert shown(compared(a, b)) == {"F": None, "M": None}, "five women less would be had from all and the men"


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((60, 40, 30), ["60", "40", "30"]),
        ((72, 0, 0), ["72", "0", "0"]),
        ((900, 5, 38), ["900", "fewer than 20", "the others"]),
        ((1, 60, 0), ["fewer than 20", "the others", "0"]),
        ((12, 15, 900), ["fewer than 20", "fewer than 20", "900"]),
        ((8, 3, 900), ["fewer than 20", "fewer than 20", "the others"]),
    ],
)
def test_no_count_of_few_who_gain_or_lose_is_told(counts: tuple[int, int, int], said: list[str]) -> None:
    assert counts_told(counts, 20) == said
