"""Addresses of the site. A catalog's pages lie under its name, so they come last."""

from __future__ import annotations

import sys

from django.contrib import admin
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.generic import RedirectView

from recommender.api import problems
from recommender.views import session

urlpatterns = [
    path("", include("recommender.health")),
    path("", include("recommender.scrape")),
    path("api/", include("explain.api.urls")),  # before the recommender's, whose last address takes all
    path("api/", include("recommender.api.urls")),
    path("admin/login/", RedirectView.as_view(pattern_name="login", query_string=True)),
    path("admin/", admin.site.urls),
    path("", include("explain.urls")),
    path("", include("recommender.urls")),
]

handler403 = "recommender.views.session.denied"


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Under /api/ even a request that reaches no view is answered by a problem document."""
    if request.path.startswith("/api/"):
        return problems.plain_answer(400, "The request is not well-formed.")
    return session.bad_request(request, exception)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problems.plain_answer(404, "There is nothing at this address. /api/docs/ lists what there is.")
    return session.missing(request, exception)


def handler500(request: HttpRequest) -> HttpResponse:
    """Called while the exception is being handled: a database that is away is no fault of the page."""
    if request.path.startswith("/api/"):
        return problems.plain_answer(500, problems.UNEXPECTED)
    return session.unreachable(request) if isinstance(sys.exception(), OperationalError) else session.broken(request)
