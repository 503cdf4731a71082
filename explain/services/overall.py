"""What counts for everyone in a run: the examination of kind "global", carried out by a worker.

It asks the recommender as it serves, trained on everything, about what it would show today. Results hold figures over
people, never a person's; groups by sensitive attributes are marked, for the page to show only to who may see them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from explain.attribution import concepts, dependence, importance, registry
from explain.attribution.beeswarm import beeswarm
from explain.attribution.importance import Sample
from explain.attribution.stand_in_rows import MEANINGS, Known, described
from explain.attribution.surrogate_linear import linear
from explain.attribution.surrogate_tree import tree
from explain.exceptions import CannotExplain
from explain.models import Examination
from explain.selectors import material as reading
from explain.selectors.material import Group, Material
from explain.services.examining import Done
from recommender.algorithms.base import Recommender
from recommender.data.cooccurrence import cosine_neighbours
from recommender.data.dataset import CONTEXT
from recommender.evaluation.segments import LEAST
from recommender.exceptions import BadInput
from recommender.services.deploying import load_final
from recommender.services.progress import Progress

MOST_PEOPLE = 2000
EXAMPLES = 2000
"""Histories among which examples of a category are looked for."""
ALIKE = 100
"""Items that an item is compared with, the most alike."""
Report = Callable[[float], None]
Results = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What an examination is about: the recommender, what it knows, who was drawn, in which groups they are."""

    model: Recommender
    material: Material
    sample: Sample
    groups: list[Group]
    seed: int


def carry_out(row: Examination, told: Progress) -> Done:
    """Raises BadInput for settings that mean nothing, Conflict and BadCheckpoint as load_final, Cancelled."""
    people, seed, method = settings_of(row.settings)
    told.say("loading the recommender", 0.0)
    served = load_final(run=row.run)
    told.say("reading the data", 0.02)
    material = reading.material(row.run.catalog_id, served.items)
    sample = importance.drawn(served.model, material.histories, material.hidden, people=people, seed=seed)
    groups = reading.groups(row.run.catalog_id, material.users[sample.people])
    asked = Asked(served.model, material, sample, groups, seed)
    found: Results = {"people": len(sample.people), "seed": seed, "items": len(served.items)}
    if not len(sample.people):
        return Done(found | {"nobody": True}, people=0)
    if len(sample.people) < importance.LEAST:  # what counts for so few would be about someone
        return Done(found | {"few": importance.LEAST}, people=len(sample.people))
    if row.run.algorithm in registry.BY_CHANCE:
        return Done(found | {"chance": True}, people=len(sample.people))
    return Done(found | _examined(asked, method, row.run.catalog_id, told), people=len(sample.people))


def _examined(asked: Asked, method: str, catalog_id: int, told: Progress) -> Results:
    found = _counted(asked, method, lambda share: told.say("explaining recommendations", 0.05 + 0.5 * share))
    told.say("changing one thing at a time", 0.55)
    found["dependence"] = _dependence(asked)
    told.say("fitting simple stand-ins", 0.7)
    found["stand_ins"] = _stand_ins(asked, catalog_id)
    found["concepts"] = _concepts(asked, lambda share: told.say("asking for categories", 0.85 + 0.15 * share))
    return found


def settings_of(given: dict[str, Any]) -> tuple[int, int, str]:
    """(people, seed, method) of an examination. Raises BadInput (fields people, seed, method)."""
    numbers = []
    for name, default, most in (("people", importance.PEOPLE, MOST_PEOPLE), ("seed", 0, 2**31 - 1)):
        said = str(given.get(name, default))
        if not said.isdecimal() or int(said) > most:
            raise BadInput(f"{name} is a whole number up to {most:,}, not “{said[:20]}”.", field=name)
        numbers.append(int(said))
    method = str(given.get("method", ""))
    if method and method not in registry.METHODS:
        raise BadInput(f"There is no method “{method[:40]}”. Known: {', '.join(registry.METHODS)}.", field="method")
    return max(1, numbers[0]), numbers[1], method


def _counted(asked: Asked, method: str, told: Report) -> Results:
    """What attributions over people say, or why they say nothing."""
    sample, material = asked.sample, asked.material
    try:
        name, found = importance.attributed(
            asked.model, sample, material.hidden, method=method, seed=asked.seed, told=told
        )
    except CannotExplain as error:
        return {"method": method, "explained": 0, "why_not": str(error)}
    method_class = registry.get(name)
    about: Results = {
        "method": name, "method_title": method_class.title, "explained": len(found),
        "gap": max(each.relative_gap for _, each in found) if all(each.additive for _, each in found) else None,
    }  # fmt: skip
    if importance.nothing_counts(found):
        return about | {"flat": True}
    return about | _tables(asked, importance.table_of(found))


def _tables(asked: Asked, table: pd.DataFrame) -> Results:
    """The explanations of many people (see importance.table_of) from every side."""
    material, lengths = asked.material, dict(enumerate(asked.sample.histories.lengths.tolist()))
    return {
        "kinds": importance.by_kind(table), "told_apart": importance.told_apart(table),
        "fields": importance.by_field(table), "recency": importance.by_recency(table),
        "categories": importance.by_category(table, material.categories)[:30],
        "top_items": _with_keys(importance.by_item(table), material),
        "beeswarm": beeswarm(table, material.categories, lengths, seed=asked.seed),
        "groups": _by_group(table, asked.groups),
    }  # fmt: skip


def _with_keys(rows: list[dict[str, Any]], material: Material) -> list[dict[str, Any]]:
    """Items by their database keys, which stay when positions change."""
    return [row | {"item": int(material.items.keys[row["item"]])} for row in rows]


def _by_group(table: pd.DataFrame, groups: list[Group]) -> list[Results]:
    """Of each attribute of people what share the newest items, the rest and fields have in each group."""
    found = []
    for each in groups:
        rows = importance.by_group(table, each.of, least=LEAST)
        found.append({"attribute": each.name, "sensitive": each.sensitive, "rows": rows})
    return found


def _dependence(asked: Asked) -> list[Results]:
    model, sample, material = asked.model, asked.sample, asked.material
    found = [_by_length(asked)]
    counts = np.bincount(material.histories.items, minlength=len(material.items)).astype(np.int64)
    rows = dependence.of_popularity(model, sample, counts, material.hidden)
    found.append({"of": "popularity", "name": "popularity of an item", "numbers": True, "rows": rows})
    for name in dependence.fields_read(model, material.histories):
        values = dependence.values_of(material.histories.fields[name])
        if len(values) > 1:
            rows = dependence.curve(values, dependence.of_field(model, sample, name, values))
            kind = "context" if name.startswith(CONTEXT) else "attribute"
            numbers = all(isinstance(value, int | float) for value in values)
            found.append({"of": kind, "name": name.removeprefix(CONTEXT), "numbers": numbers, "rows": rows})
    return [each for each in found if each["rows"]]


def _by_length(asked: Asked) -> Results:
    """How a recommendation firms up with the history, for everyone and by group."""
    values, standing = dependence.of_length(asked.model, asked.sample)
    groups = [
        {"attribute": each.name, "sensitive": each.sensitive,
         "rows": dependence.by_group(values, standing, each.of, least=LEAST)}
        for each in asked.groups
    ]  # fmt: skip
    rows = dependence.curve(values, standing)
    return {"of": "interactions", "name": "interactions known", "numbers": True, "rows": rows, "groups": groups}


def _stand_ins(asked: Asked, catalog_id: int) -> Results:
    material, n = asked.material, len(asked.material.items)
    counts = np.bincount(material.histories.items, minlength=n).astype(np.int64)
    known = Known(
        counts, material.categories, material.creators, material.years,
        cosine_neighbours(material.histories, n, k=ALIKE), reading.vectors(catalog_id, material.items),
    )  # fmt: skip
    fields = [name for name in material.histories.fields if not name.startswith(CONTEXT)]
    rows = described(asked.model, asked.sample.histories, known, material.hidden, fields, seed=asked.seed)
    meanings = {name: MEANINGS[name] for name in rows.table.columns if name in MEANINGS}
    return {"tree": tree(rows, seed=asked.seed), "linear": linear(rows, seed=asked.seed), "meanings": meanings,
            "rows": len(rows.scores)}  # fmt: skip


def _concepts(asked: Asked, told: Report) -> list[Results] | None:
    """None where the recommender is no network that reads histories in order."""
    histories = asked.material.histories
    if not concepts.able(asked.model, histories):
        return None
    rng = np.random.default_rng(asked.seed)
    there = np.flatnonzero(histories.lengths > 0)
    examples = histories.select(np.sort(rng.permutation(there)[:EXAMPLES]))
    shown = np.flatnonzero(asked.sample.items[:, 0] >= 0)
    of = concepts.Asked(asked.sample.histories.select(shown), asked.sample.items[shown, 0], examples)
    return concepts.concepts(asked.model, of, asked.material.categories, seed=asked.seed, told=told)
