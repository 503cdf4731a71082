"""Events in, recommendations out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError

from recommender.api import params, quick
from recommender.api.base import READ, SEND, ApiView
from recommender.api.documents import LIST
from recommender.api.problems import Problem
from recommender.api.serializers import (
    WITHOUT_NUMBER,
    AnswerSerializer,
    EventsAnswerSerializer,
    EventSerializer,
    ListSerializer,
    SimilarSerializer,
)
from recommender.api.views.catalogue import MOST_ROWS, rejection, rows_of
from recommender.exceptions import BadInput
from recommender.selectors import serving as select
from recommender.services import feedback, serving

MOST_ITEMS, FURTHEST = 500, 10_000
MOST_CONTEXT = 20


class Events(ApiView):
    needs = {"POST": SEND}

    @extend_schema(
        tags=["events"],
        operation_id="events_send",
        summary="What people did: one event, or a list of up to 10,000",
        description="Good rows are taken and bad ones told, in one transaction. An `event_id` that was sent before is "
        "counted as a duplicate. A row without one is the same row again if user, item, kind, value and time are equal."
        " People and items not yet known are made bare, unless the key forbids it.",
        request=EventSerializer(many=True),
        responses=EventsAnswerSerializer,
    )
    def post(self, request: Request) -> Response:
        params.only(request)
        rows = [request.data] if isinstance(request.data, dict) else rows_of(request.data, MOST_ROWS)
        events, rejected = checked_events(rows)
        creates = request.auth.creates_unknown
        taken = feedback.record(catalog=self.catalog, events=events, creates_unknown=creates)
        rejected += [each._asdict() for each in taken.rejected]
        rejected.sort(key=lambda each: each["index"])
        return Response({"accepted": taken.accepted, "duplicate": taken.duplicate, "rejected": rejected})


def checked_events(rows: Any) -> tuple[list[tuple[int, feedback.Event]], list[dict[str, Any]]]:
    """The events that can be taken, each with its index, and why the others cannot."""
    serializer, now = EventSerializer(), timezone.now()
    events, rejected = [], []
    for index, row in enumerate(rows):
        try:
            given = serializer.run_validation(row)
        except ValidationError as error:
            rejected.append(rejection(index, error))
            continue
        kind = "view" if given.get("value") is None else "rating"
        event = {"value": None, "kind": kind, "time": now} | dict(given)
        if event["kind"] == "rating" and event["value"] is None:
            rejected.append({"index": index, "field": "value", "message": WITHOUT_NUMBER})
        else:
            events.append((index, feedback.Event(**event)))
    return events, rejected


class Recommendations(ApiView):
    needs = {"GET": READ}

    @extend_schema(
        tags=["recommendations"],
        operation_id="users_recommendations",
        summary="Items for one person, best first",
        description="People of whom nothing is known get popular items, and the reason says so; then `run` is null.",
        parameters=[
            *LIST,
            OpenApiParameter("run", OpenApiTypes.INT, description="Another finished run than the deployed one."),
            OpenApiParameter("profiling", enum=["on", "off"], description="off: a list not based on the person."),
            OpenApiParameter("context.*", description="What is known of the moment, such as context.weather=rain."),
        ],
        responses=AnswerSerializer,
    )
    def get(self, request: Request, id: str) -> Response:
        return Response(serving.as_document(serving.recommend(_asked(request, self.catalog.pk, id))))

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return quick.recommendations(request, kwargs["id"], _asked) or super().dispatch(request, *args, **kwargs)


def _asked(request: Any, catalog_id: int, user: str) -> serving.Question:
    """What an address asks for. Raises BadInput naming the parameter."""
    params.only(request, "n", "offset", "filter", "diversity", "exclude", "run", "profiling", prefixes=("context.",))
    return _question(
        catalog_id,
        request,
        user=params.client_id(user, "user"),
        run=params.optional_number(request, "run"),
        context=context_of(request),
        profiled=params.choice(request, "profiling", ("on", "off"), "on") == "on",
    )


def _question(catalog_id: int, request: Request, *, user: str = "", **more: Any) -> serving.Question:
    return serving.Question(
        catalog_id,
        user,
        n=params.number(request, "n", 10, 1, MOST_ITEMS),
        offset=params.number(request, "offset", 0, 0, FURTHEST),
        condition=params.condition(request.query_params.getlist("filter"), catalog_id),
        diversity=params.share(request, "diversity"),
        excluded=params.excluded(request),
        **more,
    )


def context_of(request: Request) -> Mapping[str, str]:
    """What the address says of the moment. Raises BadInput."""
    found = {}
    for name, value in request.query_params.items():
        if not name.startswith("context."):
            continue
        if not 8 < len(name) <= 72 or len(value) > 500:
            raise BadInput("Names in the context have 1 to 64 characters, values up to 500.", field=name[:72])
        found[name.removeprefix("context.")] = value
    if len(found) > MOST_CONTEXT:
        raise BadInput(f"At most {MOST_CONTEXT} pieces of context in one call.", field="context")
    return found


class Popular(ApiView):
    needs = {"GET": READ}

    @extend_schema(
        tags=["recommendations"],
        operation_id="popular",
        summary="Items that most people met; the score is how many",
        parameters=LIST,
        responses=ListSerializer,
    )
    def get(self, request: Request) -> Response:
        params.only(request, "n", "offset", "filter", "diversity", "exclude")
        question = _question(self.catalog.pk, request)
        return Response({"items": _ranked(serving.popular_items(question), question)})


class Latest(ApiView):
    needs = {"GET": READ}

    @extend_schema(
        tags=["recommendations"],
        operation_id="latest",
        summary="Items that came out last; the score is the day, counted from 1970-01-01",
        description="The day of release, else the first of the year, else when someone first met the item, else when "
        "it came into the catalog.",
        parameters=LIST,
        responses=ListSerializer,
    )
    def get(self, request: Request) -> Response:
        params.only(request, "n", "offset", "filter", "diversity", "exclude")
        question = _question(self.catalog.pk, request)
        return Response({"items": _ranked(serving.latest_items(question), question)})


class Similar(ApiView):
    needs = {"GET": READ}

    @extend_schema(
        tags=["recommendations"],
        operation_id="items_similar",
        summary="Items met by the same people, or described alike; the score is a cosine",
        parameters=[
            *LIST,
            OpenApiParameter(
                "by",
                enum=[serving.TOGETHER, serving.TEXT],
                description="together: the people who met both. text: what is said of both. Without it: together, or "
                "text where nobody met the item and another.",
            ),
        ],
        responses=SimilarSerializer,
    )
    def get(self, request: Request, id: str) -> Response:
        params.only(request, "n", "offset", "filter", "diversity", "exclude", "by")
        by = params.choice(request, "by", (serving.TOGETHER, serving.TEXT), "") if "by" in request.query_params else ""
        question = _question(self.catalog.pk, request)
        item = select.items_of(self.catalog.pk).filter(client_id=params.client_id(id)).first()
        if item is None:
            raise Problem(404, f"There is no item “{id}” in this catalog.", field="id")
        by, places = serving.similar_by(question, item_id=item.pk, by=by)
        return Response({"item": id, "by": by, "items": _ranked(places, question)})


def _ranked(places: list[serving.Place], question: serving.Question) -> list[dict[str, Any]]:
    return [
        {"item": place.item.client_id, "rank": question.offset + at, "score": place.score}
        for at, place in enumerate(places, start=1)
    ]
