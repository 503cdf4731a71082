"""Searches over settings: started, watched, cancelled, their best settings trained with."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from recommender import tasks
from recommender.algorithms import registry
from recommender.evaluation.space import space
from recommender.exceptions import BadInput, Conflict
from recommender.forms import TuningForm
from recommender.models import Catalog, Run, Study
from recommender.selectors import tuning as select
from recommender.services import tuning as service
from recommender.views import tuning_figures as figures
from recommender.views.figures import csv_answer
from recommender.views.frame import page, sent, show

UNTUNED = ("random",)


def tunable() -> list[str]:
    """Names of what has lists to be judged by and settings of its own; the Configs are not read for it."""
    return [name for name in registry.ALGORITHMS if "ranking" in registry.abilities(name)
            and name not in UNTUNED and name != "ensemble"]  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page("view", post="train")
def tunings(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """The searches of a catalog, and a form to start one."""
    form = TuningForm(sent(request), algorithms=tunable(), initial={"algorithm": "ease"})
    if request.method == "POST" and form.is_valid():
        try:
            made = tasks.start_tuning(catalog=catalog, by=request.user, **form.cleaned_data)
            return redirect("tuning", catalog.name, made.pk)
        except BadInput as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
    found = [(each, select.best_trial(study=each)) for each in select.studies(catalog=catalog)[:100]]
    return show(
        request, "tunings", title="Tuning", catalog=catalog, section="runs", crumbs=[runs_crumb(catalog)],
        form=form, studies=found, status=400 if form.errors else 200,
    )  # fmt: skip


@require_safe
@page("view")
def study(request: HttpRequest, catalog: Catalog, study_id: int) -> HttpResponse:
    found = study_or_404(catalog, study_id)
    crumbs = [runs_crumb(catalog), ("Tuning", reverse("tunings", args=[catalog.name]))]
    return show(
        request, "tuning", title=f"Tuning of {found.algorithm} #{found.pk}", catalog=catalog, section="runs",
        crumbs=crumbs, figures=True, **context_of(catalog, found),
    )  # fmt: skip


def context_of(catalog: Catalog, found: Study) -> dict[str, Any]:
    trials, best = figures.done(found), select.best_trial(study=found)
    names = [each.name for each in space(registry.config_class(found.algorithm), found.only)]
    return {
        "study": found,
        "live": found.status in Run.LIVE,
        "best": best,
        "best_settings": settings_of(best.config if best else {}),
        "progress_figure": figures.best_figure(catalog, found, trials, names),
        "importance": figures.importance_figure(catalog, found),
        "coordinates": figures.coordinates_figure(catalog, found, trials),
        "names": [name.replace("_", " ") for name in names],
        "trials": [
            (each, [figures.words(each.config.get(name)) for name in names])
            for each in found.trials.order_by("-number")
        ],
    }


def settings_of(config: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name.replace("_", " "), value) for name, value in sorted(config.items())]


@require_safe
@page("view")
def study_live(request: HttpRequest, catalog: Catalog, study_id: int) -> HttpResponse:
    """The part that changes while it runs; when it is over, the whole page loads again."""
    found = study_or_404(catalog, study_id)
    if found.status not in Run.LIVE:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    context = context_of(catalog, found) | {"catalog": catalog}
    return render(request, "recommender/parts/tuning_live.html", context)


@require_POST
@page("train")
def study_cancel(request: HttpRequest, catalog: Catalog, study_id: int) -> HttpResponse:
    try:
        service.cancel_study(study=study_or_404(catalog, study_id), by=request.user)
        messages.success(request, "The tuning is being cancelled; what its trials found stays.")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("tuning", catalog.name, study_id)


@require_POST
@page("train")
def study_train(request: HttpRequest, catalog: Catalog, study_id: int) -> HttpResponse:
    """Train with the best settings."""
    found = study_or_404(catalog, study_id)
    try:
        config = service.best_settings(study=found)
        run = tasks.start_training(
            catalog=catalog, algorithm=found.algorithm, config=config, seed=found.seed, by=request.user
        )
    except (BadInput, Conflict) as error:
        messages.error(request, str(error))
        return redirect("tuning", catalog.name, study_id)
    return redirect("run", catalog.name, run.pk)


@require_safe
@page("view")
def trials_csv(request: HttpRequest, catalog: Catalog, study_id: int) -> HttpResponse:
    found = study_or_404(catalog, study_id)
    trials = list(found.trials.order_by("number"))
    names = sorted({name for each in trials for name in each.config})
    columns = ("trial", "origin", "state", found.metric, "seconds", *names, "error")
    rows = [
        (each.number, each.origin, each.state, each.value, each.seconds, *[each.config.get(name) for name in names],
         each.error)
        for each in trials
    ]  # fmt: skip
    return csv_answer(f"tuning-{found.pk}", columns, rows)


def study_or_404(catalog: Catalog, study_id: int) -> Study:
    try:
        return select.get_study(study_id=study_id, catalog=catalog)
    except BadInput as error:
        raise Http404(str(error)) from error


def runs_crumb(catalog: Catalog) -> tuple[str, str]:
    return ("Runs", reverse("runs", args=[catalog.name]))
