"""The pages of remedies in Chromium: a sweep's curve, a point clicked, compared and saved, wide and narrow."""

from __future__ import annotations

import pytest
from django.urls import reverse

from explain.models import RemedySweep
from recommender.models import Catalog, Checkpoint, Run
from tests.browser.test_screens import Visitor, sign_in, visitor
from tests.explain.sweeps import swept
from tests.recommender.pages import films

__all__ = ["visitor"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def sweep() -> RemedySweep:
    catalog = films()
    run = catalog.runs.get(algorithm="ease")
    Checkpoint.objects.create(run=run, purpose=Checkpoint.Purpose.MEASURED, path="nowhere")
    return swept(catalog, run)


def address(row: RemedySweep, page: str, *more: object) -> str:
    catalog: Catalog = row.run.catalog
    return reverse(page, args=[catalog.name, *((row.pk, *more) if page != "remedies" else ())])


@pytest.mark.parametrize("visitor", [("1440", "light"), ("390", "dark")], indirect=True, ids=["wide", "narrow"])
def test_the_pages_of_remedies(visitor: Visitor, sweep: RemedySweep) -> None:
    sign_in(visitor)
    wrong = []
    for name, path in {
        "remedies": address(sweep, "remedies"),
        "remedy": address(sweep, "remedy"),
        "remedy-point": address(sweep, "remedy_point", "0.6") + "?by=age",
    }.items():
        wrong += visitor.open(path)
        visitor.keep(name)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("visitor", [("1440", "light")], indirect=True, ids=["wide"])
def test_a_point_is_clicked_compared_and_saved(visitor: Visitor, sweep: RemedySweep) -> None:
    sign_in(visitor)
    page = visitor.page
    assert not visitor.open(address(sweep, "remedy"))
    page.get_by_label("Accuracy against").select_option("coverage")
    page.get_by_role("heading", name="NDCG@10 against coverage, by strength").wait_for()
    assert "against=coverage" in page.url
    plot = page.locator("#figure-pareto .plot[data-hooked]")
    plot.wait_for()
    mark = plot.locator(".scatterlayer .point").nth(2).bounding_box()
    assert mark is not None
    page.mouse.click(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    page.get_by_role("heading", name="Strength 0.3: Exposure by prices").wait_for()
    page.get_by_label("Groups by").select_option("age")
    page.get_by_role("heading", name="By age: ").wait_for()
    page.get_by_role("button", name="Save as a run").click()
    page.get_by_text("is being made: it waits for a worker").wait_for()
    assert Run.objects.filter(algorithm="reranked", config__strength=0.3).exists()
