"""What lists are like, beside how good they are for people: parts of the report that compare nothing by tests.

Everything of groups of people must leave out those that `Looked.compared.shown` hides.
"""

from __future__ import annotations

from typing import Any

from explain.fairness import provider
from explain.fairness.told import DESCRIBED, Looked, of_explanations

Parts = dict[str, Any]


def described(looked: Looked) -> tuple[Parts, list[Parts], list[str]]:
    """Parts of the whole report (of items, of suppliers, of what is popular, over time); per grouping those by its
    groups; and what is amiss, a sentence each. Nothing of fewer people than a group must have."""
    parts: Parts = {"exposure": {}, "popularity": {}, "calibration": {}, "classes": [], "over_time": None}
    by_group = _explained(looked)
    material = looked.material
    if material.n_people < looked.asked.least or not len(material.lists):
        return parts, by_group, []
    attention = provider.Attention(material, looked.asked)
    parts["exposure"] = provider.of_items(attention)
    if not parts["exposure"]:
        return parts, by_group, ["No list holds an item that may be shown, so nothing is said of exposure."]
    parts["classes"] = [provider.of_classes(attention, each) for each in material.classes]
    return parts, by_group, [each["problem"] for each in parts["classes"] if each["problem"]]


def _explained(looked: Looked) -> list[Parts]:
    trust = looked.material.explanations
    explained = of_explanations(looked, trust) if trust is not None else [[] for _ in looked.groupings]
    return [{part: [] for part in DESCRIBED} | {"explanations": rows} for rows in explained]
