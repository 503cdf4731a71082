"""Addresses of the pages that explain, below those of a catalog."""

from __future__ import annotations

from django.urls import include, path

from explain.views import (
    disparities,
    disparity_compare,
    disparity_exports,
    disparity_report,
    examinations,
    explanation,
    explanation_report,
    explanations,
    overall,
    parameters,
    remedies,
    remedy_point,
    trust,
)

OF_ONE = "people/<str:person>/items/<str:item>/"

in_catalog = [
    path("", explanations.explanations, name="explanations"),
    path(OF_ONE, explanation.explanation, name="explanation"),
    path(f"{OF_ONE}list/", explanation.explanation_list, name="explanation_list"),
    path(f"{OF_ONE}explained/", explanation.explanation_explained, name="explanation_explained"),
    path(f"{OF_ONE}reach/", explanation.explanation_reach, name="explanation_reach"),
    path(f"{OF_ONE}methods/", explanation.explanation_methods, name="explanation_methods"),
    path(f"{OF_ONE}more/<slug:name>/", explanation.explanation_more, name="explanation_more"),
    path(f"{OF_ONE}values.csv", explanation.explanation_csv, name="explanation_csv"),
    path(f"{OF_ONE}report.html", explanation_report.explanation_report, name="explanation_report"),
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

of_disparities = [
    path("", disparities.disparities, name="disparities"),
    path("start/", disparities.disparity_start, name="disparity_start"),
    path("plan/", disparities.disparity_plan, name="disparity_plan"),
    path("compare/", disparity_compare.disparity_compare, name="disparity_compare"),
    path("<int:audit_id>/", disparity_report.disparity, name="disparity"),
    path("<int:audit_id>/live/", disparities.disparity_live, name="disparity_live"),
    path("<int:audit_id>/cancel/", disparities.disparity_cancel, name="disparity_cancel"),
    path("<int:audit_id>/report.html", disparity_exports.disparity_report, name="disparity_report"),
    path("<int:audit_id>/report.pdf", disparity_exports.disparity_pdf, name="disparity_pdf"),
    path("<int:audit_id>/figures/<slug:figure>.csv", disparity_report.disparity_csv, name="disparity_csv"),
    path("<int:audit_id>.json", disparity_exports.disparity_json, name="disparity_json"),
]

OF_SWEEP = "<int:sweep_id>/"
OF_POINT = f"{OF_SWEEP}strengths/<str:strength>/"

of_remedies = [
    path("", remedies.remedies, name="remedies"),
    path("start/", remedies.remedy_start, name="remedy_start"),
    path(OF_SWEEP, remedies.remedy, name="remedy"),
    path(f"{OF_SWEEP}live/", remedies.remedy_live, name="remedy_live"),
    path(f"{OF_SWEEP}cancel/", remedies.remedy_cancel, name="remedy_cancel"),
    path(OF_POINT, remedy_point.remedy_point, name="remedy_point"),
    path(f"{OF_POINT}save/", remedy_point.remedy_save, name="remedy_save"),
    path(f"{OF_POINT}deploy/", remedy_point.remedy_deploy, name="remedy_deploy"),
    path(f"{OF_POINT}undo/", remedy_point.remedy_undo, name="remedy_undo"),
]

urlpatterns = [
    path("<slug:catalog>/explanations/", include(in_catalog)),
    path("<slug:catalog>/disparities/remedies/", include(of_remedies)),
    path("<slug:catalog>/disparities/", include(of_disparities)),
]
