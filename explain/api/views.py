"""Why an item was recommended, one at a time and in bulk."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from explain import tasks
from explain.api.serializers import ExplanationSerializer, ExplanationsSerializer, NewExplanationsSerializer
from explain.attribution.game import MARGIN, SCORE
from explain.exceptions import Unknown
from explain.models import Examination
from explain.services.asking import ABOUT, CHANGES, HISTORY, LONGEST, REMOVAL, TARGETS, Question
from explain.services.examining import cancel_examination
from explain.services.explaining import explain
from recommender.api import pagination, params
from recommender.api.base import READ, TRAIN, ApiView
from recommender.api.documents import PAGE, page_of
from recommender.api.problems import Problem
from recommender.api.views.catalogue import checked, described
from recommender.api.views.serving import context_of
from recommender.exceptions import Conflict

PLAIN = ("id", "settings", "status", "phase", "progress", "people", "error", "created", "finished")


class Explanation(ApiView):
    needs = {"GET": READ}

    @extend_schema(
        tags=["explanations"],
        operation_id="users_recommendations_explanation",
        summary="Why this item for this person",
        description="What each thing known of the person adds to the item's score, how complete that is, the fewest "
        "things without which the item would leave the list, and a sentence for the customer.",
        parameters=[
            OpenApiParameter("method", OpenApiTypes.STR, description="Else the best that answers at once."),
            OpenApiParameter(
                "target", enum=list(TARGETS), description="score; probability; margin over `other`, else over the list."
            ),
            OpenApiParameter("other", OpenApiTypes.STR, description="Why this and not that: the id of another item."),
            OpenApiParameter(
                "k", {"type": "integer", "minimum": 1, "maximum": LONGEST}, description="Length of the list: 10."
            ),
            OpenApiParameter("run", OpenApiTypes.INT, description="Another finished run than the deployed one."),
            OpenApiParameter("counterfactual", enum=["on", "off"], description="off: none is looked for."),
            OpenApiParameter(
                "units",
                enum=list(ABOUT),
                description="history: with what is known of person and moment (default); "
                "fields: what is known of them and said of the item, no history; everything.",
            ),
            OpenApiParameter(
                "changes",
                enum=list(CHANGES),
                description="What else is looked for: fields that keep the item in the "
                "list, or what would bring it in (entry). Default removal: nothing beside the counterfactual.",
            ),
            OpenApiParameter("context.*", description="What is known of the moment, such as context.weather=rain."),
        ],
        responses=ExplanationSerializer,
    )
    def get(self, request: Request, id: str, item: str) -> Response:
        try:
            return Response(explain(_asked(request, self.catalog.pk, id, item)))
        except Unknown as error:
            raise Problem(404, str(error), field=error.field) from error


def _asked(request: Request, catalog_id: int, user: str, item: str) -> Question:
    known = ("method", "target", "other", "k", "run", "counterfactual", "units", "changes")
    params.only(request, *known, prefixes=("context.",))
    other = request.query_params.get("other", "")
    return Question(
        catalog_id,
        params.client_id(user, "user"),
        params.client_id(item, "item"),
        run=params.optional_number(request, "run"),
        method=request.query_params.get("method", "")[:50],
        target=params.choice(request, "target", TARGETS, MARGIN if other else SCORE),
        other=params.client_id(other, "other") if other else "",
        k=params.number(request, "k", 10, 1, LONGEST),
        context=context_of(request),
        searched=params.choice(request, "counterfactual", ("on", "off"), "on") == "on",
        about=params.choice(request, "units", tuple(ABOUT), HISTORY),
        changes=params.choice(request, "changes", CHANGES, REMOVAL),
    )


class _Files(ApiView):
    def found(self, number: int) -> Examination:
        mine = Examination.objects.filter(run__catalog=self.catalog, kind=Examination.Kind.BULK)
        row = mine.filter(pk=number).first() if number < 2**63 else None
        if row is None:
            raise Problem(404, f"There are no explanations {number} in this catalog.", field="number")
        return row

    def document(self, row: Examination) -> dict[str, Any]:
        address = reverse("explain_api:explanations-file", args=[row.pk])
        file = self.request.build_absolute_uri(address) if row.path else None
        counts = {name: row.results.get(name) for name in ("rows", "refused")}
        return {name: getattr(row, name) for name in PLAIN} | counts | {"run": row.run_id, "file": file}


@extend_schema_view(
    get=described(
        "explanations.list", "Files of explanations, the newest first", None, page_of(ExplanationsSerializer),
        parameters=PAGE,
    ),
    post=described(
        "explanations.create", "Explain many people's lists into a file", NewExplanationsSerializer,
        {201: ExplanationsSerializer},
    ),
)  # fmt: skip
class ExplanationList(_Files):
    needs = {"GET": READ, "POST": TRAIN}

    def get(self, request: Request) -> Response:
        params.only(request, "cursor", "limit")
        mine = Examination.objects.filter(run__catalog=self.catalog, kind=Examination.Kind.BULK)
        rows, following = pagination.page(request, mine, newest_first=True)
        return Response({"results": [self.document(row) for row in rows], "next": following})

    def post(self, request: Request) -> Response:
        params.only(request)
        given = checked(NewExplanationsSerializer(), request.data)
        run_id = given.pop("run", None)
        row = tasks.start_bulk(catalog=self.catalog, run_id=run_id, by=request.auth.login, **given)
        return Response(self.document(row), status=201)


@extend_schema_view(get=described("explanations.read", "One file: how far it is", None, ExplanationsSerializer))
class ExplanationDetail(_Files):
    needs = {"GET": READ}

    def get(self, request: Request, number: int) -> Response:
        params.only(request)
        return Response(self.document(self.found(number)))


@extend_schema_view(post=described("explanations.cancel", "Stop one within seconds", None, ExplanationsSerializer))
class ExplanationCancel(_Files):
    needs = {"POST": TRAIN}

    def post(self, request: Request, number: int) -> Response:
        params.only(request)
        row = self.found(number)
        cancel_examination(examination=row)
        return Response(self.document(row))


@extend_schema_view(
    get=described(
        "explanations.file", "The file of explanations", None, {(200, "application/jsonl"): OpenApiTypes.STR},
        description="A document a line, as for one explanation; where there is none, its line says why in `error`.",
    )
)  # fmt: skip
class ExplanationFile(_Files):
    needs = {"GET": READ}

    def get(self, request: Request, number: int) -> FileResponse:
        params.only(request)
        row = self.found(number)
        if not row.path or not default_storage.exists(row.path):
            raise Conflict(f"Explanations {number} have no file: {row.get_status_display()}. {row.error}".strip())
        name = f"explanations-{row.pk}.jsonl"
        kind = "application/jsonl"
        return FileResponse(default_storage.open(row.path), as_attachment=True, filename=name, content_type=kind)
