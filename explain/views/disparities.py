"""Disparities of a catalog: audits that were made, the forms that start one and plan them, watching and cancelling."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from explain import tasks
from explain.fairness.groups import MOST_VALUES
from explain.models import DisparityAudit
from explain.services import auditing, planning
from explain.views.disparity_figures import has, named, shown, signed
from explain.views.disparity_parts import alerts_for, audit_or_404, name_of, seen_results
from recommender.exceptions import BadInput, Conflict
from recommender.models import Attribute, Catalog, Run
from recommender.selectors import pages
from recommender.views.frame import page, show
from recommender.views.paging import whole
from recommender.views.segments import seen_attributes

SHOWN = 40
"""Audits in the history."""
SERVED, HELD_OUT = DisparityAudit.Source.SERVED, DisparityAudit.Source.HELD_OUT
BY_ALL = "served-by-all"
"""Of the form: what was served, by whichever recommender."""


@require_safe
@page("view")
def disparities(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    rows = list(catalog.disparity_audits.select_related("run", "plan", "catalog")[:SHOWN])
    for each in rows:
        each.catalog = catalog
    live = [row for row in rows if row.status in Run.LIVE]
    done = [row for row in rows if row.status == Run.Status.SUCCEEDED]
    context = {
        "rows": [history_row(request, row) for row in rows], "live": live, "newest": done[0] if done else None,
        "alerts": alerts_for(request.user, done[0]) if done else [], "several": len(done) > 1,
        "summary": seen_results(request.user, done[0])["summary"] if done else "",
    }  # fmt: skip
    return show(
        request, "explain/disparities", title="Disparities", catalog=catalog, section="disparities",
        **context, **start_context(request, catalog), **plan_context(catalog),
    )  # fmt: skip


def start_context(request: HttpRequest, catalog: Catalog) -> dict[str, Any]:
    """What the form that starts an audit offers."""
    choice = pages.runs_to_ask(catalog)
    wanted = whole(request.GET.get("run"), 0)
    return {
        "runs": choice, "wanted": next((run.pk for run in choice if run.pk == wanted), choice[0].pk if choice else 0),
        "attributes": with_values(catalog, seen_attributes(request.user, catalog)), "deployed": pages.deployed(catalog),
        "serves": SERVED in auditing.MATERIAL,
        "answers": SERVED in auditing.MATERIAL and catalog.impression_set.exists(),
    }  # fmt: skip


def with_values(catalog: Catalog, attributes: list[Attribute]) -> list[Attribute]:
    """With `many` true for one with too many values for groups: it is offered, but not chosen beforehand."""
    for each in attributes:
        each.many = each.type != Attribute.Type.NUMBER and (  # type: ignore[attr-defined]
            len(set(pages.attribute_of_people(catalog, each.name).values())) > MOST_VALUES
        )
    return attributes


def plan_context(catalog: Catalog) -> dict[str, Any]:
    plan = planning.plan_of(catalog)
    thresholds = [
        {"name": "gap", "label": "Gap between a group and everyone else", "step": "0.005", "low": 0, "high": 1,
         "help": "In the audit’s first metric, NDCG@10 for held-out data. Only where the test finds a difference."},
        {"name": "gini", "label": "Gini coefficient of exposure", "step": "0.01", "low": 0, "high": 1,
         "help": "Raised above it: few items get most places."},
        {"name": "lift", "label": "Popularity lift", "step": "0.05", "low": -1, "high": 100,
         "help": "Raised above it: lists are that much more popular than what people chose."},
        {"name": "coverage", "label": "Coverage", "step": "0.01", "low": 0, "high": 1,
         "help": "Raised below it: so few of the items are shown to anyone."},
    ]  # fmt: skip
    for each in thresholds:
        each["value"] = plan.thresholds.get(each["name"], "")
    return {
        "plan": plan,
        "thresholds": thresholds,
        "next": planning.next_time(plan),
        "plan_source": plan.settings.get("source", HELD_OUT),
        "plan_groups": plan.settings.get("groups") or [],
    }


def history_row(request: HttpRequest, row: DisparityAudit) -> dict[str, Any]:
    """A line of the history: of what, when, and the figures one looks at first."""
    line: dict[str, Any] = {"row": row, "name": name_of(row), "alerts": len(alerts_for(request.user, row))}
    if row.status != Run.Status.SUCCEEDED:
        return line
    results = seen_results(request.user, row)
    return line | {
        "gap": widest(results), "gini": shown(results["exposure"].get("gini")),
        "lift": shown(results["popularity"].get("lift")), "coverage": results["exposure"].get("coverage"),
    }  # fmt: skip


def widest(results: dict[str, Any]) -> str:
    """The widest gap that the tests tell, in the audit's first metric."""
    found = [each for each in results["tests"]["found"] if has(each, "versus_rest")]
    if not found:
        return "none found" if results["tests"].get("looked_at") else "no groups"
    most = max(found, key=lambda each: abs(each["versus_rest"]))
    return f"{most['title']} {most['value']} {signed(most['versus_rest'])} {named(most['metric'])}"


@require_POST
@page("train")
def disparity_start(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """Starts one: `run`, `source`, `groups` (several), `k` and, of what was served, `weeks` of the form."""
    source, run = request.POST.get("source", HELD_OUT), None
    if source == BY_ALL:
        source = SERVED
    else:
        run = catalog.runs.filter(pk=whole(request.POST.get("run"), 0)).first()
    numbers = ("k", "weeks") if source == SERVED else ("k",)
    given = {name: request.POST[name] for name in numbers if request.POST.get(name)}
    settings = {"groups": request.POST.getlist("groups")} | given
    if run is None and source == HELD_OUT:
        messages.error(request, "Choose a recommender: of held-out data an audit looks at the lists of one.")
        return redirect("disparities", catalog.name)
    try:
        row = tasks.start_audit(catalog=catalog, run=run, source=source, settings=settings, by=request.user)
    except (BadInput, Conflict) as error:
        messages.error(request, str(error))
        return redirect("disparities", catalog.name)
    return redirect("disparity", catalog.name, row.pk)


@require_safe
@page("view")
def disparity_live(request: HttpRequest, catalog: Catalog, audit_id: int) -> HttpResponse:
    """How far it is; when it is over, the whole page loads again."""
    row = audit_or_404(catalog, audit_id)
    if row.status not in Run.LIVE:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "explain/parts/disparity_live.html", {"row": row, "catalog": catalog})


@require_POST
@page("train")
def disparity_cancel(request: HttpRequest, catalog: Catalog, audit_id: int) -> HttpResponse:
    row = audit_or_404(catalog, audit_id)
    try:
        auditing.cancel_audit(audit=row)
        messages.success(request, "The audit is being cancelled; it stops within seconds.")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("disparity", catalog.name, row.pk)


@require_POST
@page("train")
def disparity_plan(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """Keeps the plan: `on`, `days`, `source`, `groups` and a field per threshold, empty for none."""
    try:
        thresholds = {name: decimal(request, name) for name in planning.THRESHOLDS}
        settings = {"source": request.POST.get("source", HELD_OUT), "groups": planned_groups(request, catalog)}
        plan = planning.set_plan(
            catalog=catalog, on="on" in request.POST, days=whole(request.POST.get("days"), 0), settings=settings,
            thresholds=thresholds,
        )  # fmt: skip
    except BadInput as error:
        messages.error(request, f"Nothing was saved: {error}")
        return redirect(f"{reverse('disparities', args=[catalog.name])}#plan")
    every = "every day" if plan.days == 1 else f"every {plan.days} days"
    said = f"What serves is audited {every}." if plan.on else "Nothing is audited by itself."
    messages.success(request, f"{said} {len(plan.thresholds)} thresholds are watched.")
    return redirect("disparities", catalog.name)


def planned_groups(request: HttpRequest, catalog: Catalog) -> list[str]:
    """Those of the form, and those of the plan that this login does not see and so could not tick."""
    seen = {each.name for each in seen_attributes(request.user, catalog)}
    kept = [name for name in planning.plan_of(catalog).settings.get("groups") or [] if name not in seen]
    return [*request.POST.getlist("groups"), *kept]


def decimal(request: HttpRequest, name: str) -> float | None:
    """A field's number, None where it is empty. Raises BadInput."""
    given = request.POST.get(name, "").strip().replace(",", ".")
    if not given:
        return None
    try:
        value = float(given)
    except ValueError:
        value = float("nan")
    if value != value or value in (float("inf"), float("-inf")):
        raise BadInput(f"{name} takes a number.", field=name)
    return value


def run_page(*, run: Run) -> tuple[str, str]:
    """Label and address, for the page of a run: its newest audit, else the form that starts one."""
    row = run.disparity_audits.filter(status=Run.Status.SUCCEEDED, source=HELD_OUT).order_by("-id").first()
    if row is not None:
        return "Who gets worse lists", reverse("disparity", args=[run.catalog.name, row.pk])
    return "Who gets worse lists", f"{reverse('disparities', args=[run.catalog.name])}?run={run.pk}#start"


def card(*, catalog: Catalog, login: Any) -> dict[str, Any]:
    """For the overview: what passed a threshold, or when it was looked at last."""
    row, url = planning.latest(catalog), reverse("disparities", args=[catalog.name])
    if row is None:
        return {"title": "Disparities", "value": "Not audited", "text": "who is served worse is not known", "url": url}
    row.catalog = catalog
    alerts, where = alerts_for(login, row), reverse("disparity", args=[catalog.name, row.pk])
    if alerts:
        value = "1 alert" if len(alerts) == 1 else f"{len(alerts)} alerts"
        return {"title": "Disparities", "value": value, "text": alerts[0], "url": where}
    found = len(seen_results(login, row)["tests"]["found"])
    value = "No gap found" if not found else "1 gap found" if found == 1 else f"{found} gaps found"
    return {"title": "Disparities", "value": value, "text": f"between groups of people, {name_of(row)}",
            "url": where}  # fmt: skip
