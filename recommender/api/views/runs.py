"""Runs: trained, watched, cancelled and put into service."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from recommender import tasks
from recommender.algorithms.base import START
from recommender.api import pagination, params
from recommender.api.base import DEPLOY, READ, TRAIN, ApiView
from recommender.api.documents import PAGE, run_document
from recommender.api.problems import Problem
from recommender.api.serializers import NewRunSerializer, RunSerializer
from recommender.api.views.catalogue import checked, described, page_of
from recommender.exceptions import BadConfig
from recommender.models import Run
from recommender.selectors import serving as select
from recommender.selectors.runs import catalog_runs
from recommender.services import deploying, training


class _Runs(ApiView):
    def found(self, run: int) -> Run:
        # Larger numbers than the database holds name nothing either.
        row = catalog_runs(catalog=self.catalog).filter(pk=run).first() if run < 2**63 else None
        if row is None:
            raise Problem(404, f"There is no run {run} in this catalog.", field="run")
        return row

    def document(self, run: Run) -> dict[str, Any]:
        return run_document(run, deployed=select.deployed_run(self.catalog.pk))


@extend_schema_view(
    get=described("runs.list", "Runs, the newest first", None, page_of(RunSerializer), parameters=PAGE),
    post=described("runs.create", "Train a recommender in the background", NewRunSerializer, {201: RunSerializer}),
)
class RunList(_Runs):
    needs = {"GET": READ, "POST": TRAIN}

    def get(self, request: Request) -> Response:
        params.only(request, "cursor", "limit")
        runs, following = pagination.page(request, catalog_runs(catalog=self.catalog), newest_first=True)
        deployed = select.deployed_run(self.catalog.pk)
        return Response({"results": [run_document(run, deployed=deployed) for run in runs], "next": following})

    def post(self, request: Request) -> Response:
        params.only(request)
        given = checked(NewRunSerializer(), request.data)
        if request.auth.key and (given.get("config") or {}).get(START) is not None:
            raise BadConfig("A key belongs to one catalog; a login may start from another one's.", field="config.start")
        try:
            run = tasks.start_training(catalog=self.catalog, by=request.auth.login, **given)
        except BadConfig as error:
            whole = error.field if error.field.startswith("preparation.") else f"config.{error.field}"
            raise BadConfig(str(error), field=whole) from error
        return Response(self.document(run), status=201)


@extend_schema_view(get=described("runs.read", "One run: its progress and figures", None, RunSerializer))
class RunDetail(_Runs):
    needs = {"GET": READ}

    def get(self, request: Request, run: int) -> Response:
        params.only(request)
        return Response(self.document(self.found(run)))


@extend_schema_view(post=described("runs.cancel", "Stop a run within seconds", None, RunSerializer))
class RunCancel(_Runs):
    needs = {"POST": TRAIN}

    def post(self, request: Request, run: int) -> Response:
        params.only(request)
        row = self.found(run)
        training.cancel_run(run=row, by=request.auth.login)
        return Response(self.document(row))


@extend_schema_view(post=described("runs.deploy", "Put a finished run into service", None, RunSerializer))
class RunDeploy(_Runs):
    needs = {"POST": DEPLOY}

    def post(self, request: Request, run: int) -> Response:
        params.only(request)
        row = self.found(run)
        deploying.deploy_run(run=row, by=request.auth.login)
        return Response(self.document(row))
