"""Registries that another app fills in its `ready()`: the recommender knows the moment, not who listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

overview_cards: list[Callable[..., dict[str, Any]]] = []
"""Called with `catalog`; each returns a card {"title", "value", "text", "url"} for the overview page."""

list_notes: list[Callable[..., str]] = []
"""Called with `run`; each returns a sentence shown with a list of recommendations, or ""."""

erasure_listeners: list[Callable[..., None]] = []
"""Called with `catalog` and `user_ids` inside the transaction that erases people."""

figures: dict[str, Callable[..., str]] = {}
"""By name: called with tables, returns the JSON of a plotly figure for a page to draw."""
