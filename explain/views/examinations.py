"""Starting, watching and cancelling examinations: the same for every kind, from the page that shows what it finds."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from explain import tasks
from explain.models import Examination
from explain.services import examining
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, Run
from recommender.views.frame import page
from recommender.views.run_parts import run_or_404

PAGES = {"trust": "explain_trust", "global": "explain_run"}
"""The page (by the name of its address) on which each kind is shown."""
SEVERAL = frozenset({"methods"})
"""Fields of forms that may be there more than once."""


def latest(run: Run, kind: str) -> Examination | None:
    """The newest examination of a kind that is done."""
    done = Examination.objects.filter(run=run, kind=kind, status=Run.Status.SUCCEEDED)
    return done.order_by("-id").first()


def examination_context(run: Run, kind: str) -> dict[str, Any]:
    """What explain/parts/examination.html shows: the newest examination of a kind, and whether it works."""
    newest = Examination.objects.filter(run=run, kind=kind).order_by("-id").first()
    live = newest is not None and newest.status in Run.LIVE
    return {"run": run, "kind": kind, "newest": newest, "live": live, "examined": latest(run, kind)}


@require_POST
@page("train")
def examine(request: HttpRequest, catalog: Catalog, run_id: int, kind: str) -> HttpResponse:
    """Start one; what is asked beyond the defaults comes as fields of the form, for the kind to read."""
    run = run_or_404(catalog, run_id)
    if kind not in PAGES:
        raise Http404(f"There is no examination “{kind}” to start from a page.")
    given = {
        name: request.POST.getlist(name) if name in SEVERAL else value
        for name, value in request.POST.items() if name != "csrfmiddlewaretoken" and value
    }  # fmt: skip
    try:
        examining.check_settings(kind=kind, settings=given)
        tasks.start_examination(run=run, kind=kind, settings=given, by=request.user)
    except (BadInput, Conflict) as error:
        messages.error(request, str(error))
    return redirect(PAGES[kind], catalog.name, run_id)


@require_safe
@page("view")
def examination_live(request: HttpRequest, catalog: Catalog, run_id: int, examination_id: int) -> HttpResponse:
    """How far it is; when it is over, the whole page loads again."""
    row = examination_or_404(catalog, run_id, examination_id)
    if row.status not in Run.LIVE:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "explain/parts/examination_live.html", {"row": row, "catalog": catalog})


@require_POST
@page("train")
def examination_cancel(request: HttpRequest, catalog: Catalog, run_id: int, examination_id: int) -> HttpResponse:
    row = examination_or_404(catalog, run_id, examination_id)
    try:
        examining.cancel_examination(examination=row)
        messages.success(request, "The examination is being cancelled; it stops within seconds.")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect(PAGES.get(row.kind, "explain_run"), catalog.name, run_id)


def examination_or_404(catalog: Catalog, run_id: int, examination_id: int) -> Examination:
    found = None
    if max(run_id, examination_id) < 2**63:
        rows = Examination.objects.select_related("run")
        found = rows.filter(pk=examination_id, run=run_id, run__catalog=catalog).first()
    if found is None:
        raise Http404(f"{catalog} has no examination {examination_id} of run {run_id}.")
    return found
