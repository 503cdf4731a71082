"""Long lists in pages; the page stands in the address."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest


def paged(request: HttpRequest, rows: Any, size: int = 50, name: str = "page") -> Page:
    """The page that the address asks for; nonsense gets the first, too far gets the last."""
    return Paginator(rows, size).get_page(request.GET.get(name, "1"))


def whole(text: str | None, default: int, allowed: tuple[int, ...] | None = None) -> int:
    """A whole number from the address; nonsense gets the default."""
    try:
        value = int(text or "")
    except ValueError:
        return default
    return value if allowed is None or value in allowed else default


def clean_text(request: HttpRequest, name: str = "q", limit: int = 128) -> str:
    """Words that were searched for, without what PostgreSQL cannot hold."""
    return request.GET.get(name, "").replace("\x00", "").strip()[:limit]
