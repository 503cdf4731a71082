"""Whether this process lives, and whether it can answer: for whoever watches the processes. Open to all."""

from __future__ import annotations

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.http import require_safe

from recommender.services import memory


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "live"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """The database and Redis answer; 503 and which one, otherwise. Without Redis recommendations still work."""
    parts = {"database": _database(), "redis": memory.asking(lambda redis: bool(redis.ping()), False)}
    good = all(parts.values())
    words = {name: "ok" if works else "unreachable" for name, works in parts.items()}
    return JsonResponse({"status": "ready" if good else "not ready", **words}, status=200 if good else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() == (1,)
    except Error:
        return False


urlpatterns = [path("health/live", live, name="health-live"), path("health/ready", ready, name="health-ready")]
