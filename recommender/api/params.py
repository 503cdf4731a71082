"""Query parameters, each checked and named in what is said about it."""

from __future__ import annotations

import re
from collections.abc import Collection

from rest_framework.request import Request

from recommender.exceptions import BadInput
from recommender.models.fields import CLIENT_ID_MESSAGE, CLIENT_ID_PATTERN

EVERYWHERE = {"catalog", "format"}


def only(request: Request, *known: str, prefixes: tuple[str, ...] = ()) -> None:
    """Refuse parameters nobody reads: a misspelt one would otherwise be ignored in silence."""
    for name, value in ((name, value) for name, values in request.query_params.lists() for value in values):
        if name not in EVERYWHERE and name not in known and not name.startswith(prefixes or ("\x00",)):
            listed = ", ".join([*known, *(f"{prefix}*" for prefix in prefixes)]) or "none"
            raise BadInput(f"There is no parameter “{name[:50]}” here. Known: {listed}.", field=name[:50])
        if "\x00" in value or "\x00" in name:
            raise BadInput("A NUL character cannot be part of a value.", field=name.replace("\x00", "")[:50])


def number(request: Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text) or not low <= int(text) <= high:
        raise BadInput(f"{name} must be a whole number from {low} to {high:,}.", field=name)
    return int(text)


def optional_number(request: Request, name: str) -> int | None:
    if name not in request.query_params:
        return None
    return number(request, name, 0, 1, 2**53)


def choice(request: Request, name: str, allowed: Collection[str], default: str) -> str:
    text = request.query_params.get(name, default)
    if text not in allowed:
        raise BadInput(f"{name} must be one of: {', '.join(allowed)}.", field=name)
    return text


def categories(request: Request) -> tuple[str, ...]:
    """`filter=category:Comedy`, several times for “any of these”."""
    found = []
    for text in request.query_params.getlist("filter"):
        kind, _, name = text.partition(":")
        if kind != "category" or not name or len(name) > 200:
            message = "filter takes the form category:NAME, such as filter=category:Comedy; repeat it for several."
            raise BadInput(message, field="filter")
        found.append(name)
    if len(found) > 50:
        raise BadInput("At most 50 filters in one call.", field="filter")
    return tuple(dict.fromkeys(found))


def excluded(request: Request) -> frozenset[str]:
    """`exclude=a&exclude=b` or `exclude=a,b`. An id that holds a comma works too: the whole text is taken as well."""
    found: set[str] = set()
    for text in request.query_params.getlist("exclude"):
        found |= {text, *text.split(",")}
    found.discard("")
    if len(found) > 1000:
        raise BadInput("At most 1,000 ids can be excluded in one call.", field="exclude")
    return frozenset(found)


def client_id(value: str, field: str = "id") -> str:
    """A well-formed id. Raises BadInput."""
    # fullmatch, since "$" also matches before a final line break
    if not re.fullmatch(CLIENT_ID_PATTERN, value):
        raise BadInput(CLIENT_ID_MESSAGE, field=field)
    return value
