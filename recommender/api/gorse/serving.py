"""Gorse's lists: recommendations, what is popular, what is like an item."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from recommender.api import params
from recommender.api.base import READ, SEND
from recommender.api.gorse.base import FURTHEST, MOST, GorseView
from recommender.api.gorse.feedback import events_of
from recommender.data.support import Given
from recommender.services import feedback, serving, sessions


class Recommend(GorseView):
    """Ids, or ids with scores where the header says X-API-Version: 2; `write-back-type` notes them as shown.

    As in Gorse a list without a deployed recommender is what is popular.
    """

    needs = {"GET": READ}

    def get(self, request: Request, id: str, category: str = "") -> Response:
        question = _question(self, request, category, user=params.client_id(id, "UserId"))
        answer = serving.recommend(question)
        if kind := request.query_params.get("write-back-type"):
            self._write_back(answer, kind)
        return _listed(request, [(each.item, each.score) for each in answer.items], scored_by_header=True)

    def _write_back(self, answer: serving.Answer, kind: str) -> None:
        """A key that may only read writes nothing back; nor does a login, which a link elsewhere could make ask."""
        if self.request.auth.key is None or not self.request.auth.meets(SEND):
            return
        now = timezone.now()
        shown = [feedback.Event(answer.user, each.item, kind.lower(), None, now) for each in answer.items]
        feedback.record(catalog=self.catalog, events=list(enumerate(shown)))


class Popular(GorseView):
    needs = {"GET": READ}

    def get(self, request: Request, category: str = "") -> Response:
        places = serving.popular_items(_question(self, request, category))
        return _listed(request, [(each.item.client_id, each.score) for each in places])


class Latest(GorseView):
    needs = {"GET": READ}

    def get(self, request: Request, category: str = "") -> Response:
        places = serving.latest_items(_question(self, request, category))
        return _listed(request, [(each.item.client_id, each.score) for each in places])


class SessionRecommend(GorseView):
    """What fits a few feedbacks of someone unknown; nothing of them is kept."""

    needs = {"POST": READ}

    def post(self, request: Request, category: str = "") -> Response:
        given = [
            Given(event.item, event.kind, event.value, event.time.timestamp())
            for _, event in events_of(request.data, user="session")
        ]
        answer, _ = sessions.recommend_for(_question(self, request, category), given)
        return _listed(request, [(each.item, each.score) for each in answer.items])


class UserNeighbors(GorseView):
    needs = {"GET": READ}

    def get(self, request: Request, id: str) -> Response:
        person = self.user(id)
        n, offset = params.number(request, "n", 10, 1, MOST), params.number(request, "offset", 0, 0, FURTHEST)
        return _listed(
            request, serving.similar_people(catalog_id=self.catalog.pk, user_id=person.pk, n=n, offset=offset)
        )


class ItemNeighbors(GorseView):
    needs = {"GET": READ}

    def get(self, request: Request, id: str, category: str = "") -> Response:
        item = self.item(id)
        places = serving.similar_items(_question(self, request, category), item_id=item.pk)
        return _listed(request, [(each.item.client_id, each.score) for each in places])


def _question(view: GorseView, request: Request, category: str, *, user: str = "") -> serving.Question:
    wanted = [category, *request.query_params.getlist("category")]
    return serving.Question(
        view.catalog.pk,
        user,
        n=params.number(request, "n", 10, 1, MOST),
        offset=params.number(request, "offset", 0, 0, FURTHEST),
        condition=params.any_category([name for each in wanted if (name := each.replace("\x00", "")[:200])][:50]),
    )


def _listed(request: Request, found: list[tuple[str, float]], *, scored_by_header: bool = False) -> Response:
    if scored_by_header and request.headers.get("X-API-Version") != "2":
        return Response([item for item, _ in found])
    return Response([{"Id": item, "Score": score} for item, score in found])
