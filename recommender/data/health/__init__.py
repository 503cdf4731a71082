"""Is the data of a catalog fit to learn from? Counts and patterns over its interactions; no Django.

`report` puts everything together as plain numbers, texts and lists that JSON can hold.
"""

from __future__ import annotations

from typing import Any

from recommender.data.health.groups import groups
from recommender.data.health.rows import Rows, repeats
from recommender.data.health.shape import activity, long_tail, over_time, ratings, sizes
from recommender.data.health.suspects import suspects

__all__ = ["Rows", "report"]


def report(rows: Rows) -> dict[str, Any]:
    """All there is to say about the interactions; people and items are named by their position."""
    return {
        "sizes": sizes(rows),
        "repeats": repeats(rows),
        "ratings": ratings(rows),
        "time": over_time(rows),
        "activity": activity(rows),
        "tail": long_tail(rows),
        "groups": groups(rows),
        "suspects": suspects(rows),
    }
