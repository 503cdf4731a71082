"""Gorse's addresses: directly under /api/, without a slash at the end."""

from __future__ import annotations

from django.urls import path

import recommender.api.converters  # noqa: F401 (client_id)
from recommender.api.gorse import catalogue, feedback, serving

urlpatterns = [
    path("user", catalogue.Users.as_view(), name="gorse-user-new"),
    path("users", catalogue.Users.as_view(), name="gorse-users"),
    path("user/<client_id:id>", catalogue.User.as_view(), name="gorse-user"),
    path("user/<client_id:id>/feedback", feedback.UserFeedback.as_view(), name="gorse-user-feedback"),
    path(
        "user/<client_id:id>/feedback/<client_id:kind>", feedback.UserFeedback.as_view(), name="gorse-user-feedback-of"
    ),
    path("item", catalogue.Items.as_view(), name="gorse-item-new"),
    path("items", catalogue.Items.as_view(), name="gorse-items"),
    path("item/<client_id:id>", catalogue.Item.as_view(), name="gorse-item"),
    path("item/<client_id:id>/category/<client_id:category>", catalogue.ItemCategory.as_view(), name="gorse-category"),
    path("item/<client_id:id>/feedback", feedback.ItemFeedback.as_view(), name="gorse-item-feedback"),
    path(
        "item/<client_id:id>/feedback/<client_id:kind>", feedback.ItemFeedback.as_view(), name="gorse-item-feedback-of"
    ),
    path("item/<client_id:id>/neighbors", serving.ItemNeighbors.as_view(), name="gorse-item-neighbors"),
    path("item/<client_id:id>/neighbors/", serving.ItemNeighbors.as_view(), name="gorse-item-neighbors-all"),
    path(
        "item/<client_id:id>/neighbors/<client_id:category>",
        serving.ItemNeighbors.as_view(),
        name="gorse-item-neighbors-in",
    ),
    path("feedback", feedback.FeedbackList.as_view(), name="gorse-feedback"),
    path("feedback/<client_id:kind>", feedback.FeedbackOfType.as_view(), name="gorse-feedback-of-type"),
    path("feedback/<client_id:user>/<client_id:item>", feedback.FeedbackOf.as_view(), name="gorse-feedback-of"),
    path(
        "feedback/<client_id:kind>/<client_id:user>/<client_id:item>",
        feedback.OneFeedback.as_view(),
        name="gorse-feedback-one",
    ),
    path("recommend/<client_id:id>", serving.Recommend.as_view(), name="gorse-recommend"),
    path("recommend/<client_id:id>/", serving.Recommend.as_view(), name="gorse-recommend-all"),
    path("recommend/<client_id:id>/<client_id:category>", serving.Recommend.as_view(), name="gorse-recommend-in"),
    path("session/recommend", serving.SessionRecommend.as_view(), name="gorse-session"),
    path("session/recommend/<client_id:category>", serving.SessionRecommend.as_view(), name="gorse-session-in"),
    path("user/<client_id:id>/neighbors", serving.UserNeighbors.as_view(), name="gorse-user-neighbors"),
    path("latest", serving.Latest.as_view(), name="gorse-latest"),
    path("latest/<client_id:category>", serving.Latest.as_view(), name="gorse-latest-in"),
    path("popular", serving.Popular.as_view(), name="gorse-popular"),
    path("popular/<client_id:category>", serving.Popular.as_view(), name="gorse-popular-in"),
]
