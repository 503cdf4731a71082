"""Remedies of a catalog: sweeps that were made, the form that starts one, and the curve of each."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from explain import tasks
from explain.models import RemedySweep
from explain.selectors import sweeps as select
from explain.selectors.disparity import sensitive_now
from explain.services import sweepable, sweeping
from explain.views import sweep_figures as figures
from explain.views import sweep_words as words
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, Run
from recommender.rights import may
from recommender.selectors import pages
from recommender.views.frame import page, show
from recommender.views.paging import whole
from recommender.views.segments import seen_attributes

SHOWN = 40
"""Sweeps in the list."""
FIELDS = ("strengths", "by", "groups", "k", "pool", "seed")


@require_safe
@page("view")
def remedies(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """`run` of the address: what the form begins with."""
    rows = [line_of(request, row) for row in select.of_catalog(catalog)[:SHOWN]]
    return show(
        request, "explain/remedies", title="Remedies", catalog=catalog, section="disparities", crumbs=crumbs(catalog),
        rows=rows, live=[each["row"] for each in rows if each["row"].status in Run.LIVE],
        **start_context(request, catalog),
    )  # fmt: skip


def crumbs(catalog: Catalog, *more: tuple[str, str]) -> list[tuple[str, str]]:
    return [("Disparities", reverse("disparities", args=[catalog.name])), *more]


def title_of(row: RemedySweep) -> str:
    """As it was when the sweep was made; without results as the remedy is called now."""
    if row.results:
        return str(row.results["about"]["title"])
    return sweepable.named(row.remedy).title if row.remedy in known_names() else row.remedy


def known_names() -> set[str]:
    return {each.name for each in sweepable.everything()}


def line_of(request: HttpRequest, row: RemedySweep) -> dict[str, Any]:
    line: dict[str, Any] = {"row": row, "title": title_of(row), "finding": ""}
    if row.status == Run.Status.SUCCEEDED:
        seen = seen_results(request.user, row)
        line["finding"] = words.finding(seen, words.chosen(seen, ""))
    return line


def seen_results(login: Any, row: RemedySweep) -> dict[str, Any]:
    """The results as a login may see them."""
    sees = may(login, "sensitive")
    return sweeping.visible(row.results, sees, () if sees else sensitive_now(row.run.catalog))


def start_context(request: HttpRequest, catalog: Catalog) -> dict[str, Any]:
    """What the form that starts a sweep offers."""
    runs = pages.runs_to_ask(catalog)
    wanted = whole(request.GET.get("run"), 0)
    chosen = catalog.runs.filter(pk=wanted).first() if 0 < wanted < 2**63 else None
    if chosen is not None and chosen not in runs:
        runs = [chosen, *runs]
    every = sweepable.everything()
    return {
        "runs": runs, "wanted": chosen.pk if chosen else runs[0].pk if runs else 0, "deployed": pages.deployed(catalog),
        "reranking": [each for each in every if not each.trained], "training": [each for each in every if each.trained],
        "classes": sweeping.classes_of(catalog), "groups": groups_for(request.user, catalog),
        "weighing": [run.pk for run in runs if sweepable.weighs_groups(run)],
    }  # fmt: skip


def groups_for(login: Any, catalog: Catalog) -> list[str]:
    """Groups that a login may name."""
    return [*(each.name for each in seen_attributes(login, catalog)), sweeping.ACTIVITY]


@require_POST
@page("train")
def remedy_start(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """Starts one: `run`, `remedy` and the settings of the form; empty ones as the remedy has them."""
    key = whole(request.POST.get("run"), 0)
    run = catalog.runs.filter(pk=key).first() if 0 < key < 2**63 else None
    settings = {name: request.POST[name] for name in FIELDS if request.POST.get(name)}
    back = reverse("remedies", args=[catalog.name])
    if run is None:
        messages.error(request, "Choose a recommender: a remedy is tried on one.")
        return redirect(back)
    try:
        if settings.get("groups") and settings["groups"] not in groups_for(request.user, catalog):
            raise BadInput(f"There are no groups of people by “{settings['groups']}” that you may see.", field="groups")
        row = tasks.start_sweep(run=run, remedy=request.POST.get("remedy", ""), settings=settings, by=request.user)
    except (BadInput, Conflict) as error:
        messages.error(request, f"Nothing was started: {error}")
        return redirect(f"{back}?run={run.pk}#start")
    return redirect("remedy", catalog.name, row.pk)


def sweep_or_404(catalog: Catalog, sweep_id: int) -> RemedySweep:
    found = select.of_catalog(catalog).filter(pk=sweep_id).first() if sweep_id < 2**63 else None
    if found is None:
        raise Http404(f"{catalog} has no sweep {sweep_id} of a remedy.")
    return found


@require_safe
@page("view")
def remedy(request: HttpRequest, catalog: Catalog, sweep_id: int) -> HttpResponse:
    """`against` of the address: the disparity that accuracy is drawn against; `show`: figures, or their changes."""
    row = sweep_or_404(catalog, sweep_id)
    context: dict[str, Any] = {
        "sweep": row,
        "run": row.run,
        "remedy_title": title_of(row),
        "live": row.status in Run.LIVE,
    }
    done = row.status == Run.Status.SUCCEEDED
    if done:
        context |= curve_context(request, row)
    return show(
        request, "explain/remedy", title=f"{context['remedy_title']} on {row.run}", catalog=catalog,
        section="disparities", figures=done,
        crumbs=crumbs(catalog, ("Remedies", reverse("remedies", args=[catalog.name]))), **context,
    )  # fmt: skip


def curve_context(request: HttpRequest, row: RemedySweep) -> dict[str, Any]:
    results = seen_results(request.user, row)
    against = words.chosen(results, request.GET.get("against", ""))

    changes = request.GET.get("show") == "changes"

    def address(strength: float) -> str:
        return point_address(row, strength, against)

    points = figures.table_rows(results, against, address)
    deployed = pages.deployed(row.run.catalog)
    for point in points:
        point["saved"] = sweeping.run_at(row, point["strength"])
        point["serves"] = deployed is not None and point["saved"] is not None and deployed.run_id == point["saved"].pk
    return {
        "about": results["about"], "against": against, "problems": results["problems"], "points": points,
        "choices": [(each["key"], words.name_of(results, each["key"]), each["aimed"]) for each in results["figures"]],
        "finding": words.finding(results, against), "metric": words.metric_of(results),
        "disparity": words.name_of(results, against), "even": words.words_of(against).even,
        "monotone": words.figure_row(results, against).get("monotone"),
        "pareto": figures.pareto_figure(results, against, address, changes=changes), "changes": changes,
        "every": figures.every_figure(results),
        "hidden": len(results["figures"]) < len(row.results["figures"]),
    }  # fmt: skip


def point_address(row: RemedySweep, strength: float, against: str) -> str:
    where = reverse("remedy_point", args=[row.run.catalog.name, row.pk, f"{strength:g}"])
    return f"{where}?{urlencode({'against': against})}"


@require_safe
@page("view")
def remedy_live(request: HttpRequest, catalog: Catalog, sweep_id: int) -> HttpResponse:
    """How far it is; when it is over, the whole page loads again."""
    row = sweep_or_404(catalog, sweep_id)
    if row.status not in Run.LIVE:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return render(request, "explain/parts/remedy_live.html", {"row": row, "catalog": catalog})


@require_POST
@page("train")
def remedy_cancel(request: HttpRequest, catalog: Catalog, sweep_id: int) -> HttpResponse:
    row = sweep_or_404(catalog, sweep_id)
    try:
        sweeping.cancel_sweep(sweep=row, by=request.user)
        messages.success(request, "The sweep is being cancelled; it stops within seconds.")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("remedy", catalog.name, row.pk)


def run_page(*, run: Run) -> tuple[str, str]:
    """Label and address, for the page of a run: its newest sweep, else the form that starts one."""
    row = run.remedy_sweeps.filter(status=Run.Status.SUCCEEDED).order_by("-id").first()
    if row is not None:
        return "What a remedy costs", reverse("remedy", args=[run.catalog.name, row.pk])
    return "What a remedy costs", f"{reverse('remedies', args=[run.catalog.name])}?run={run.pk}#start"
