"""Health of a catalog's data: what is in it, what is wrong with it, and what that means for the recommenders."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from recommender import tasks
from recommender.models import Catalog, HealthReport
from recommender.selectors import health as select
from recommender.views.figures import csv_answer
from recommender.views.frame import page, show
from recommender.views.health_figures import all_figures, worth_a_look


@require_http_methods(["GET", "HEAD", "POST"])
@page("view")
def health(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """The latest report at once; one that is missing or out of date is made by a worker meanwhile. POST asks for it."""
    if request.method == "POST":
        tasks.start_health(catalog=catalog, now=True)
        return redirect("health", catalog.name)
    empty = not catalog.users.exists() and not catalog.items.exists()
    if not empty:
        tasks.start_health(catalog=catalog)
    report = select.report_of(catalog=catalog)
    content = report.content if report else None
    context: dict[str, Any] = {"report": report, "empty": empty, "computing": computing(report), "figures_shown": []}
    if content:
        stale = report is not None and report.stamp != select.stamp(catalog=catalog)
        context |= {"figures_shown": all_figures(catalog, content), "worth": worth_a_look(content), "stale": stale}
    crumbs = [("Data", f"/{catalog.name}/data/")]
    return show(
        request, "health", title="Health of the data", catalog=catalog, section="data", crumbs=crumbs, figures=True,
        **context,
    )  # fmt: skip


def computing(report: HealthReport | None) -> bool:
    """Whether a worker was asked and has not answered yet."""
    if report is None or report.requested is None:
        return False
    return report.computed is None or report.computed < report.requested


@require_safe
@page("view")
def health_live(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """Until the report is there the waiting place; then the whole page is loaded again."""
    report = select.report_of(catalog=catalog)
    if not computing(report):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "recommender/parts/health_live.html", {"catalog": catalog, "report": report})


@require_safe
@page("view")
def health_csv(request: HttpRequest, catalog: Catalog, figure: str) -> HttpResponse:
    """The table of one figure."""
    report = select.report_of(catalog=catalog)
    if report is None or not report.content:
        raise Http404("There is no report yet; open the page of the data's health first.")
    for each in all_figures(catalog, report.content):
        if each.key == figure:
            return csv_answer(f"health-{figure}-{catalog.name}", each.columns, each.rows)
    raise Http404(f"The report has no part “{figure}”.")
