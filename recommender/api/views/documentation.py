"""The OpenAPI document, and the page on which it can be read and tried."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from recommender.api import problems
from recommender.api.base import READ, ApiView


class Schema(ApiView, SpectacularAPIView):
    """For anyone with a key or a login: it tells nothing of a catalog."""

    needs = {"GET": READ}
    in_catalog = False
    renderer_classes = [OpenApiJsonRenderer, JSONRenderer]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return SpectacularAPIView.get(self, request)


@method_decorator(login_required, name="dispatch")
class Docs(SpectacularSwaggerSplitView):
    """Behind the login; its scripts and styles come from the installed package."""

    authentication_classes: list[type] = []
    permission_classes: list[type] = []
    template_name = "recommender/api_docs.html"
    url_name = "api:schema"
    title = "API"

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            return problems.plain_answer(405, "This page can only be read: GET it.", Allow="GET, HEAD")
        return super().dispatch(request, *args, **kwargs)
