"""Catalogs of a login: the list, a new one, its members, its overview."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from recommender import hooks
from recommender.forms import CatalogForm, MemberForm
from recommender.models import Catalog
from recommender.rights import GROUPS, RIGHTS
from recommender.selectors import pages
from recommender.services import catalogs as service
from recommender.services import monitoring, retraining
from recommender.templatetags.pages import rough
from recommender.views.figures import interactions_figure
from recommender.views.frame import page, sent, show, site_page

NO_WORKER = "none heard of; what is started waits until one comes"
HOME = ("Catalogs", "/")


@require_safe
@site_page()
def home(request: HttpRequest) -> HttpResponse:
    rows = pages.catalogs_with_sizes(request.user)
    return show(request, "home", title="Catalogs", rows=rows)


@require_http_methods(["GET", "HEAD", "POST"])
@site_page("manage")
def catalog_new(request: HttpRequest) -> HttpResponse:
    form = CatalogForm(sent(request))
    if request.method == "POST" and form.is_valid():
        made = service.create_catalog(login=request.user, **form.cleaned_data)
        messages.success(request, f"{made} was made. Put data in next.")
        return redirect("data", made.name)
    status = 400 if form.errors else 200
    return show(request, "catalog_new", title="Create a catalog", crumbs=[HOME], form=form, status=status)


@require_safe
@page("view")
def overview(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    sizes = pages.sizes(catalog)
    context = live_context(catalog) | {
        "sizes": sizes,
        "deployed": pages.deployed(catalog),
        "retrained": next(iter(retraining.latest(catalog=catalog, count=1)), None),
        "runs": pages.latest_runs(catalog),
        "imports": pages.latest_imports(catalog),
        "cards": [card(catalog=catalog, login=request.user) for card in hooks.overview_cards],
        "system": system_rows(),
        "figure": interactions_figure(catalog),
    }
    return show(request, "overview", title=str(catalog), catalog=catalog, section="overview", figures=True, **context)


def system_rows() -> list[dict[str, str]]:
    """Servers, queues and workers in words; `state` where it is good or late."""
    silent = [name for name, each in monitoring.server_status().items() if not each["ok"]]
    servers = f"{' and '.join(silent)} silent" if silent else "all answer"
    depths = {name: "not known" if depth is None else depth for name, depth in monitoring.queue_depths().items()}
    rows = [
        {"label": "Servers", "state": "late" if silent else "good", "text": servers},
        {"label": "Tasks waiting", "state": "", "text": ", ".join(f"{name} {depth}" for name, depth in depths.items())},
    ]
    workers = monitoring.worker_status()
    rows += [worker_row(each) for each in workers[:6]]
    return rows if workers else [*rows, {"label": "Workers", "state": "late", "text": NO_WORKER}]


def worker_row(worker: dict[str, Any]) -> dict[str, str]:
    queues = f", for {' and '.join(worker['queues'])}" if worker["queues"] else ""
    heard = f"heard of {rough(worker['age'])} ago{queues}"
    return {"label": "Worker", "state": "good" if worker["alive"] else "late", "text": heard}


def live_context(catalog: Catalog) -> dict[str, object]:
    return {"live": list(pages.live_runs(catalog)), "live_address": reverse("live", args=[catalog.name])}


@require_safe
@page("view")
def live(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """The fragment that htmx asks for again and again."""
    context = live_context(catalog) | {"catalog": catalog, "deployed": pages.deployed(catalog)}
    return render(request, "recommender/parts/live.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("view", post="manage")
def members(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    form = MemberForm(sent(request))
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["login"]
        login = pages.login_named(name)
        if login is None:
            form.add_error("login", f"There is no login “{name}”. A superuser can make one in the admin.")
        else:
            service.add_member(catalog=catalog, login=login)
            messages.success(request, f"{login} may now enter {catalog}.")
            return redirect("members", catalog.name)
    return show(
        request, "members", title="Members", catalog=catalog, form=form, rows=pages.members(catalog),
        groups=GROUPS, rights=rights_table(),
        status=400 if form.errors else 200,
    )  # fmt: skip


def rights_table() -> list[dict[str, object]]:
    return [{"what": what, "groups": [group in groups for group in GROUPS]} for groups, what in RIGHTS.values()]


@require_POST
@page("manage")
def member_remove(request: HttpRequest, catalog: Catalog, login_id: int) -> HttpResponse:
    service.remove_member(catalog=catalog, login_id=login_id)
    messages.success(request, f"That login can no longer enter {catalog}.")
    return redirect("members", catalog.name)
