"""Addresses of pages. A catalog's pages lie under its name; names of the site itself are reserved."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

from recommender.views import (
    api,
    audit,
    catalogs,
    data,
    health,
    imports,
    items,
    measuring,
    people,
    runs,
    session,
    training,
    tuning,
)

in_catalog = [
    path("", catalogs.overview, name="overview"),
    path("live/", catalogs.live, name="live"),
    path("interactions.csv", items.interactions_csv, name="interactions_csv"),
    path("people/", people.people, name="people"),
    path("people/<str:person>/", people.person, name="person"),
    path("people/<str:person>/history.csv", people.history_csv, name="history_csv"),
    path("people/<str:person>/interests.csv", people.interests_csv, name="interests_csv"),
    path("items/", items.items, name="items"),
    path("items/<str:item>/", items.item, name="item"),
    path("items/<str:item>/similar/", items.similar_fragment, name="similar"),
    path("items/<str:item>/interactions.csv", items.interactions_csv, name="item_interactions_csv"),
    path("items/<str:item>/people/<str:attribute>.csv", items.audience_csv, name="audience_csv"),
    path("data/", data.data, name="data"),
    path("data/imports/<int:import_id>/", data.data_import, name="import"),
    path("data/imports/<int:import_id>/live/", data.import_live, name="import_live"),
    path("data/imports/<int:import_id>/decide/", imports.import_decide, name="import_decide"),
    path("data/imports/<int:import_id>/cancel/", imports.import_cancel, name="import_cancel"),
    path("data/imports/<int:import_id>/undo/", imports.import_undo, name="import_undo"),
    path("data/imports/<int:import_id>/rejects/", data.rejects, name="rejects"),
    path("data/health/", health.health, name="health"),
    path("data/health/live/", health.health_live, name="health_live"),
    path("data/health/<slug:figure>.csv", health.health_csv, name="health_csv"),
    path("runs/", runs.runs, name="runs"),
    path("runs/metrics.csv", runs.runs_csv, name="runs_csv"),
    path("runs/leaderboard/", runs.board, name="board"),
    path("runs/new/", training.run_new, name="run_new"),
    path("runs/<int:run_id>/", runs.run, name="run"),
    path("runs/<int:run_id>/cancel/", training.run_cancel, name="run_cancel"),
    path("runs/<int:run_id>/delete/", training.run_delete, name="run_delete"),
    path("runs/<int:run_id>/deploy/", training.run_deploy, name="run_deploy"),
    path("runs/<int:run_id>/measure/", measuring.run_measure, name="run_measure"),
    path("runs/<int:run_id>/measurements/<int:measurement_id>/", measuring.measurement, name="measurement"),
    path(
        "runs/<int:run_id>/measurements/<int:measurement_id>/live/", measuring.measurement_live, name="measurement_live"
    ),
    path(
        "runs/<int:run_id>/measurements/<int:measurement_id>/cancel/",
        measuring.measurement_cancel,
        name="measurement_cancel",
    ),
    path(
        "runs/<int:run_id>/measurements/<int:measurement_id>/people.csv",
        measuring.measurement_people_csv,
        name="measurement_people_csv",
    ),
    path("runs/<int:run_id>/people.csv", runs.people_csv, name="people_csv"),
    path("runs/<int:run_id>/live/", runs.run_live, name="run_live"),
    path("runs/<int:run_id>/curve.csv", runs.curve_csv, name="curve_csv"),
    path("tuning/", tuning.tunings, name="tunings"),
    path("tuning/<int:study_id>/", tuning.study, name="tuning"),
    path("tuning/<int:study_id>/live/", tuning.study_live, name="tuning_live"),
    path("tuning/<int:study_id>/cancel/", tuning.study_cancel, name="tuning_cancel"),
    path("tuning/<int:study_id>/train/", tuning.study_train, name="tuning_train"),
    path("tuning/<int:study_id>/trials.csv", tuning.trials_csv, name="trials_csv"),
    path("api/", api.api, name="api"),
    path("api/keys/<int:key_id>/revoke/", api.key_revoke, name="key_revoke"),
    path("audit/", audit.audit, name="audit"),
    path("audit/entries.csv", audit.audit_csv, name="audit_csv"),
    path("members/", catalogs.members, name="members"),
    path("members/<int:login_id>/remove/", catalogs.member_remove, name="member_remove"),
]

urlpatterns = [
    path("favicon.ico", RedirectView.as_view(url="/static/recommender/icon.svg", permanent=True)),
    path("", catalogs.home, name="home"),
    path("login/", session.SignIn.as_view(), name="login"),
    path("logout/", session.SignOut.as_view(), name="logout"),
    path("accounts/password/", session.password, name="password"),
    path("accounts/theme/", session.theme, name="theme"),
    path("catalogs/new/", catalogs.catalog_new, name="catalog_new"),
    path("<slug:catalog>/", include(in_catalog)),
]
