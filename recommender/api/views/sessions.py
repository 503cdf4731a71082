"""People of whom nothing is stored, and people who are like others."""

from __future__ import annotations

import time
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from recommender.api import params
from recommender.api.base import READ, ApiView
from recommender.api.documents import LIST
from recommender.api.problems import Problem
from recommender.api.serializers import SessionAnswerSerializer, SessionSerializer, SimilarPeopleSerializer
from recommender.api.views.catalogue import checked
from recommender.data.support import Given
from recommender.exceptions import BadInput
from recommender.selectors import serving as select
from recommender.services import serving, sessions

MOST_CONTEXT = 20


class SessionRecommendations(ApiView):
    needs = {"POST": READ}

    @extend_schema(
        tags=["recommendations"],
        operation_id="sessions_recommendations",
        summary="Items for someone unknown, from the few things they did",
        description="Nothing of it is stored: neither the events nor the list. A recommender that adapts does so to "
        "these events and attributes. The answer says how many events it `used` and names what it did not take as it "
        "stood; of someone of whom nothing is said we know only what is popular.",
        request=SessionSerializer,
        responses=SessionAnswerSerializer,
    )
    def post(self, request: Request) -> Response:
        params.only(request, advice="It goes into the body, beside events.")
        given = checked(SessionSerializer(), request.data)
        answer, found = sessions.recommend_for(_question(self.catalog.pk, given), _met(given["events"]))
        document = serving.as_document(answer) | found.told()
        del document["user"]
        return Response(document)


def _question(catalog_id: int, given: dict[str, Any]) -> serving.Question:
    return serving.Question(
        catalog_id,
        "",
        n=given.get("n", 10),
        offset=given.get("offset", 0),
        condition=params.condition([given["filter"]] if given.get("filter") else [], catalog_id),
        diversity=given.get("diversity", 0.0),
        excluded=frozenset(given.get("exclude", [])),
        run=given.get("run"),
        context=_context(given.get("context") or {}),
        attributes=given.get("attributes") or {},
        noted=False,
    )


def _context(given: dict[str, Any]) -> dict[str, str]:
    if len(given) > MOST_CONTEXT:
        raise BadInput(f"At most {MOST_CONTEXT} pieces of context in one call.", field="context")
    for name, value in given.items():
        if not isinstance(value, str) or not 1 <= len(name) <= 64 or len(value) > 500:
            raise BadInput("Names in the context have 1 to 64 characters, values are texts up to 500.", field="context")
    return given


def _met(events: list[dict[str, Any]]) -> list[Given]:
    """Without times, events happened one after the other up to now."""
    now = time.time() - len(events)
    found = []
    for at, event in enumerate(events):
        value, given = event.get("value"), event.get("time")
        kind = event.get("kind") or ("view" if value is None else "rating")
        found.append(Given(event["item"], kind, value, now + at if given is None else given.timestamp()))
    return found


class SimilarPeople(ApiView):
    needs = {"GET": READ}

    @extend_schema(
        tags=["recommendations"],
        operation_id="users_similar",
        summary="People who met the same items; the score is a cosine",
        description="Of the 300 people who have most items in common with the person's latest 500.",
        parameters=LIST[:2],
        responses=SimilarPeopleSerializer,
    )
    def get(self, request: Request, id: str) -> Response:
        params.only(request, "n", "offset")
        n, offset = params.number(request, "n", 10, 1, 500), params.number(request, "offset", 0, 0, 10_000)
        person = select.users_of(self.catalog.pk).filter(client_id=params.client_id(id)).first()
        if person is None:
            raise Problem(404, f"There is no user “{id}” in this catalog.", field="id")
        found = serving.similar_people(catalog_id=self.catalog.pk, user_id=person.pk, n=n, offset=offset)
        rows = [{"user": user, "rank": offset + at, "score": score} for at, (user, score) in enumerate(found, start=1)]
        return Response({"user": id, "users": rows})
