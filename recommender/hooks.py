"""Registries that another app fills in its `ready()`: the recommender knows the moment, not who listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

overview_cards: list[Callable[..., dict[str, Any]]] = []
"""Called with `catalog` and `login`; each returns a card {"title", "value", "text", "url"} for the overview page, of
what the login may see."""

list_notes: list[Callable[..., str]] = []
"""Called with `run`; each returns a sentence shown with a list of recommendations, or ""."""

erasure_listeners: list[Callable[..., None]] = []
"""Called with `catalog` and `user_ids` inside the transaction that erases people."""

after_erasure: list[Callable[..., None]] = []
"""Called with `catalog` once an erasure is committed: what was begun before it may still hold who is gone."""

figures: dict[str, Callable[..., str]] = {}
"""By name: called with tables, returns the JSON of a plotly figure for a page to draw."""

sections: list[tuple[str, str]] = []
"""(name of an address in a catalog, label): pages that stand in the bar before the API's."""

run_pages: list[Callable[..., tuple[str, str]]] = []
"""Called with `run`; each returns label and address of a page about it, for the page of the run to link."""

why: list[Callable[..., str]] = []
"""Called with `catalog`, `run` (its id), `person` and `item` (the client's ids); each returns the address of a page
that says why the run shows the item to the person, or "" where it has none."""


def why_address(*, catalog: str, run: int, person: str, item: str) -> str:
    """The first address that `why` has."""
    return next(filter(None, (each(catalog=catalog, run=run, person=person, item=item) for each in why)), "")
