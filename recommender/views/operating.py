"""What serves: the way back, retraining by night with what was decided, and lists for everyone as files."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from recommender import tasks
from recommender.algorithms import registry
from recommender.exceptions import BadInput, Conflict
from recommender.forms import BatchForm, PlanForm
from recommender.models import Batch, Catalog, Run
from recommender.selectors import adapted, pages
from recommender.services import bulk_adaptation, deploying, retraining
from recommender.views.figures import csv_answer
from recommender.views.frame import page, show

SHOWN = 20


@require_safe
@page("view")
def serving(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    return _page(request, catalog)


def _page(
    request: HttpRequest, catalog: Catalog, *, plan_form: PlanForm | None = None, batch_form: BatchForm | None = None
) -> HttpResponse:
    plan = retraining.plan_of(catalog=catalog)
    given = {"on": plan.on, "hour": plan.hour}
    wrong = any(form is not None and form.errors for form in (plan_form, batch_form))
    return show(
        request, "serving", title="Serving", catalog=catalog, section="serving", deployed=pages.deployed(catalog),
        history=catalog.deployments.select_related("run", "created_by")[:SHOWN], plan=plan,
        before=deploying.previous_run(catalog=catalog), decisions=retraining.latest(catalog=catalog, count=SHOWN),
        batches=catalog.batches.select_related("run")[:SHOWN], plan_form=plan_form or PlanForm(initial=given),
        batch_form=batch_form or BatchForm(), status=400 if wrong else 200, **_adapted(catalog),
    )  # fmt: skip


def _adapted(catalog: Catalog) -> dict[str, Any]:
    """Whether what serves adapts to people, to how many it has, and the work of it, newest first."""
    deployed = pages.deployed(catalog)
    adapts = deployed is not None and deployed.run.algorithm in registry.ADAPTABLE
    rows = [{"row": row, **bulk_adaptation.standing(adaptation=row)}
            for row in catalog.adaptations.select_related("run").prefetch_related("shards")[:SHOWN]]  # fmt: skip
    return {
        "adapts": adapts,
        "states": adapted.kept(deployed.run_id) if adapts and deployed is not None else None,
        "adaptations": [{**row, "words": Run.Status(row["status"]).label} for row in rows],
        "adapting": any(row["status"] in Run.LIVE for row in rows),
    }


@require_POST
@page("deploy")
def serving_return(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    try:
        made = deploying.deploy_previous(catalog=catalog, by=request.user)
        messages.success(request, f"{made.run} is in service again.")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("serving", catalog.name)


@require_POST
@page("deploy")
def retraining_plan(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    form = PlanForm(request.POST)
    if not form.is_valid():
        return _page(request, catalog, plan_form=form)
    plan = retraining.set_plan(catalog=catalog, **form.cleaned_data)
    told = f"is trained anew each day at {plan.hour:02}:00 UTC" if plan.on else "is not trained anew by itself"
    messages.success(request, f"What serves {catalog} {told}.")
    return redirect("serving", catalog.name)


@require_safe
@page("view")
def retrainings_csv(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    rows = [
        (row.created.isoformat(), row.run_id, row.against_id, row.decision, row.reason)
        for row in retraining.latest(catalog=catalog, count=10_000)
    ]
    return csv_answer("retrainings", ("begun", "run", "against", "decision", "reason"), rows)


@require_POST
@page("train")
def batch_new(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    form = BatchForm(request.POST)
    if form.is_valid():
        try:
            tasks.start_batch(catalog=catalog, by=request.user, **form.cleaned_data)
            messages.success(request, "The file is being written; it appears below when it is done.")
            return redirect("serving", catalog.name)
        except (BadInput, Conflict) as error:
            form.add_error(None, str(error))
    return _page(request, catalog, batch_form=form)


@require_safe
@page("view")
def batch_file(request: HttpRequest, catalog: Catalog, batch_id: int) -> FileResponse:
    found = Batch.objects.filter(catalog=catalog, pk=batch_id).first() if batch_id < 2**63 else None
    if found is None or not found.path or not default_storage.exists(found.path):
        raise Http404("This batch has no file.")
    name = f"recommendations-{found.pk}.{found.format}"
    return FileResponse(default_storage.open(found.path), as_attachment=True, filename=name)


@require_POST
@page("train")
def adaptation_new(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    try:
        made = tasks.start_adaptation(catalog=catalog, by=request.user)
        messages.success(request, f"{made.run} is being adapted to everyone who is new or has changed.")
    except (BadInput, Conflict) as error:
        messages.error(request, str(error))
    return redirect("serving", catalog.name)


@require_POST
@page("train")
def adaptation_cancel(request: HttpRequest, catalog: Catalog, adaptation_id: int) -> HttpResponse:
    found = catalog.adaptations.filter(pk=adaptation_id).first() if adaptation_id < 2**63 else None
    if found is None:
        raise Http404("There is no such adaptation.")
    try:
        bulk_adaptation.cancel_adaptation(adaptation=found)
        messages.success(request, "Adapting stops; whoever was adapted to so far stays so.")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("serving", catalog.name)
