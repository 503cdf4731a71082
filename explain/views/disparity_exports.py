"""A report of disparities as a file: HTML that needs nothing else, PDF made of it, and JSON of all figures."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_safe

from explain.models import DisparityAudit
from explain.selectors.disparity import sensitive_now
from explain.services import auditing, printing
from explain.views.disparity_parts import alerts_for, alerts_in, audit_or_404, name_of, seen_results
from explain.views.disparity_report import Choice, contents, figures_of
from recommender.exceptions import Conflict
from recommender.models import Catalog, Run
from recommender.rights import may
from recommender.views.frame import page

MOST_ROWS = 60
"""Rows of a figure's table in the file; longer ones are in the JSON."""
NOTHING: Mapping[str, str] = {}
CURVES = ("people", "exposure")


def done_or_404(catalog: Catalog, audit_id: int) -> DisparityAudit:
    row = audit_or_404(catalog, audit_id)
    if row.status != Run.Status.SUCCEEDED:
        raise Http404(f"Audit {row.pk} has no results: it is {row.get_status_display()}.")
    return row


def report(row: DisparityAudit, *, sensitive: bool, given: Mapping[str, str] = NOTHING, paper: bool = False) -> str:
    """HTML without scripts, and without a link to anywhere; `sensitive`: with groups by sensitive attributes; `given`:
    what is drawn (see Choice). On `paper` tables are open."""
    results = auditing.visible(row.results, sensitive, () if sensitive else sensitive_now(row.catalog))
    choice = Choice.read(given, results)
    drawn = {key.replace("-", "_"): each for key, each in figures_of(results, choice).items()}
    return render_to_string(
        "explain/disparity_report.html",
        contents(row, results, choice)
        | {"name": name_of(row), "catalog": row.catalog, "made": timezone.now(), "drawn": drawn, "paper": paper,
           "most": MOST_ROWS, "curves": CURVES, "sees": len(results["groupings"]) == len(row.results["groupings"]),
           "alerts": alerts_in(row, results)},
    )  # fmt: skip


@require_safe
@page("view")
def disparity_report(request: HttpRequest, catalog: Catalog, audit_id: int) -> HttpResponse:
    row = done_or_404(catalog, audit_id)
    return as_file(
        report(row, sensitive=may(request.user, "sensitive"), given=request.GET),
        "text/html; charset=utf-8",
        row,
        "html",
    )


@require_safe
@page("view")
def disparity_json(request: HttpRequest, catalog: Catalog, audit_id: int) -> HttpResponse:
    row = done_or_404(catalog, audit_id)
    about = {"id": row.pk, "catalog": catalog.name, "run": row.run_id, "finished": row.finished,
             "alerts": alerts_for(request.user, row)}  # fmt: skip
    answer = JsonResponse({"audit": about, **seen_results(request.user, row)}, json_dumps_params={"indent": 1})
    answer["Content-Disposition"] = f'attachment; filename="disparities-{row.pk}.json"'
    return answer


@require_safe
@page("view")
def disparity_pdf(request: HttpRequest, catalog: Catalog, audit_id: int) -> HttpResponse:
    row = done_or_404(catalog, audit_id)
    try:
        return as_file(
            printing.pdf_of(report(row, sensitive=may(request.user, "sensitive"), given=request.GET, paper=True)),
            "application/pdf",
            row,
            "pdf",
        )
    except Conflict as error:
        messages.error(request, str(error))
        return redirect("disparity", catalog.name, row.pk)


def as_file(content: str | bytes, kind: str, row: DisparityAudit, ending: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="disparities-{row.pk}.{ending}"'
    return answer
