"""OpenAPI: every operation also lists the problems it may answer with."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

PROBLEM = {
    "type": "object",
    "description": "A problem document (RFC 9457). `errors` names each field at fault and says what to do.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
STATUSES = {
    "400": "Something given cannot be taken.",
    "401": "No key, or one that is not known.",
    "403": "The key's scope or the login's groups do not suffice.",
    "404": "There is no such thing in this catalog.",
    "409": "It does not fit what is there now, or another call is changing the same rows.",
    "429": "Too many calls; Retry-After says when to try again.",
}


CATALOG = OpenApiParameter("catalog", description="For logins: the catalog to work in. A key has its own.")


class ProblemSchema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        return [CATALOG] if getattr(self.view, "in_catalog", False) else []

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        """Whole numbers in addresses are database keys: no sign, from 1 on."""
        found: list[dict[str, Any]] = super()._resolve_path_parameters(variables)
        for each in found:
            if each["schema"].get("type") == "integer":
                each["schema"]["minimum"] = 1
        return found

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation is not None:
            content = {"application/problem+json": {"schema": PROBLEM}}
            for status, about in STATUSES.items():
                operation["responses"].setdefault(status, {"description": about, "content": content})
        return operation
