"""What every page has: who may see it, the bar with catalogs and sections, the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from recommender import hooks
from recommender.models import Catalog
from recommender.rights import GROUPS, RIGHTS, may
from recommender.selectors import pages
from recommender.staticfinder import PLOTLY_JS
from recommender.views import tables

View = Callable[..., HttpResponse]
Crumb = tuple[str, str]

SECTIONS = (
    ("overview", "Overview"),
    ("data", "Data"),
    ("runs", "Runs"),
    ("serving", "Serving"),
    ("people", "People"),
    ("items", "Items"),
    ("cold_start", "Cold start"),
    ("api", "API"),
)


@dataclass(frozen=True)
class Access:
    """What a page asks of a login: `right` for every method, `to_change` also for POST."""

    right: str
    in_catalog: bool


def page(right: str, *, post: str = "") -> Callable[[View], View]:
    """A page of one catalog. The view gets the Catalog instead of its name.

    404 for a catalog the login is no member of, 403 (in words) without the right; `post` is the right that sending
    the page's form asks for, where it differs.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, catalog: str, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return sign_in_first(request)
            found = pages.catalog_of(request.user, catalog)
            if found is None:
                raise Http404(f"There is no catalog “{catalog}” that you are a member of.")
            demand(request.user, right)
            if request.method == "POST" and post:
                demand(request.user, post)
            return view(request, found, **kwargs)

        guarded.access = Access(right, in_catalog=True)  # type: ignore[attr-defined]
        return guarded

    return decorate


def site_page(right: str = "") -> Callable[[View], View]:
    """A page that belongs to no catalog; `right` "" asks only for a login."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return sign_in_first(request)
            if right:
                demand(request.user, right)
            return view(request, **kwargs)

        guarded.access = Access(right, in_catalog=False)  # type: ignore[attr-defined]
        return guarded

    return decorate


def demand(login: Any, right: str) -> None:
    """Raise PermissionDenied with who may do it, unless the login may."""
    if may(login, right):
        return
    groups, what = RIGHTS[right]
    allowed = " or ".join(name for name in GROUPS if name in groups)
    raise PermissionDenied(f"Your login may not {what}. The group {allowed} may; ask an operator to add you.")


def sent(request: HttpRequest) -> QueryDict | None:
    """What a form sent, for a Form: an empty one too is judged once it was sent."""
    return request.POST if request.method == "POST" else None


def sign_in_first(request: HttpRequest) -> HttpResponse:
    """To the login page and back; a fragment asks the whole page to load again."""
    if getattr(request, "htmx", False):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return redirect_to_login(request.get_full_path())


def show(
    request: HttpRequest,
    template: str,
    *,
    title: str,
    catalog: Catalog | None = None,
    section: str = "",
    crumbs: Sequence[Crumb] = (),
    status: int = 200,
    figures: bool = False,
    **context: Any,
) -> HttpResponse:
    """Draw a whole page in the frame. `template` lies with the recommender's unless it names a folder; `figures` loads
    plotly.js."""
    frame = frame_context(request, catalog, section) | {"title": title, "figures": figures, "plotly_js": PLOTLY_JS}
    frame["crumbs"] = [(str(catalog), reverse("overview", args=[catalog.name])), *crumbs] if catalog else list(crumbs)
    if section == "overview" and not crumbs:
        frame["crumbs"] = []
    path = template if "/" in template else f"recommender/{template}"
    drawn = render(request, f"{path}.html", frame | context, status=status)
    return tables.answered(request, drawn, title) if status == 200 else drawn


def frame_context(request: HttpRequest, catalog: Catalog | None, section: str = "") -> dict[str, Any]:
    """The bar: catalogs to switch to (staying in the section), sections, what the login may."""
    known = [*SECTIONS[:-1], *hooks.sections, SECTIONS[-1]]
    target = section if section in dict(known) else "overview"
    switcher = [
        {"title": str(each), "address": reverse(target, args=[each.name]), "current": catalog and each.pk == catalog.pk}
        for each in pages.catalogs_of(request.user)
    ]
    sections = [
        {"key": key, "label": label, "address": reverse(key, args=[catalog.name]), "current": key == section}
        for key, label in (known if catalog else ())
    ]
    return {
        "catalog": catalog,
        "initial": (str(catalog) if catalog else "R")[:1].upper(),
        "catalogs": switcher,
        "sections": sections,
        "can": rights_of(request.user),
        "roles": pages.roles_of(request.user),
    }


def rights_of(login: Any) -> dict[str, bool]:
    return {right: may(login, right) for right in RIGHTS}
