"""The page on which two audits are compared."""

from __future__ import annotations

import pytest
from django.urls import reverse

from explain.models import DisparityAudit
from recommender.models import Catalog, EndUser
from tests.explain.disparities import audited, results
from tests.explain.views.test_disparities import entered
from tests.recommender.pages import films, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    return films()


def test_two_audits_are_compared_person_by_person(catalog: Catalog) -> None:
    EndUser.objects.bulk_create(
        EndUser(catalog=catalog, client_id=f"more{n}", attributes={"gender": "FM"[n % 2], "age": 30}) for n in range(60)
    )
    run = catalog.runs.get(algorithm="ease")
    a, b = audited(catalog, run), audited(catalog, run, drift=0.1)
    client, address = entered(catalog), reverse("disparity_compare", args=[catalog.name])
    said = text_of(client.get(address, {"a": a.pk, "b": b.pk}))
    assert "Of 72 people in both, 72 have more NDCG@10 in the second, 0 less and 0 the same" in said
    assert "the mean changes by +.100 (95%: +.100 to +.100)" in said
    assert "Who gained, by group: of 2 of 2 groups the interval leaves 0 out" in said
    assert "Gini coefficient of exposure: .880 and .880" in said
    gender = "Gender: F"
    assert gender in client.get(address, {"a": a.pk, "b": b.pk}).content.decode()
    operator = entered(catalog, "operator").get(address, {"a": a.pk, "b": b.pk}).content.decode()
    assert "Age: 25 to 44" in operator
    assert "Gender" not in operator


def test_without_rows_per_person_only_figures_are_compared(catalog: Catalog) -> None:
    run = catalog.runs.get(algorithm="ease")
    a, b = audited(catalog, run), audited(catalog, None, path="", results=results(served=True))
    client, address = entered(catalog), reverse("disparity_compare", args=[catalog.name])
    said = text_of(client.get(address, {"a": a.pk, "b": b.pk}))
    assert "One of them has no rows per person" in said
    assert "their figures do not mean the same" in said
    assert client.get(address, {"a": a.pk, "b": 10**20}).status_code == 404
    assert client.get(address, {"a": "none"}).status_code == 404
    assert client.get(address).status_code == 200
    DisparityAudit.objects.all().delete()
    assert "Nothing to compare yet" in text_of(client.get(address))
