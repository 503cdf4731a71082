"""The pages of disparities in Chromium: report, comparison and export, wide and narrow, light and dark."""

from __future__ import annotations

import pytest
from django.urls import reverse

from explain.models import DisparityAudit
from recommender.models import Catalog
from tests.browser.test_screens import Visitor, sign_in, visitor
from tests.explain.disparities import audited, crowded, results

__all__ = ["visitor"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def catalog() -> Catalog:
    return crowded(60)


def two(catalog: Catalog) -> tuple[DisparityAudit, DisparityAudit]:
    """Of held-out data with an alert and of what was served, in which nothing is told."""
    first = audited(catalog, catalog.runs.get(algorithm="ease"), alerts=[{"text": "It passes.", "grouping": ""}])
    return first, audited(catalog, None, results=results(served=True, told=False), drift=0.1)


@pytest.mark.parametrize("visitor", [("1440", "light"), ("390", "dark")], indirect=True, ids=["wide", "narrow"])
def test_the_pages_of_disparities(visitor: Visitor, catalog: Catalog) -> None:
    sign_in(visitor)
    where, wrong = reverse("disparities", args=[catalog.name]), []
    if visitor.size == "390":
        wrong += visitor.open(where)
        visitor.keep("disparities-none")
    first, second = two(catalog)
    pages = {
        "disparities": where,
        "disparity-compare": reverse("disparity_compare", args=[catalog.name]) + f"?a={first.pk}&b={second.pk}",
        "disparity": reverse("disparity", args=[catalog.name, (first if visitor.size == "390" else second).pk]),
    }
    for name, path in pages.items():
        wrong += visitor.open(path)
        visitor.keep(name)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("visitor", [("1440", "light")], indirect=True, ids=["wide"])
def test_a_report_is_looked_at_from_other_sides_and_taken_along(visitor: Visitor, catalog: Catalog) -> None:
    sign_in(visitor)
    first, second = two(catalog)
    page = visitor.page
    assert not visitor.open(reverse("disparity", args=[catalog.name, first.pk]))
    page.get_by_label("Groups", exact=True).first.select_option("occupation")
    page.get_by_role("heading", name="3 groups with at least 20 people").wait_for()
    assert "by=occupation" in page.url and "metric=ndcg" in page.url
    page.locator(".export > summary").click()
    with page.expect_download() as caught:
        page.get_by_role("link", name="HTML, one file").click()
    text = caught.value.path().read_text()
    assert "Occupation" in text and "<script" not in text
    page.locator(".export > summary").click()
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("heading", name="Who gained", exact=True).wait_for()
    page.get_by_label("First").select_option(str(second.pk))
    page.wait_for_url(f"**a={second.pk}&b=*")
