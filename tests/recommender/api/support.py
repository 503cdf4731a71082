"""A small client of the API."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from django.test import Client

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
BASE = "/api/v1/"


def at(*parts: str, **query: Any) -> str:
    """An address of the API; each part is percent-encoded."""
    address = BASE + "".join(f"{quote(part, safe='')}/" for part in parts)
    return f"{address}?{urlencode(query, doseq=True)}" if query else address


class Api:
    """Sends JSON with given headers; never raises for an error of the server's, as a real client sees it."""

    def __init__(self, headers: dict[str, str] | None = None) -> None:
        self.client = Client(headers=headers or {}, raise_request_exception=False)

    def get(self, *parts: str, **query: Any) -> Any:
        return self.client.get(at(*parts, **query))

    def send(self, method: str, address: str, body: Any = None) -> Any:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(method, address, content, content_type="application/json")

    def post(self, *parts: str, body: Any) -> Any:
        return self.send("POST", at(*parts), body)

    def patch(self, *parts: str, body: Any) -> Any:
        return self.send("PATCH", at(*parts), body)

    def delete(self, *parts: str) -> Any:
        return self.send("DELETE", at(*parts))

    def event(self, user: str, item: str, **more: Any) -> dict[str, Any]:
        """Send one event that must be accepted."""
        answer = self.post("events", body={"user": user, "item": item, **more})
        assert answer.status_code == 200 and answer.json()["accepted"] == 1, answer.content
        return answer.json()

    def list_for(self, user: str, **query: Any) -> dict[str, Any]:
        """Recommendations, which must succeed."""
        answer = self.get("users", user, "recommendations", **query)
        assert answer.status_code == 200, answer.content
        return answer.json()


def problem_of(answer: Any, status: int) -> dict[str, Any]:
    """The problem document of an answer, which must have this status."""
    assert answer.status_code == status, (answer.status_code, answer.content[:500])
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = json.loads(answer.content)
    assert document["status"] == status and document["title"] and document["detail"]
    return document


def fields_of(document: dict[str, Any]) -> list[str]:
    return [error["field"] for error in document.get("errors", [])]
