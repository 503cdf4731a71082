"""Addresses of the site. A catalog's pages lie under its name, so they come last."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views import defaults

from recommender.api import problems

urlpatterns = [
    path("", include("recommender.health")),
    path("api/", include("recommender.api.urls")),
    path("admin/", admin.site.urls),
]


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Under /api/ even a request that reaches no view is answered by a problem document."""
    if request.path.startswith("/api/"):
        return problems.plain_answer(400, "The request is not well-formed.")
    return defaults.bad_request(request, exception)


def handler500(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problems.plain_answer(500, problems.UNEXPECTED)
    return defaults.server_error(request)
