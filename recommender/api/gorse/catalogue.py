"""Gorse's users and items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from recommender.api.base import EDIT, READ, SEND
from recommender.api.gorse import shapes
from recommender.api.gorse.base import GorseView, affected, page
from recommender.api.serializers import ItemSerializer, UserSerializer
from recommender.api.views.catalogue import MOST_ROWS, checked, rows_of
from recommender.exceptions import BadInput
from recommender.selectors import serving as select
from recommender.services import catalogue, erasure


class Users(GorseView):
    """`user` takes one, `users` a list and gives pages; what is there already is changed."""

    needs = {"GET": READ, "POST": SEND}

    def get(self, request: Request) -> Response:
        return page(request, select.users_of(self.catalog.pk), "Users", shapes.user_document)

    def post(self, request: Request) -> Response:
        rows = _rows(request.data, shapes.user_row, UserSerializer())
        catalogue.save_users(catalog=self.catalog, rows=rows)
        return affected(len(rows))


class User(GorseView):
    needs = {"GET": READ, "PATCH": EDIT, "DELETE": EDIT}

    def get(self, request: Request, id: str) -> Response:
        return Response(shapes.user_document(self.user(id)))

    def patch(self, request: Request, id: str) -> Response:
        row = self.user(id)
        given = _object(request.data)
        changes = shapes.user_row({"UserId": id, **{name: each for name, each in given.items() if each is not None}})
        attributes = (
            changes["attributes"] if given.get("Labels") is not None else row.attributes | changes["attributes"]
        )
        catalogue.change(row=row, changes=checked(UserSerializer(partial=True), {"attributes": attributes}))
        return affected(1)

    def delete(self, request: Request, id: str) -> Response:
        erasure.erase(catalog=self.catalog, user_ids=[self.user(id).pk])
        return affected(1)


class Items(GorseView):
    """`item` takes one, `items` a list and gives pages (`q`: words of the title); what is there already is changed."""

    needs = {"GET": READ, "POST": SEND}

    def get(self, request: Request) -> Response:
        rows = select.items_of(self.catalog.pk)
        if words := request.query_params.get("q", "").replace("\x00", ""):
            rows = rows.filter(title__icontains=words[:200])
        return page(request, rows, "Items", shapes.item_document)

    def post(self, request: Request) -> Response:
        rows = _rows(request.data, shapes.item_row, ItemSerializer())
        catalogue.save_items(catalog=self.catalog, rows=rows)
        return affected(len(rows))


class Item(GorseView):
    needs = {"GET": READ, "PATCH": EDIT, "DELETE": EDIT}

    def get(self, request: Request, id: str) -> Response:
        return Response(shapes.item_document(self.item(id)))

    def patch(self, request: Request, id: str) -> Response:
        row = self.item(id)
        given = shapes.item_row(_object(request.data) | {"ItemId": id})
        if "attributes" in given and request.data.get("Labels") is None:
            given["attributes"] = row.attributes | given["attributes"]
        changes = checked(ItemSerializer(partial=True), given)
        changes.pop("client_id")
        catalogue.change(row=row, changes=changes)
        return affected(1)

    def delete(self, request: Request, id: str) -> Response:
        catalogue.delete_item(item=self.item(id))
        return affected(1)


class ItemCategory(GorseView):
    """Puts an item into a category, or takes it out."""

    needs = {"PUT": EDIT, "DELETE": EDIT}

    def put(self, request: Request, id: str, category: str) -> Response:
        row = self.item(id)
        return self._set(row, [*row.categories, *({category} - set(row.categories))])

    def delete(self, request: Request, id: str, category: str) -> Response:
        row = self.item(id)
        return self._set(row, [each for each in row.categories if each != category])

    def _set(self, row: Any, categories: list[str]) -> Response:
        changes = checked(ItemSerializer(partial=True), {"categories": categories})
        catalogue.change(row=row, changes=changes)
        return affected(1)


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise BadInput("The body must be one JSON object.", field="body")
    return data


def _rows(data: Any, shape: Callable[[Any], dict[str, Any]], serializer: Any) -> Sequence[dict[str, Any]]:
    """The checked rows of a body that is one object or a list of them; of equal ids the last counts."""
    given = [data] if isinstance(data, dict) else rows_of(data, MOST_ROWS)
    rows = [checked(serializer, shape(_object(each))) for each in given]
    return list({row["client_id"]: row for row in rows}.values())
