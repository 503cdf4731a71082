"""One strength of a sweep: who gains and who loses, what is shown instead, and what can be done with it."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from explain import tasks
from explain.models import RemedySweep
from explain.selectors import sweeps as select
from explain.services import sweeping
from explain.views import sweep_figures as figures
from explain.views import sweep_words as words
from explain.views.remedies import crumbs, point_address, seen_results, sweep_or_404, title_of
from explain.views.sweep_words import Results
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, Run
from recommender.selectors import pages
from recommender.services import deploying
from recommender.views.frame import page, show


@require_safe
@page("view")
def remedy_point(request: HttpRequest, catalog: Catalog, sweep_id: int, strength: str) -> HttpResponse:
    """`by` of the address: by which groups gains and losses are told; `against` leads back to the curve."""
    row = sweep_or_404(catalog, sweep_id)
    if row.status != Run.Status.SUCCEEDED:
        raise Http404("This sweep has no results.")
    results = seen_results(request.user, row)
    point = point_or_404(results, strength)
    against = words.chosen(results, request.GET.get("against", ""))
    context = point_context(request, row, results, point, against) | state_of(row, point["strength"])
    way = crumbs(catalog, ("Remedies", reverse("remedies", args=[catalog.name])), (f"{title_of(row)} on {row.run}",
                 reverse("remedy", args=[catalog.name, row.pk])))  # fmt: skip
    label = f"Strength {point['strength']:g}" if point["strength"] else "As it is"
    return show(
        request, "explain/remedy_point", title=f"{label}: {title_of(row)} on {row.run}", catalog=catalog,
        section="disparities", crumbs=way, figures=bool(point["strength"]), **context,
    )  # fmt: skip


def point_or_404(results: Results, strength: str) -> dict[str, Any]:
    try:
        wanted = float(strength)
    except ValueError:
        wanted = math.nan
    found: dict[str, Any] | None = next((each for each in results["points"] if each["strength"] == wanted), None)
    if found is None:
        raise Http404(f"This sweep has no strength “{strength}”.")
    return found


def point_context(
    request: HttpRequest, row: RemedySweep, results: Results, point: dict[str, Any], against: str
) -> dict[str, Any]:
    strength, base = point["strength"], point["strength"] == 0
    groupings = [(each["name"], each["title"]) for each in results["groupings"] if each["groups"]]
    by = request.GET.get("by", "")
    by = by if by in dict(groupings) else next(iter(dict(groupings)), "")
    found: dict[str, Any] = {
        "sweep": row, "run": row.run, "about": results["about"], "point": point, "strength": strength,
        "against": against, "metric": words.metric_of(results), "by": by, "groupings": groupings,
        "figures_changed": changes(results, point), "label": f"{strength:g}",
        "others": [(f"{each['strength']:g}", words.label_of(each["strength"])) for each in results["points"]],
        "curve": f"{reverse('remedy', args=[row.run.catalog.name, row.pk])}?{urlencode({'against': against})}",
    }  # fmt: skip
    if base:
        return found
    moved = results["items"].get(f"{strength:g}", {"more": [], "less": []})
    titles = pages.items_by_key(row.run.catalog, [each["item"] for rows in moved.values() for each in rows])
    return found | {
        "gains": figures.gains_figure(results, select.people(row), strength, row.error),
        "groups": figures.groups_figure(results, strength, by).on_page(),
        "classes": figures.class_rows(results, strength), "items": figures.item_rows(moved, titles),
    }  # fmt: skip


def changes(results: Results, point: dict[str, Any]) -> list[dict[str, Any]]:
    """Every disparity here and at strength 0."""
    first, rows = results["points"][0]["disparities"], []
    for each in results["figures"]:
        key, here = each["key"], point["disparities"][each["key"]]
        rows.append({"name": words.name_of(results, key), "even": words.words_of(key).even, "aimed": each["aimed"],
                     "before": first[key], "after": here, "change": figures.changed(here),
                     "way": figures.way(here)})  # fmt: skip
    return rows


def state_of(row: RemedySweep, strength: float) -> dict[str, Any]:
    """Whether the point is a run, whether that serves, and what would be returned to."""
    catalog, saved = row.run.catalog, sweeping.run_at(row, strength)
    deployed = pages.deployed(catalog)
    serves = saved is not None and deployed is not None and deployed.run_id == saved.pk
    return {
        "saved": saved, "serves": serves, "saved_live": saved is not None and saved.status in Run.LIVE,
        "ready": saved is not None and saved.status == Run.Status.SUCCEEDED,
        "before": deploying.previous_run(catalog=catalog) if serves else None, "deployed": deployed,
    }  # fmt: skip


def back_to(request: HttpRequest, row: RemedySweep, strength: float) -> HttpResponse:
    return redirect(point_address(row, strength, request.POST.get("against", "")))


def asked_for(request: HttpRequest, catalog: Catalog, sweep_id: int, strength: str) -> tuple[RemedySweep, float]:
    row = sweep_or_404(catalog, sweep_id)
    if row.status != Run.Status.SUCCEEDED:
        raise Http404("This sweep has no results.")
    return row, float(point_or_404(seen_results(request.user, row), strength)["strength"])


@require_POST
@page("train")
def remedy_save(request: HttpRequest, catalog: Catalog, sweep_id: int, strength: str) -> HttpResponse:
    """Makes the point a run, which a worker trains."""
    row, wanted = asked_for(request, catalog, sweep_id, strength)
    try:
        run, made = tasks.start_saving(row=row, strength=wanted, by=request.user)
        said = f"{run} is being made: it waits for a worker." if made else f"This point is {run} already."
        messages.success(request, said)
    except (BadInput, Conflict) as error:
        messages.error(request, f"It was not saved: {error}")
    return back_to(request, row, wanted)


@require_POST
@page("deploy")
def remedy_deploy(request: HttpRequest, catalog: Catalog, sweep_id: int, strength: str) -> HttpResponse:
    row, wanted = asked_for(request, catalog, sweep_id, strength)
    run = sweeping.run_at(row, wanted)
    try:
        if run is None:
            raise Conflict("This point is no run yet. Save it as a run first.")
        deploying.deploy_run(run=run, by=request.user)
        messages.success(request, f"{run} is in service: the next answers are its own, and say so under “remedy”.")
    except Conflict as error:
        messages.error(request, str(error))
    return back_to(request, row, wanted)


@require_POST
@page("deploy")
def remedy_undo(request: HttpRequest, catalog: Catalog, sweep_id: int, strength: str) -> HttpResponse:
    """Puts back what served before, as long as this point serves."""
    row, wanted = asked_for(request, catalog, sweep_id, strength)
    try:
        if not state_of(row, wanted)["serves"]:
            raise Conflict("This point is not in service, so there is nothing to undo here.")
        made = deploying.deploy_previous(catalog=catalog, by=request.user)
        messages.success(request, f"Undone: {made.run} is in service again.")
    except Conflict as error:
        messages.error(request, str(error))
    return back_to(request, row, wanted)
