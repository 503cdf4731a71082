"""What would take an item out of a list, and what would bring it in, in a sentence each with a way to try it."""

from __future__ import annotations

import json
from typing import Any

from explain.attribution.in_request import IN_REQUEST
from explain.exceptions import CannotExplain
from explain.services.asking import HISTORY, Case
from explain.services.changing import changes_of_fields, way_in
from explain.services.explaining import counterfactual_of, counterfactual_text
from explain.services.knowable import alternatives, knowable
from explain.views.asked import SET, UNKNOWN, State
from recommender.exceptions import BadInput
from recommender.models import Catalog
from recommender.services import serving


def reach_context(catalog: Catalog, state: State, case: Case, *, way: bool) -> dict[str, Any]:
    """`text` with `off` (ids to switch off) and `address`; `fields` likewise; `offer` where a way in can be looked
    for, `way` what was found."""
    if case.rank is None:
        return {"text": ""}
    if case.rank > state.k:
        return {"text": "", "offer": not way, "way": way_found(catalog, state, case) if way else None}
    return taken_out(catalog, state, case) | {"fields": fields_found(catalog, state, case)}


def taken_out(catalog: Catalog, state: State, case: Case) -> dict[str, Any]:
    game = case.game(HISTORY, with_fields=False)
    found = counterfactual_of(case, game, seconds=IN_REQUEST)
    if found is None:
        return {"text": ""}
    units = [game.units[at] for at in found.removed]
    ids = [case.id_of(unit) for unit in units]
    text = counterfactual_text(case, found, [case.label(unit) for unit in units])
    changed = state._replace(without=tuple(dict.fromkeys([*state.without, *ids])))
    return {
        "text": text,
        "off": ids,
        "off_json": json.dumps(ids),
        "address": changed.address(catalog),
        "tried": found.tried,
    }


def fields_found(catalog: Catalog, state: State, case: Case) -> dict[str, Any] | None:
    """None where nothing of the person but the history is read."""
    if not serving.reads_fields(case.served):
        return None
    try:
        found = changes_of_fields(case, alternatives(case))
    except CannotExplain:
        return None
    names = dict(state.said) | {
        row["name"]: UNKNOWN if row["after"] is None else str(row["after"]) for row in found["changes"]
    }
    settable = {row.name for row in _attributes(case)}
    able = found["found"] and all(row["name"] in settable for row in found["changes"])
    changed = state._replace(said=tuple(names.items()))
    sets = [{"name": SET + row["name"], "value": names[row["name"]]} for row in found["changes"]]
    return {"text": found["text"], "address": changed.address(catalog) if able else "", "sets": sets}


def _attributes(case: Case) -> list[Any]:
    return [row for row in knowable(case) if not row.of_moment]


def way_found(catalog: Catalog, state: State, case: Case) -> dict[str, Any]:
    try:
        found = way_in(case)
    except BadInput as error:
        return {"text": str(error)}
    only_taken = found["found"] and not found["added"]
    ids = tuple(row["id"] for row in found["removed"])
    changed = state._replace(without=tuple(dict.fromkeys([*state.without, *ids])))
    address = changed.address(catalog) if only_taken else ""
    return {"text": found["text"], "address": address, "off": list(ids), "off_json": json.dumps(ids)}
