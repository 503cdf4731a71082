"""What would have to be different: the fewest fields that keep an item in the list, and what would bring one in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from explain.attribution.counterfactual import Counterfactual, fields
from explain.attribution.entry import entry
from explain.attribution.in_request import IN_REQUEST
from explain.attribution.sentences import listed
from explain.exceptions import CannotExplain
from explain.selectors import named
from explain.services.asking import ENTRY, HISTORY, REMOVAL, Case
from explain.services.knowable import alternatives as alternatives_of
from recommender.data.dataset import CONTEXT

Found = dict[str, Any]


def changes_of_fields(
    case: Case,
    alternatives: Mapping[str, Sequence[Any]] | None = None,
    *,
    seconds: float | None = IN_REQUEST,
) -> Found:
    """The smallest change of attributes or context that takes the item out of the first k: {"found", "changes":
    [{"name", "before", "after"}], "rank", "smallest", "text"}. `alternatives`: values a field may have instead, beside
    not being known; after `seconds` the search ends (None: it does not). Raises CannotExplain where nothing can be
    changed or the item is not among them."""
    found = fields(case.game(HISTORY), k=case.question.k, alternatives=alternatives, seconds=seconds)
    rows = [
        {"name": change.name.removeprefix(CONTEXT), "before": change.before, "after": change.after}
        for change in found.changes
    ]
    told = [f"{row['name']} {'not known' if row['after'] is None else row['after']}" for row in rows]
    none = f"No change of what is known of the person was found that takes “{case.item.label}” out of the list."
    none += found.stopped_text
    text = f"With {' and '.join(told)}, “{case.item.label}” would fall {_moved(found)}." if found.found else none
    return _document(found) | {"changes": rows, "text": text}


def way_in(case: Case, *, seconds: float | None = IN_REQUEST) -> Found:
    """What would bring an item among the first k: {"found", "added", "removed": [{"id", "label"}], "rank", "smallest",
    "text"}; after `seconds` the search ends (None: it does not). Raises CannotExplain where it is among them or never
    shown."""
    game = case.game(HISTORY, with_fields=False)
    found = entry(game, k=case.question.k, seconds=seconds)
    removed = [{"id": case.id_of(game.units[at]), "label": case.label(game.units[at])} for at in found.removed]
    added = _named(case, found.added)
    none = f"Nothing within {found.most} changes was found that brings “{case.item.label}” into the list."
    none += found.stopped_text
    parts = [f"{_listed(rows)} {words}" for rows, words in ((added, "met too"), (removed, "never met")) if rows]
    text = f"With {' and '.join(parts)}, “{case.item.label}” would rise {_moved(found)}." if found.found else none
    return _document(found) | {"added": added, "removed": removed, "text": text}


def told(case: Case, *, seconds: float | None) -> Found:
    """{"changes": what was looked for beside the removal, for `seconds` at most}, {} where nothing else was; "found" is
    None where there was nothing to look for, which "text" says."""
    kind = case.question.changes
    if kind == REMOVAL:
        return {}
    try:
        if kind == ENTRY:
            found = way_in(case, seconds=seconds)
        else:
            found = changes_of_fields(case, alternatives_of(case), seconds=seconds)
            found["fields_changed"] = found.pop("changes")
    except CannotExplain as error:
        return {"changes": {"kind": kind, "found": None, "text": str(error)}}
    return {"changes": {"kind": kind} | found}


def _named(case: Case, positions: Sequence[int]) -> list[dict[str, str]]:
    keys = [int(case.served.items.keys[at]) for at in positions]
    told = named.items_by_key(case.question.catalog_id, keys)
    return [{"id": told[key].client_id, "label": told[key].label} for key in keys if key in told]


def _listed(rows: Sequence[Mapping[str, str]]) -> str:
    return listed([f"“{row['label']}”" for row in rows])


def _moved(found: Counterfactual) -> str:
    if math.isinf(found.rank_after):
        return "out of it"
    return f"from place {found.rank_before:,.0f} to place {found.rank_after:,.0f}"


def _document(found: Counterfactual) -> Found:
    rank = None if math.isinf(found.rank_after) else found.rank_after
    return {"found": found.found, "rank": rank, "smallest": found.proven_minimal, "tried": found.tried}
