"""Which remedy is in a recommender: one that re-ranks lists, or an objective of training that looks at groups."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from recommender.algorithms.base import Config

RERANKED = "reranked"
IN_TRAINING = "group-"
"""Begins the names of remedies in training; the objective follows."""


def remedy_of(algorithm: str, config: Config) -> dict[str, Any] | None:
    """{"name", "strength", "of"}, `of` the algorithm whose lists or training the remedy changes; None without one."""
    said = asdict(config)
    if algorithm == RERANKED:
        return {"name": said["remedy"], "strength": said["strength"], "of": said["of"]}
    objective = said.get("group_objective", "none")
    if objective == "none" or not said.get("group_strength"):
        return None
    return {"name": f"{IN_TRAINING}{objective}", "strength": said["group_strength"], "of": algorithm}
