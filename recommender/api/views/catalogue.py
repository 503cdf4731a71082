"""People and items by the client's own ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from recommender.api import pagination, params
from recommender.api.base import EDIT, READ, SEND, ApiView
from recommender.api.documents import PAGE, item_document, page_of, user_document
from recommender.api.problems import Problem, flatten, summary
from recommender.api.serializers import BulkAnswerSerializer, ItemSerializer, UserSerializer
from recommender.exceptions import BadInput
from recommender.models import EndUser, Item
from recommender.selectors import serving as select
from recommender.services import catalogue, erasure

MOST_ROWS = 10_000


class _Users(ApiView):
    word = "user"
    serializer: ClassVar[Any] = UserSerializer
    document: Callable[[Any], dict[str, Any]] = staticmethod(user_document)
    save: Callable[..., catalogue.Saved] = staticmethod(catalogue.save_users)
    create: Callable[..., Any] = staticmethod(catalogue.create_user)

    def rows(self) -> QuerySet[EndUser]:
        return select.users_of(self.catalog.pk)

    def remove(self, row: EndUser) -> None:
        erasure.erase(catalog=self.catalog, user_ids=[row.pk])


class _Items(ApiView):
    word = "item"
    serializer: ClassVar[Any] = ItemSerializer
    document: Callable[[Any], dict[str, Any]] = staticmethod(item_document)
    save: Callable[..., catalogue.Saved] = staticmethod(catalogue.save_items)
    create: Callable[..., Any] = staticmethod(catalogue.create_item)

    def rows(self) -> QuerySet[Item]:
        return select.items_of(self.catalog.pk)

    def remove(self, row: Item) -> None:
        catalogue.delete_item(item=row)


class _List(ApiView):
    needs = {"GET": READ, "POST": SEND}

    def get(self, request: Request) -> Response:
        params.only(request, "cursor", "limit")
        rows, following = pagination.page(request, self.rows())
        return Response({"results": [self.document(row) for row in rows], "next": following})

    def post(self, request: Request) -> Response:
        params.only(request)
        made = self.create(catalog=self.catalog, row=checked(self.serializer(), request.data))
        return Response(self.document(made), status=201)


class _Detail(ApiView):
    needs = {"GET": READ, "PATCH": EDIT, "DELETE": EDIT}

    def found(self, id: str) -> Any:
        row = self.rows().filter(client_id=params.client_id(id)).first()
        if row is None:
            raise Problem(404, f"There is no {self.word} “{id}” in this catalog.", field="id")
        return row

    def get(self, request: Request, id: str) -> Response:
        params.only(request)
        return Response(self.document(self.found(id)))

    def patch(self, request: Request, id: str) -> Response:
        params.only(request)
        row = self.found(id)
        changes = checked(self.serializer(partial=True), request.data)
        if changes.pop("client_id", id) != id:
            raise BadInput("An id cannot be changed. Leave it out, or send a new one to the list.", field="id")
        return Response(self.document(catalogue.change(row=row, changes=changes)))

    def delete(self, request: Request, id: str) -> Response:
        params.only(request)
        self.remove(self.found(id))
        return Response(status=204)


class _Bulk(_Detail):
    """`…/bulk/` takes many by POST; the other methods still reach a row whose id is “bulk”."""

    needs = _Detail.needs | {"POST": SEND}

    def post(self, request: Request, id: str) -> Response:
        params.only(request)
        good, rejected = _sorted_out(self.serializer(), rows_of(request.data, MOST_ROWS))
        saved = self.save(catalog=self.catalog, rows=good)
        return Response({"accepted": len(good), **saved._asdict(), "rejected": rejected})


def checked(serializer: Any, data: Any) -> dict[str, Any]:
    """The one object of a body. Raises BadInput, or the framework's ValidationError naming fields."""
    if not isinstance(data, dict):
        raise BadInput("The body must be one JSON object.", field="body")
    return dict(serializer.run_validation(data))


def rows_of(data: Any, most: int) -> Sequence[Any]:
    """The rows of a call that takes many: a JSON list, not empty, not too long."""
    if not isinstance(data, list) or not data:
        raise BadInput("The body must be a JSON list of at least one object.", field="body")
    if len(data) > most:
        raise BadInput(f"At most {most:,} rows in one call; this has {len(data):,}. Send several.", field="body")
    return data


def _sorted_out(serializer: Any, rows: Sequence[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows that can be taken, and why the others cannot."""
    good: dict[str, dict[str, Any]] = {}
    rejected = []
    for index, row in enumerate(rows):
        try:
            found = serializer.run_validation(row)
        except ValidationError as error:
            rejected.append(rejection(index, error))
            continue
        if found["client_id"] in good:
            message = f"The id “{found['client_id']}” came earlier in this call; the first was taken."
            rejected.append({"index": index, "field": "id", "message": message})
        else:
            good[found["client_id"]] = dict(found)
    return list(good.values()), rejected


def rejection(index: int, error: ValidationError) -> dict[str, Any]:
    """A row's first fault, and how many more there are."""
    faults = list(flatten(error.detail))
    message = summary([{**faults[0], "field": ""}, *faults[1:]])
    return {"index": index, "field": faults[0]["field"], "message": message}


ERASE = "Interactions, impressions, cached state and rows of metrics go with the person, at once."
MERGE = "What is not given or null stays as it is, attributes are merged; to clear something, PATCH it."
HIDE = "To keep what people did, hide it instead: PATCH with hidden: true."
ELSEWHERE = {method: extend_schema(exclude=True) for method in ("get", "patch", "delete")}


def described(name: str, summary: str, request: Any, responses: Any, **more: Any) -> Any:
    """The OpenAPI words of one method; the part of `name` before the dot groups them."""
    tag, _, verb = name.partition(".")
    about = {"tags": [tag], "operation_id": f"{tag}_{verb}", "summary": summary}
    return extend_schema(**about, request=request, responses=responses, **more)


@extend_schema_view(
    get=described("users.list", "People, a page at a time", None, page_of(UserSerializer), parameters=PAGE),
    post=described("users.create", "A new person", UserSerializer, {201: UserSerializer}),
)
class UserList(_Users, _List):
    pass


@extend_schema_view(
    get=described("users.read", "One person", None, UserSerializer),
    patch=described("users.change", "Change a person", UserSerializer, UserSerializer),
    delete=described("users.erase", "Erase a person and all traces", None, {204: None}, description=ERASE),
)
class UserDetail(_Users, _Detail):
    pass


@extend_schema_view(
    post=described(
        "users.bulk", "Up to 10,000 people", UserSerializer(many=True), BulkAnswerSerializer, description=MERGE
    ),
    **ELSEWHERE,
)
class UserBulk(_Users, _Bulk):
    pass


@extend_schema_view(
    get=described("items.list", "Items, a page at a time", None, page_of(ItemSerializer), parameters=PAGE),
    post=described("items.create", "A new item", ItemSerializer, {201: ItemSerializer}),
)
class ItemList(_Items, _List):
    pass


@extend_schema_view(
    get=described("items.read", "One item", None, ItemSerializer),
    patch=described("items.change", "Change an item", ItemSerializer, ItemSerializer),
    delete=described(
        "items.delete", "Delete an item and every interaction with it", None, {204: None}, description=HIDE
    ),
)
class ItemDetail(_Items, _Detail):
    pass


@extend_schema_view(
    post=described(
        "items.bulk", "Up to 10,000 items", ItemSerializer(many=True), BulkAnswerSerializer, description=MERGE
    ),
    **ELSEWHERE,
)
class ItemBulk(_Items, _Bulk):
    pass
