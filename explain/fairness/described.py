"""What lists are like, beside how good they are for people: parts of the report that compare nothing by tests.

Everything of groups of people must leave out those that `Looked.compared.shown` hides.
"""

from __future__ import annotations

from typing import Any

from explain.fairness.told import DESCRIBED, Looked, of_explanations


def described(looked: Looked) -> dict[str, Any]:
    """Parts of the whole report: of items, of suppliers, of what is popular, over time."""
    return {"exposure": {}, "popularity": {}, "calibration": {}, "classes": [], "over_time": None}


def described_by_group(looked: Looked) -> list[dict[str, Any]]:
    """Per grouping, the parts of the report by its groups."""
    trust = looked.material.explanations
    explained = of_explanations(looked, trust) if trust is not None else [[] for _ in looked.groupings]
    return [{part: [] for part in DESCRIBED} | {"explanations": rows} for rows in explained]
