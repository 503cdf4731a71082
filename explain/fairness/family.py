"""Holm's correction over what an audit has looked at: groups against their rest, and the omnibus tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from explain.fairness.base import number
from recommender.evaluation.significance import holm


def tests(groupings: list[dict[str, Any]], main: str, level: float) -> dict[str, Any]:
    """Fills in `p_holm` over all groups against their rest by the `main` metric, and over all omnibus tests of it; what
    was found."""
    rows = [
        (grouping, group, group["metrics"][main])
        for grouping in groupings
        for group in grouping["groups"]
        if group["metrics"].get(main, {}).get("p") is not None
    ]
    twins = {id(figures) for grouping in groupings for figures in _twin(grouping, main)}
    family = [figures for _, _, figures in rows if id(figures) not in twins]
    _adjust(family)
    for grouping in groupings:
        for figures in _twin(grouping, main):
            figures["p_holm"] = grouping["groups"][0]["metrics"][main]["p_holm"]
    _adjust([each["omnibus"][main] for each in groupings if each["omnibus"].get(main, {}).get("p") is not None])
    found = [_finding(*row, main) for row in rows if row[2]["p_holm"] < 1 - level and id(row[2]) not in twins]
    return {"method": "Holm", "looked_at": len(family), "found": sorted(found, key=lambda each: each["p_holm"])}


def _twin(grouping: dict[str, Any], main: str) -> list[dict[str, Any]]:
    """The second of two groups that are everyone: its rest is the first, so that both comparisons are the same one."""
    if len(grouping["groups"]) != 2 or grouping["missing"] is None:
        return []
    figures = [group["metrics"].get(main) for group in grouping["groups"]]
    return [figures[1]] if all(each and each["p"] is not None for each in figures) else []


def _adjust(family: list[dict[str, Any]]) -> None:
    adjusted = holm(np.array([figures["p"] for figures in family], dtype=np.float64))
    for figures, p in zip(family, adjusted, strict=True):
        figures["p_holm"] = number(p, 8)


def _finding(grouping: dict[str, Any], group: dict[str, Any], figures: dict[str, Any], main: str) -> dict[str, Any]:
    named = {"grouping": grouping["name"], "title": grouping["title"], "value": group["value"], "metric": main}
    told = {"versus_rest": figures["versus_rest"], "low": figures["rest_low"], "high": figures["rest_high"]}
    return named | told | {"p_holm": figures["p_holm"]}
