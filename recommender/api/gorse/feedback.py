"""Gorse's feedback: what people did, one of a type between a person and an item."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from recommender.api.base import EDIT, READ, SEND
from recommender.api.gorse import shapes
from recommender.api.gorse.base import GorseView, affected, page
from recommender.api.problems import Problem
from recommender.api.views.catalogue import MOST_ROWS, rows_of
from recommender.api.views.serving import checked_events
from recommender.exceptions import BadInput
from recommender.models import Interaction
from recommender.selectors import feedback as select
from recommender.services import feedback

MOST_LISTED = 10_000
"""Feedback of one person or item in one answer: a popular item has millions, and Gorse's call knows no pages."""


class FeedbackOfType(GorseView):
    needs = {"GET": READ}

    def get(self, request: Request, kind: str | None = None) -> Response:
        return page(request, select.interactions(self.catalog.pk, kind=kind), "Feedback", shapes.feedback_document)


class FeedbackList(FeedbackOfType):
    """POST leaves a feedback that is there as it is, PUT writes it anew."""

    needs = {"GET": READ, "POST": SEND, "PUT": SEND}

    def post(self, request: Request) -> Response:
        return affected(self._taken(events_of(request.data)))

    def put(self, request: Request) -> Response:
        events = events_of(request.data)
        with transaction.atomic():  # what was there stays where what comes instead cannot be taken
            for _, event in events:
                feedback.withdraw(catalog=self.catalog, user=event.user, item=event.item, kind=event.kind)
            return affected(self._taken(events))

    @transaction.atomic
    def _taken(self, events: list[tuple[int, feedback.Event]]) -> int:
        """Writes all or none: Gorse knows no half success. Raises BadInput at the first that cannot be taken."""
        creates = self.request.auth.creates_unknown
        taken = feedback.record(catalog=self.catalog, events=events, creates_unknown=creates)
        if taken.rejected:
            raise BadInput(taken.rejected[0].message, field=taken.rejected[0].field)
        return taken.accepted


class FeedbackOf(GorseView):
    """Everything between a person and an item."""

    needs = {"GET": READ, "DELETE": EDIT}

    def get(self, request: Request, user: str, item: str) -> Response:
        rows = select.interactions(self.catalog.pk, user=user, item=item)
        return Response([shapes.feedback_document(row) for row in rows])

    def delete(self, request: Request, user: str, item: str) -> Response:
        return affected(feedback.withdraw(catalog=self.catalog, user=user, item=item))


class OneFeedback(GorseView):
    needs = {"GET": READ, "DELETE": EDIT}

    def get(self, request: Request, kind: str, user: str, item: str) -> Response:
        found = select.interactions(self.catalog.pk, user=user, item=item, kind=kind).first()
        if found is None:
            raise Problem(404, "There is no such feedback.")
        return Response(shapes.feedback_document(found))

    def delete(self, request: Request, kind: str, user: str, item: str) -> Response:
        return affected(feedback.withdraw(catalog=self.catalog, user=user, item=item, kind=kind))


class UserFeedback(GorseView):
    needs = {"GET": READ}

    def get(self, request: Request, id: str, kind: str | None = None) -> Response:
        return listed(select.interactions(self.catalog.pk, user=self.user(id).client_id, kind=kind))


class ItemFeedback(GorseView):
    needs = {"GET": READ}

    def get(self, request: Request, id: str, kind: str | None = None) -> Response:
        return listed(select.interactions(self.catalog.pk, item=self.item(id).client_id, kind=kind))


def listed(rows: QuerySet[Interaction]) -> Response:
    """The latest that came in, at most MOST_LISTED, oldest first."""
    latest = list(rows.order_by("-id")[:MOST_LISTED])
    return Response([shapes.feedback_document(row) for row in reversed(latest)])


def events_of(data: Any, *, user: str | None = None) -> list[tuple[int, feedback.Event]]:
    """The events of a body, all of them `user`'s where that is given. Raises BadInput at the first that cannot be
    taken: Gorse knows no half success."""
    given = [data] if isinstance(data, dict) else rows_of(data, MOST_ROWS)
    if not all(isinstance(each, dict) for each in given):
        raise BadInput("The body must be a JSON list of feedback.", field="body")
    whose = {} if user is None else {"UserId": user}
    events, rejected = checked_events([shapes.event_row(each | whose) for each in given])
    if rejected:
        raise BadInput(f"Feedback {rejected[0]['index']}: {rejected[0]['message']}", field=rejected[0]["field"])
    return events
