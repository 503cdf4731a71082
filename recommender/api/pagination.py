"""Cursor pages: a page goes on where the last one ended, however much was added meanwhile."""

from __future__ import annotations

import base64
import re
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from recommender.api import params
from recommender.exceptions import BadInput

LIMIT, MOST = 100, 1000


def page(request: Request, rows: QuerySet[Any], *, newest_first: bool = False) -> tuple[list[Any], str | None]:
    """The rows of this page by database key, and the address of the next one (None on the last)."""
    limit = params.number(request, "limit", LIMIT, 1, MOST)
    found, following = cut(rows, request.query_params.get("cursor"), limit, newest_first=newest_first)
    if following is None:
        return found, None
    query = request.query_params.copy()
    query["cursor"] = following
    return found, request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def cut(
    rows: QuerySet[Any], cursor: str | None, limit: int, *, newest_first: bool = False
) -> tuple[list[Any], str | None]:
    """At most `limit` rows after `cursor` by database key, and the next cursor (None on the last page)."""
    after = _decoded(cursor)
    if after is not None:
        rows = rows.filter(pk__lt=after) if newest_first else rows.filter(pk__gt=after)
    found = list(rows.order_by("-pk" if newest_first else "pk")[: limit + 1])
    return found[:limit], _encoded(found[limit - 1].pk) if len(found) > limit else None


def _encoded(key: int) -> str:
    return base64.urlsafe_b64encode(f"after {key}".encode()).decode().rstrip("=")


def _decoded(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    try:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cursor):
            raise ValueError(cursor)
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        word, _, key = text.partition(" ")
        if word != "after" or not key.isascii() or not key.isdigit() or len(key) > 18:
            raise ValueError(text)
    except ValueError:
        message = "This cursor is not one that was handed out. Take the address in `next` of the page before."
        raise BadInput(message, field="cursor") from None
    return int(key)
