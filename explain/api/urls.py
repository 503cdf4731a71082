"""Addresses of explanations and audits over REST; they stand beside those of recommender.api."""

from __future__ import annotations

from django.urls import path

import recommender.api.converters  # noqa: F401 (client_id)
from explain.api import audits, views

app_name = "explain_api"

urlpatterns = [
    path(
        "v1/users/<client_id:id>/recommendations/<client_id:item>/explanation/",
        views.Explanation.as_view(),
        name="explanation",
    ),
    path("v1/explanations/", views.ExplanationList.as_view(), name="explanations"),
    path("v1/explanations/<int:number>/", views.ExplanationDetail.as_view(), name="explanations-detail"),
    path("v1/explanations/<int:number>/cancel/", views.ExplanationCancel.as_view(), name="explanations-cancel"),
    path("v1/explanations/<int:number>/file/", views.ExplanationFile.as_view(), name="explanations-file"),
    path("v1/fairness-reports/", audits.AuditList.as_view(), name="fairness-reports"),
    path("v1/fairness-reports/<int:number>/", audits.AuditDetail.as_view(), name="fairness-report"),
    path("v1/fairness-reports/<int:number>/cancel/", audits.AuditCancel.as_view(), name="fairness-report-cancel"),
]
