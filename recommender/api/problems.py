"""Errors as problem documents (RFC 9457) that name the field and say what to do."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response

from recommender.exceptions import BadInput, Conflict, NotTrainable, RecommenderError

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
UNEXPECTED = "Something went wrong on our side; it has been noted. Nothing was changed. Try again later."
UNREACHABLE = "The database cannot be reached at the moment. Try again in a few seconds."
BUSY = "Another call was changing the same rows. Nothing of this one was done; send it again."
MET_HEAD_ON = {"40001", "40P01", "55P03"}
"""PostgreSQL's serialization_failure, deadlock_detected and lock_not_available."""
OVERALL = {"non_field_errors", "detail", ""}


class Problem(exceptions.APIException):
    """A problem with its status, a sentence, and where it lies (`field`)."""

    def __init__(self, status: int, detail: str, *, field: str = "") -> None:
        super().__init__(detail)
        self.status_code = status
        self.field = field


def problem(status: int, detail: str, errors: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """The document. `errors` holds {"field", "message"} for each field at fault."""
    about = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return about | ({"errors": errors} if errors else {})


def answer(status: int, detail: str, errors: list[dict[str, str]] | None = None, **headers: str) -> Response:
    document = problem(status, detail, errors)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(document, status=status, headers=names, content_type=CONTENT_TYPE)


def handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Every exception of a view under /api/ as a problem document; what nobody expected is logged with its trace."""
    if isinstance(exc, Http404):
        return answer(404, "There is nothing at this address.")
    if isinstance(exc, PermissionDenied):
        return answer(403, str(exc) or "This is not allowed.")
    if isinstance(exc, exceptions.ValidationError):
        found = list(flatten(exc.detail))
        return answer(400, summary(found), found)
    if isinstance(exc, exceptions.APIException):
        return _of_framework(exc, context)
    if isinstance(exc, RecommenderError):
        return _of_ours(exc)
    if isinstance(exc, RequestDataTooBig):
        return answer(413, too_large())
    if isinstance(exc, SuspiciousOperation):
        return answer(400, "The request is not well-formed.")
    if isinstance(exc, OperationalError) and getattr(exc.__cause__, "sqlstate", None) in MET_HEAD_ON:
        return answer(409, BUSY, Retry_After="1")
    if isinstance(exc, OperationalError):
        logger.error("The database cannot be reached: %s", exc)
        return answer(503, UNREACHABLE, Retry_After="5")
    logger.exception("An answer failed", exc_info=exc)
    return answer(500, UNEXPECTED)


def _of_framework(exc: exceptions.APIException, context: Mapping[str, Any]) -> Response:
    headers = {}
    detail = str(exc.detail)
    if header := getattr(exc, "auth_header", None):
        headers["WWW_Authenticate"] = header
    if isinstance(exc, exceptions.Throttled):
        wait = max(1, math.ceil(exc.wait or 1))
        headers["Retry_After"] = str(wait)
        detail = f"Too many calls. Try again in {wait} s."
    if isinstance(exc, exceptions.MethodNotAllowed):
        allowed = ", ".join(context["view"].allowed_methods)
        headers["Allow"] = allowed
        detail = f"This address does not take {context['request'].method}. It takes {allowed}."
    if isinstance(exc, exceptions.NotAcceptable):
        detail = "This address answers in application/json only; ask for that in the Accept header."
    if isinstance(exc, exceptions.UnsupportedMediaType):
        detail = "Send the body as JSON, with the header Content-Type: application/json."
    field = getattr(exc, "field", "")
    return answer(exc.status_code, detail, [{"field": field, "message": detail}] if field else None, **headers)


def _of_ours(exc: RecommenderError) -> Response:
    if isinstance(exc, BadInput):
        return answer(400, str(exc), [{"field": exc.field, "message": str(exc)}] if exc.field else None)
    if isinstance(exc, Conflict | NotTrainable):
        return answer(409, str(exc))
    logger.error("An answer failed: %s", exc, exc_info=exc)
    return answer(500, UNEXPECTED)


def rendered(found: Response) -> HttpResponse:
    """A problem document outside of the framework's views."""
    headers = {name: value for name, value in found.headers.items() if name != "Content-Type"}
    return JsonResponse(found.data, status=found.status_code, content_type=CONTENT_TYPE, headers=headers)


def too_many(seconds: float) -> HttpResponse:
    """Refuse a call until the next window begins, in `seconds`."""
    return rendered(handler(exceptions.Throttled(seconds), {}))


def flatten(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """The framework's nested errors as rows of {"field": "a.b", "message"}."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            name = "" if name in OVERALL else str(name)
            yield from flatten(inner, f"{path}.{name}".strip("."))
    elif isinstance(detail, list):
        for inner in detail:
            yield from flatten(inner, path)
    else:
        yield {"field": path, "message": str(detail)}


def summary(errors: list[dict[str, str]]) -> str:
    first = errors[0] if errors else {"field": "", "message": "The input cannot be taken."}
    sentence = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    more = len(errors) - 1
    return sentence if not more else f"{sentence} ({more} more)"


def too_large() -> str:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return f"The body is larger than {limit >> 20} MiB. Send it in several calls."


def plain_answer(status: int, detail: str, **headers: str) -> JsonResponse:
    """The same outside of the framework's views."""
    return JsonResponse(problem(status, detail), status=status, content_type=CONTENT_TYPE, headers=headers)


@csrf_exempt
def nothing_here(request: HttpRequest, path: str = "") -> JsonResponse:
    """Any address under /api/ that no route takes."""
    if not request.path.endswith("/"):
        return plain_answer(404, f"There is nothing at this address. Addresses end with a slash: {request.path}/")
    return plain_answer(404, "There is nothing at this address. All of them are listed at /api/docs/.")
