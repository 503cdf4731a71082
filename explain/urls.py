"""Addresses of the pages that explain, below those of a catalog."""

from __future__ import annotations

from django.urls import include, path

from explain.views import examinations, overall, parameters, trust

in_catalog = [
    path("parameters/", parameters.parameters, name="explain_parameters"),
    path("runs/<int:run_id>/", overall.overall, name="explain_run"),
    path("runs/<int:run_id>/points.csv", overall.points_csv, name="explain_points"),
    path("runs/<int:run_id>/trust/", trust.trust, name="explain_trust"),
    path("runs/<int:run_id>/trust/<int:examination_id>.csv", trust.trust_csv, name="explain_trust_csv"),
    path("runs/<int:run_id>/examine/<slug:kind>/", examinations.examine, name="explain_examine"),
    path(
        "runs/<int:run_id>/examinations/<int:examination_id>/live/",
        examinations.examination_live,
        name="explain_examination_live",
    ),
    path(
        "runs/<int:run_id>/examinations/<int:examination_id>/cancel/",
        examinations.examination_cancel,
        name="explain_examination_cancel",
    ),
]

urlpatterns = [path("<slug:catalog>/explanations/", include(in_catalog))]
