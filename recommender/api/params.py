"""Query parameters, each checked and named in what is said about it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from rest_framework.request import Request

from recommender.data import filters
from recommender.data.filters import Condition
from recommender.exceptions import BadInput
from recommender.models.fields import CLIENT_ID_MESSAGE, CLIENT_ID_PATTERN
from recommender.selectors.filtering import item_attributes

EVERYWHERE = {"catalog", "format"}


def only(request: Request, *known: str, prefixes: tuple[str, ...] = (), advice: str = "") -> None:
    """Refuse parameters nobody reads: a misspelt one would otherwise be ignored in silence. `advice` says what to do
    where the address takes none."""
    for name, value in ((name, value) for name, values in request.query_params.lists() for value in values):
        if name not in EVERYWHERE and name not in known and not name.startswith(prefixes or ("\x00",)):
            listed = ", ".join([*known, *(f"{prefix}*" for prefix in prefixes)]) or "none"
            said = advice or f"Known: {listed}."
            raise BadInput(f"There is no parameter “{name[:50]}” here. {said}", field=name[:50])
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


def share(request: Request, name: str) -> float:
    """A number from 0 to 1; 0 where it is not given."""
    text = request.query_params.get(name, "0")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{0,9})?|\.[0-9]{1,9}", text) or float(text) > 1:
        raise BadInput(f"{name} must be a number from 0 to 1, such as 0.3.", field=name)
    return float(text)


def condition(texts: Sequence[str], catalog_id: int) -> Condition | None:
    """What `filter` says: one condition in the language of docs/filter.md; or `category:NAME`, several times for “any
    of these”."""
    if not texts:
        return None
    plain = [text.partition(":")[2] for text in texts if text.startswith("category:")]
    if len(plain) == len(texts):
        return any_category(plain)
    if len(texts) > 1:
        raise BadInput("Give one filter; join several conditions by “and” or “or”.", field="filter")
    return filters.read(texts[0], item_attributes(catalog_id) if "attribute" in texts[0].lower() else {})


def any_category(names: Sequence[str]) -> Condition | None:
    """Any of these categories; None for none."""
    if any(not name or len(name) > 200 for name in names):
        raise BadInput("After category: comes a name of 1 to 200 characters.", field="filter")
    if len(names) > 50:
        raise BadInput("At most 50 filters in one call.", field="filter")
    return filters.Comparison("category", "list", "in", tuple(dict.fromkeys(names))) if names else None


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
