"""What every request carries along: an id for the log, its counters, and who asks."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from recommender import logs
from recommender.acting import Actor, acting
from recommender.metrics import LATENCY, REQUESTS

Answer = Callable[[HttpRequest], HttpResponse]
ID_HEADER = "X-Request-Id"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def counted_and_named(answer: Answer) -> Answer:
    """Take over or make the request's id, give it back, have every line of the log carry it; count and time."""

    def answered(request: HttpRequest) -> HttpResponse:
        began, name = time.perf_counter(), logs.request_id(request.headers.get(ID_HEADER))
        with logs.bound(request_id=name):
            given = answer(request)
        given[ID_HEADER] = name
        route = route_of(request)
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(route, method, str(given.status_code)).inc()
        LATENCY.labels(route).observe(time.perf_counter() - began)
        return given

    return answered


def route_of(request: HttpRequest) -> str:
    """The pattern of the address, not the address: that would name people, and be a new series each."""
    found = request.resolver_match
    return f"/{found.route}" if found and found.route else "/" if found else "none"


def whoever_asks(answer: Answer) -> Answer:
    """The request's login acts until it is answered; an API key says so itself when it is recognised."""

    def answered(request: HttpRequest) -> HttpResponse:
        with acting(lambda: Actor(request.user.get_username(), way_of(request.path))):
            return answer(request)

    return answered


def way_of(path: str) -> str:
    """The way that somebody came, by the address."""
    return {"api": "API", "admin": "admin"}.get(path.split("/")[1] if path.startswith("/") else "", "page")
