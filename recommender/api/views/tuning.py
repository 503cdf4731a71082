"""Searches over settings: started, watched, cancelled."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from recommender import tasks
from recommender.api import pagination, params
from recommender.api.base import READ, TRAIN, ApiView
from recommender.api.documents import PAGE
from recommender.api.problems import Problem
from recommender.api.serializers import NewTuningSerializer, TuningSerializer
from recommender.api.views.catalogue import checked, described, page_of
from recommender.exceptions import BadInput
from recommender.models import Study
from recommender.selectors import tuning as select
from recommender.services import tuning


def document(study: Study) -> dict[str, Any]:
    plain = ("id", "algorithm", "only", "seed", "status", "phase", "progress", "metric", "importance", "error")
    times = ("created", "started", "finishes", "finished")
    best = select.best_trial(study=study)
    found = {name: getattr(study, name) for name in (*plain, *times)}
    found["best"] = {"trial": best.number, "value": best.value, "config": best.config} if best else None
    return found | {"trials": study.wanted}


class _Tunings(ApiView):
    def found(self, tuning: int) -> Study:
        try:
            return select.get_study(study_id=tuning, catalog=self.catalog)
        except BadInput as error:
            raise Problem(404, str(error), field="tuning") from error


@extend_schema_view(
    get=described("tuning.list", "Searches, the newest first", None, page_of(TuningSerializer), parameters=PAGE),
    post=described("tuning.create", "Search for good settings", NewTuningSerializer, {201: TuningSerializer}),
)
class TuningList(_Tunings):
    needs = {"GET": READ, "POST": TRAIN}

    def get(self, request: Request) -> Response:
        params.only(request, "cursor", "limit")
        found, following = pagination.page(request, select.studies(catalog=self.catalog), newest_first=True)
        return Response({"results": [document(study) for study in found], "next": following})

    def post(self, request: Request) -> Response:
        params.only(request)
        given = {"trials": tuning.TRIALS} | checked(NewTuningSerializer(), request.data)
        study = tasks.start_tuning(catalog=self.catalog, by=request.auth.login, **given)
        return Response(document(study), status=201)


@extend_schema_view(get=described("tuning.read", "One search and its best settings", None, TuningSerializer))
class TuningDetail(_Tunings):
    needs = {"GET": READ}

    def get(self, request: Request, tuning: int) -> Response:
        params.only(request)
        return Response(document(self.found(tuning)))


@extend_schema_view(post=described("tuning.cancel", "Stop a search within seconds", None, TuningSerializer))
class TuningCancel(_Tunings):
    needs = {"POST": TRAIN}

    def post(self, request: Request, tuning: int) -> Response:
        params.only(request)
        row = self.found(tuning)
        stop(row, request.auth.login)
        return Response(document(row))


def stop(study: Study, by: Any) -> None:
    tuning.cancel_study(study=study, by=by)
