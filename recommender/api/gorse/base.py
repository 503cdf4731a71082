"""What Gorse's calls share: pages by n and cursor, affected rows, and no place in our own OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from recommender.api import pagination, params
from recommender.api.base import ApiView
from recommender.api.problems import Problem
from recommender.models import EndUser, Item
from recommender.selectors import serving as select

MOST, FURTHEST = 500, 10_000


class GorseView(ApiView):
    """Parameters that are not known here are passed over, as Gorse does."""

    schema = None

    def user(self, id: str) -> EndUser:
        found = select.users_of(self.catalog.pk).filter(client_id=params.client_id(id, "UserId")).first()
        if found is None:
            raise Problem(404, f"There is no user “{id}”.", field="UserId")
        return found

    def item(self, id: str) -> Item:
        found = select.items_of(self.catalog.pk).filter(client_id=params.client_id(id, "ItemId")).first()
        if found is None:
            raise Problem(404, f"There is no item “{id}”.", field="ItemId")
        return found


def page(request: Request, rows: QuerySet[Any], name: str, document: Callable[[Any], dict[str, Any]]) -> Response:
    """{"Cursor", name: […]}; the cursor is empty on the last page."""
    n = params.number(request, "n", 100, 1, pagination.MOST)
    found, following = pagination.cut(rows, request.query_params.get("cursor") or None, n)
    return Response({"Cursor": following or "", name: [document(row) for row in found]})


def affected(rows: int) -> Response:
    return Response({"RowAffected": rows})
