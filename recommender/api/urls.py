"""Addresses of the API. Client ids may hold anything but a slash, so fixed words come before them."""

from __future__ import annotations

from django.urls import path, re_path

from recommender.api.gorse import urls as gorse
from recommender.api.problems import nothing_here
from recommender.api.views import catalogue, documentation, operating, runs, serving, sessions, tuning

app_name = "api"

urlpatterns = [
    path("docs/", documentation.Docs.as_view(), name="docs"),
    path("v1/schema/", documentation.Schema.as_view(), name="schema"),
    path("v1/users/", catalogue.UserList.as_view(), name="users"),
    path("v1/users/bulk/", catalogue.UserBulk.as_view(), {"id": "bulk"}, name="users-bulk"),
    path("v1/users/<client_id:id>/", catalogue.UserDetail.as_view(), name="user"),
    path("v1/users/<client_id:id>/recommendations/", serving.Recommendations.as_view(), name="user-recommendations"),
    path("v1/users/<client_id:id>/similar/", sessions.SimilarPeople.as_view(), name="user-similar"),
    path("v1/sessions/recommendations/", sessions.SessionRecommendations.as_view(), name="session-recommendations"),
    path("v1/items/", catalogue.ItemList.as_view(), name="items"),
    path("v1/items/bulk/", catalogue.ItemBulk.as_view(), {"id": "bulk"}, name="items-bulk"),
    path("v1/items/<client_id:id>/", catalogue.ItemDetail.as_view(), name="item"),
    path("v1/items/<client_id:id>/similar/", serving.Similar.as_view(), name="item-similar"),
    path("v1/popular/", serving.Popular.as_view(), name="popular"),
    path("v1/latest/", serving.Latest.as_view(), name="latest"),
    path("v1/events/", serving.Events.as_view(), name="events"),
    path("v1/batches/", operating.BatchList.as_view(), name="batches"),
    path("v1/batches/<int:batch>/", operating.BatchDetail.as_view(), name="batch"),
    path("v1/batches/<int:batch>/file/", operating.BatchFile.as_view(), name="batch-file"),
    path("v1/deployments/previous/", operating.DeployPrevious.as_view(), name="deployments-previous"),
    path("v1/runs/", runs.RunList.as_view(), name="runs"),
    path("v1/runs/<int:run>/", runs.RunDetail.as_view(), name="run"),
    path("v1/runs/<int:run>/cancel/", runs.RunCancel.as_view(), name="run-cancel"),
    path("v1/runs/<int:run>/deploy/", runs.RunDeploy.as_view(), name="run-deploy"),
    path("v1/tuning/", tuning.TuningList.as_view(), name="tunings"),
    path("v1/tuning/<int:tuning>/", tuning.TuningDetail.as_view(), name="tuning"),
    path("v1/tuning/<int:tuning>/cancel/", tuning.TuningCancel.as_view(), name="tuning-cancel"),
    *gorse.urlpatterns,
    re_path(r"^(?P<path>.*)$", nothing_here, name="nothing"),
]
