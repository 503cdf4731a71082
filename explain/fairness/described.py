"""What lists are like, beside how good they are for people: parts of the report that compare nothing by tests.

Everything of groups of people leaves out those that `Looked.compared.shown` hides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.fairness import by_people, provider
from explain.fairness.comparing import figures_shown
from explain.fairness.over_time import over_time
from explain.fairness.seen import Seen
from explain.fairness.told import DESCRIBED, Looked, of_explanations

Parts = dict[str, Any]
Mask = NDArray[np.bool_]
MOST_CELLS = 1500
"""Cells of a table of groups and classes above which it would only swell the report: it is left out."""


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
    parts["over_time"] = over_time(looked)
    _add_people(looked, Seen(attention), parts, by_group)
    return parts, by_group, _amiss(parts)


def _amiss(parts: Parts) -> list[str]:
    told = [each["problem"] for each in parts["classes"] if each["problem"]]
    if parts["popularity"]["lift"] is None:
        told.append("Of too few people both a list and a history are known, so there is no popularity lift.")
    if parts["calibration"]["mean"] is None:
        told.append("Of too few people a history with classes of items is known, so lists are not held against tastes.")
    return told


def _explained(looked: Looked) -> list[Parts]:
    trust = looked.material.explanations
    explained = of_explanations(looked, trust) if trust is not None else [[] for _ in looked.groupings]
    return [{part: [] for part in DESCRIBED} | {"explanations": rows} for rows in explained]


def _add_people(looked: Looked, seen: Seen, parts: Parts, by_group: list[Parts]) -> None:
    """Popularity and distance to tastes, of everyone and of groups; classes of items by group."""
    lifts, distances = by_people.Lifts(seen), by_people.Distances(seen)
    everyone = np.zeros(looked.material.n_people, dtype=np.int64)
    parts["popularity"] = lifts.of(everyone, 1)[0]
    parts["calibration"] = {"classes": distances.title} | distances.of(everyone, 1)[0]
    rows: dict[str, by_people.Lifts | by_people.Distances] = {"popularity": lifts, "calibration": distances}
    for part, figures in rows.items():
        masks = _may_be_shown(looked, figures.known)
        for grouping, mask, told in zip(looked.groupings, masks, by_group, strict=True):
            found = figures.of(grouping.codes, len(grouping.names))
            told[part] = [{"value": grouping.names[at], **found[at]} for at in np.flatnonzero(mask)]
    _add_classes(looked, seen, by_group)


def _may_be_shown(looked: Looked, known: Mask) -> list[Mask]:
    """Per grouping (n_groups,) of the groups that are shown, those whose figure, of the people of whom it is `known`
    (n_people,), neither is of few nor gives away that of few, in any table."""
    if known.sum() < looked.asked.least:
        return [np.zeros(len(each.names), dtype=np.bool_) for each in looked.groupings]
    column = np.where(known, 0.0, np.nan)[:, None]
    every = [*looked.groupings, *looked.beside]
    masks = figures_shown(column, every, looked.compared.whole, looked.asked.least)[1]
    return [mask[:, 0] for mask in masks[: len(looked.groupings)]]


def _add_classes(looked: Looked, seen: Seen, by_group: list[Parts]) -> None:
    """Demographic parity and equal opportunity, of tables that are not too large."""
    for by in looked.material.classes:
        places = [place for place, each in enumerate(looked.groupings) if len(each.names) * len(by.names) <= MOST_CELLS]
        groupings = [looked.groupings[place] for place in places]
        shown = [looked.compared.shown[place] for place in places]
        for part, measured in (("parity", by_people.parity), ("opportunity", by_people.opportunity)):
            for place, rows in zip(places, measured(seen, by, groupings, shown), strict=True):
                by_group[place][part] = [*by_group[place][part], *rows]
