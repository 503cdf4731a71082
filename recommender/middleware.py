"""What every request carries along: who asks."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from recommender.acting import Actor, acting

Answer = Callable[[HttpRequest], HttpResponse]


def whoever_asks(answer: Answer) -> Answer:
    """The request's login acts until it is answered; an API key says so itself when it is recognised."""

    def answered(request: HttpRequest) -> HttpResponse:
        with acting(lambda: Actor(request.user.get_username(), way_of(request.path))):
            return answer(request)

    return answered


def way_of(path: str) -> str:
    """The way that somebody came, by the address."""
    return {"api": "API", "admin": "admin"}.get(path.split("/")[1] if path.startswith("/") else "", "page")
