"""Rows as JSON documents, and pieces of the OpenAPI document that several routes share."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers

from recommender.algorithms import registry
from recommender.models import EndUser, Item, Run

PAGE = [
    OpenApiParameter("limit", OpenApiTypes.INT, description="Rows of a page: 100, at most 1000."),
    OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` of the page before."),
]
LIST = [
    OpenApiParameter("n", OpenApiTypes.INT, description="How many items: 10, at most 500."),
    OpenApiParameter("offset", OpenApiTypes.INT, description="How many of the best to pass over, at most 10,000."),
    OpenApiParameter(
        "filter",
        OpenApiTypes.STR,
        many=True,
        description="A condition on items, such as category = 'Comedy' and year >= 1990 (docs/filter.md). Or "
        "category:NAME; repeated, any of the categories will do.",
    ),
    OpenApiParameter(
        "diversity",
        {"type": "number", "minimum": 0, "maximum": 1},
        description="0: by score alone. Above: each item also unlike those before it (maximal marginal relevance).",
    ),
    OpenApiParameter(
        "exclude", OpenApiTypes.STR, many=True, description="Ids that must not appear; repeated or separated by commas."
    ),
]


def page_of(serializer: Any) -> Any:
    fields = {"results": serializer(many=True), "next": serializers.URLField(allow_null=True)}
    return inline_serializer(f"{serializer.__name__.removesuffix('Serializer')}Page", fields)


def user_document(user: EndUser) -> dict[str, Any]:
    return {"id": user.client_id, "attributes": user.attributes}


def item_document(item: Item) -> dict[str, Any]:
    plain = ("title", "description", "categories", "creators", "year", "released", "price", "image", "attributes")
    return {"id": item.client_id} | {name: getattr(item, name) for name in plain} | {"hidden": item.hidden}


def run_document(run: Run, *, deployed: int | None) -> dict[str, Any]:
    plain = ("id", "algorithm", "config", "seed", "status", "phase", "progress", "metrics", "people", "error")
    plain += ("preparation", "preparation_report")
    times = ("created", "started", "finishes", "finished")
    found = {name: getattr(run, name) for name in (*plain, *times)} | {"deployed": run.pk == deployed}
    known = run.algorithm in registry.ALGORITHMS  # one of an earlier version may be gone
    return found | {"abilities": sorted(registry.abilities(run.algorithm)) if known else []}
