"""Audits of disparities over REST: their reports, without what a client or a login may not see."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from explain import tasks
from explain.models import DisparityAudit
from explain.selectors.disparity import sensitive_now
from explain.services import auditing
from recommender.api import pagination, params
from recommender.api.base import READ, TRAIN, ApiView
from recommender.api.documents import PAGE, page_of
from recommender.api.fields import TextField, WholeNumberField
from recommender.api.problems import Problem
from recommender.api.serializers import Strict
from recommender.api.views.catalogue import checked, described
from recommender.models import Run
from recommender.rights import may

PLAIN = ("id", "source", "settings", "status", "phase", "progress", "people", "error", "created", "finished")
KEYS = "Keys never see figures by sensitive attributes; logins with the right “sensitive” do."


class NewAuditSerializer(Strict):
    run = WholeNumberField(required=False, allow_null=True, min_value=1, max_value=2**53, help_text="Which run.")
    source = serializers.ChoiceField(
        choices=DisparityAudit.Source.values, required=False, help_text="held-out if not said."
    )
    groups = serializers.ListField(
        child=TextField(max_length=100), required=False, max_length=50, help_text="Attributes of people; else all."
    )
    k = WholeNumberField(required=False, min_value=1, max_value=100, help_text="Places of each list: 10.")
    weeks = WholeNumberField(
        required=False, min_value=1, max_value=104, help_text="Of what was served: how many weeks back, 8."
    )
    resamples = WholeNumberField(
        required=False, min_value=200, max_value=20_000, help_text="How often people are drawn again: 2,000."
    )
    permutations = WholeNumberField(
        required=False, min_value=200, max_value=20_000, help_text="Of people’s figures, by each test: 2,000."
    )
    seed = WholeNumberField(
        required=False, min_value=0, max_value=2**31 - 1, help_text="Of what is drawn by chance: 0."
    )


class AuditSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    run = serializers.IntegerField(allow_null=True)
    source = serializers.ChoiceField(choices=DisparityAudit.Source.values)
    settings = serializers.DictField()
    status = serializers.CharField()
    phase = serializers.CharField(allow_blank=True)
    progress = serializers.FloatField()
    people = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_blank=True)
    created = serializers.DateTimeField()
    finished = serializers.DateTimeField(allow_null=True)
    summary = serializers.CharField(allow_blank=True)


class AuditReportSerializer(AuditSerializer):
    results = serializers.DictField(help_text="Everything that was found; {} until it is done.")


class _Audits(ApiView):
    def document(self, row: DisparityAudit) -> dict[str, Any]:
        seen = self.seen(row)
        return {name: getattr(row, name) for name in PLAIN} | {"run": row.run_id, "summary": seen.get("summary", "")}

    def seen(self, row: DisparityAudit) -> dict[str, Any]:
        """The results as who asks may see them."""
        login = self.request.auth.login
        sees = login is not None and may(login, "sensitive")
        return auditing.visible(row.results, sees, () if sees else self.sensitive)

    @cached_property
    def sensitive(self) -> frozenset[str]:
        return sensitive_now(self.catalog)

    def found(self, number: int) -> DisparityAudit:
        row = DisparityAudit.objects.filter(catalog=self.catalog, pk=number).first() if number < 2**63 else None
        if row is None:
            raise Problem(404, f"There is no fairness report {number} in this catalog.", field="number")
        return row


@extend_schema_view(
    get=described(
        "fairness-reports.list", "Audits of disparities, the newest first", None, page_of(AuditSerializer),
        parameters=PAGE, description=KEYS,
    ),
    post=described(
        "fairness-reports.create", "Audit a run's lists, or what was served", NewAuditSerializer, {201: AuditSerializer}
    ),
)  # fmt: skip
class AuditList(_Audits):
    needs = {"GET": READ, "POST": TRAIN}

    def get(self, request: Request) -> Response:
        params.only(request, "cursor", "limit")
        mine = DisparityAudit.objects.filter(catalog=self.catalog)
        rows, following = pagination.page(request, mine, newest_first=True)
        return Response({"results": [self.document(row) for row in rows], "next": following})

    def post(self, request: Request) -> Response:
        params.only(request)
        given = checked(NewAuditSerializer(), request.data)
        row = tasks.start_audit(
            catalog=self.catalog, run=self._run(given.pop("run", None)), by=request.auth.login,
            source=given.pop("source", DisparityAudit.Source.HELD_OUT), settings=given,
        )  # fmt: skip
        return Response(self.document(row), status=201)

    def _run(self, number: int | None) -> Run | None:
        run = self.catalog.runs.filter(pk=number).first() if number is not None else None
        if number is not None and run is None:
            raise Problem(400, f"There is no run {number} in this catalog.", field="run")
        return run


@extend_schema_view(
    get=described(
        "fairness-reports.read", "One audit with what it found", None, AuditReportSerializer, description=KEYS
    )
)
class AuditDetail(_Audits):
    needs = {"GET": READ}

    def get(self, request: Request, number: int) -> Response:
        params.only(request)
        row = self.found(number)
        return Response(self.document(row) | {"results": self.seen(row)})


@extend_schema_view(post=described("fairness-reports.cancel", "Stop one within seconds", None, AuditSerializer))
class AuditCancel(_Audits):
    needs = {"POST": TRAIN}

    def post(self, request: Request, number: int) -> Response:
        params.only(request)
        row = self.found(number)
        auditing.cancel_audit(audit=row)
        return Response(self.document(row))
