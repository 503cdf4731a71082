"""The short way to recommendations for clients with a key: most answers were made before and are still true.

One statement says whose key it is and on what the answer depends; one round trip to Redis counts the call, finds the
answer and leaves the impression. Where nothing is kept, the answer is made here all the same. Whatever is out of the
ordinary (no key, one that is not known, another method, a login) goes the framework's way, which says what is wrong.
"""

from __future__ import annotations

import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from recommender.api import problems
from recommender.api.authentication import META
from recommender.api.throttling import call_of, left_of
from recommender.data.readers.values import is_client_id
from recommender.selectors import hot
from recommender.services import answers, keys, loaded, serving

Asked = Callable[[Any, int, str], serving.Question]
ANYTHING = ("*/*", "application/json", "application/*")


def recommendations(request: HttpRequest, user: str, asked: Asked) -> HttpResponseBase | None:
    """The answer; None for a call that must go the long way. `asked(request, catalog_id, user)` reads the address."""
    secret = request.META.get(META)
    if secret is None or request.method != "GET" or not _takes_json(request):
        return None
    prefix = keys.prefix_of(secret)
    standing = hot.standing(prefix, user) if prefix and is_client_id(user) else None
    if standing is None or not hmac.compare_digest(standing.digest, keys.digest(secret)):
        return None
    query = request.META.get("QUERY_STRING", "")
    if "catalog" in query or "format" in query:
        return None
    keys.note_use(key_id=standing.key_id, last_used=standing.last_used)
    call = call_of(f"key:{standing.key_id}", "key")
    slot = _slot(standing, query)
    recommendation_id = uuid.uuid4()
    found = answers.take(call, slot, recommendation_id, time.time())
    if found == answers.TOO_MANY:
        return problems.too_many(left_of(call.seconds))
    if isinstance(found, bytes):
        return _sent(recommendation_id, found, "hit")
    return _made(request, asked, standing.catalog_id, user, slot)


def _takes_json(request: HttpRequest) -> bool:
    accept = request.META.get("HTTP_ACCEPT", "*/*")
    return any(kind in accept for kind in ANYTHING)


def _slot(standing: hot.Standing, query: str) -> answers.Slot | None:
    if standing.person_id is None or standing.run_id is None:
        return None
    run_id = loaded.answering(standing.catalog_id, standing.run_id)
    path = loaded.path(run_id)
    label = answers.label_of(run_id=run_id, path=path, version=standing.version, mark=standing.mark)
    return answers.Slot(standing.catalog_id, standing.person_id, label, answers.asked_of(query))


def _made(
    request: HttpRequest, asked: Asked, catalog_id: int, user: str, slot: answers.Slot | None
) -> HttpResponseBase:
    """An answer made now; kept under the label of what it was made from."""
    request.query_params = request.GET  # type: ignore[attr-defined]  # as the framework's own requests have it
    try:
        answer = serving.recommend(asked(request, catalog_id, user))
    except Exception as error:
        return problems.rendered(problems.handler(error, {"request": request}))
    document = serving.as_document(answer)
    del document["recommendation_id"]
    rest = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()[1:]
    if answer.label and slot is not None:
        answers.keep(slot._replace(label=answer.label), impression=answer.impression, rest=rest)
    return _sent(answer.recommendation_id, rest, "fwd=miss")


def _sent(recommendation_id: uuid.UUID, rest: bytes, cache: str) -> HttpResponse:
    body = b'{"recommendation_id":"%s",%s' % (str(recommendation_id).encode(), rest)
    return HttpResponse(body, content_type="application/json", headers={"Cache-Status": f"recsite; {cache}"})
