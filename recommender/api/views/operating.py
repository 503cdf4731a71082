"""Recommendations for everyone as a file, and the way back to the run that served before."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from recommender import tasks
from recommender.api import pagination, params
from recommender.api.base import DEPLOY, READ, TRAIN, ApiView
from recommender.api.documents import PAGE, page_of, run_document
from recommender.api.problems import Problem
from recommender.api.serializers import BatchSerializer, NewBatchSerializer, RunSerializer
from recommender.api.views.catalogue import checked, described
from recommender.exceptions import Conflict
from recommender.models import Batch
from recommender.services import deploying

PLAIN = ("id", "n", "format", "status", "phase", "progress", "people", "rows", "error", "created", "finished")


class _Batches(ApiView):
    def found(self, batch: int) -> Batch:
        row = Batch.objects.filter(catalog=self.catalog, pk=batch).first() if batch < 2**63 else None
        if row is None:
            raise Problem(404, f"There is no batch {batch} in this catalog.", field="batch")
        return row

    def document(self, row: Batch) -> dict[str, Any]:
        file = self.request.build_absolute_uri(reverse("api:batch-file", args=[row.pk])) if row.path else None
        return {name: getattr(row, name) for name in PLAIN} | {"run": row.run_id, "file": file}


@extend_schema_view(
    get=described("batches.list", "Batches, the newest first", None, page_of(BatchSerializer), parameters=PAGE),
    post=described(
        "batches.create", "Write recommendations for everyone to a file", NewBatchSerializer, {201: BatchSerializer}
    ),
)
class BatchList(_Batches):
    needs = {"GET": READ, "POST": TRAIN}

    def get(self, request: Request) -> Response:
        params.only(request, "cursor", "limit")
        rows, following = pagination.page(request, Batch.objects.filter(catalog=self.catalog), newest_first=True)
        return Response({"results": [self.document(row) for row in rows], "next": following})

    def post(self, request: Request) -> Response:
        params.only(request)
        given = checked(NewBatchSerializer(), request.data)
        run_id = given.pop("run", None)
        row = tasks.start_batch(catalog=self.catalog, run_id=run_id, by=request.auth.login, **given)
        return Response(self.document(row), status=201)


@extend_schema_view(get=described("batches.read", "One batch: how far it is", None, BatchSerializer))
class BatchDetail(_Batches):
    needs = {"GET": READ}

    def get(self, request: Request, batch: int) -> Response:
        params.only(request)
        return Response(self.document(self.found(batch)))


@extend_schema_view(
    get=described(
        "batches.file",
        "The file of a batch",
        None,
        {(200, "text/csv"): OpenApiTypes.STR, (200, "application/jsonl"): OpenApiTypes.STR},
        description="user, item, rank and score: CSV with a header, or an object a line.",
    )
)
class BatchFile(_Batches):
    needs = {"GET": READ}

    def get(self, request: Request, batch: int) -> FileResponse:
        params.only(request)
        row = self.found(batch)
        if not row.path or not default_storage.exists(row.path):
            raise Conflict(f"Batch {batch} has no file: it is {row.get_status_display()}. {row.error}".strip())
        return file_of(row)


def file_of(row: Batch) -> FileResponse:
    kind = "text/csv" if row.format == Batch.Format.CSV else "application/jsonl"
    name = f"recommendations-{row.pk}.{row.format}"
    return FileResponse(default_storage.open(row.path), as_attachment=True, filename=name, content_type=kind)


@extend_schema_view(
    post=described("deployments.previous", "Put the run that served before back into service", None, RunSerializer)
)
class DeployPrevious(ApiView):
    needs = {"POST": DEPLOY}

    def post(self, request: Request) -> Response:
        params.only(request)
        made = deploying.deploy_previous(catalog=self.catalog, by=request.auth.login)
        return Response(run_document(made.run, deployed=made.run_id))
