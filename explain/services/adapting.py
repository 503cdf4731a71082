"""What adapting to a person changed: the explained item and the list before and after, and whose ratings did it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explain.attribution.adaptation import Adaptation, Moved, adapted_against_prior
from explain.attribution.game import ITEM, Unit
from explain.selectors import named
from explain.services.asking import HISTORY, Case
from explain.services.explaining import rows_of, units_of
from recommender.algorithms.base import Adaptable, UsuallyRating

LISTED = 5
Title = tuple[str, int, int]
"""Of an item: what it is called, its rank before, its rank after."""


@dataclass(frozen=True)
class Adapted:
    """`rises`, `falls`: (title, rank before, rank after); `units`: how much of the change of the target each thing
    known made, the strongest first; `parts` the attribution they are from. `usual`: of one that predicts ratings by a
    bias model too, each rating's exact part of what is usual for the person."""

    of: Adaptation
    rises: list[Title]
    falls: list[Title]
    units: list[dict[str, Any]]
    usual: list[dict[str, Any]]


def adapts(case: Case) -> bool:
    return isinstance(case.served.model, Adaptable) and bool(len(case.histories.items))


def adapted(case: Case) -> Adapted:
    """Raises CannotExplain where the recommender does not adapt or the item is not shown."""
    found = adapted_against_prior(case.game(HISTORY), listed=LISTED)
    units = units_of(case, found.parts) if found.parts is not None else []
    return Adapted(found, titled(case, found.rises), titled(case, found.falls), units, usual(case))


def usual(case: Case) -> list[dict[str, Any]]:
    """Rows as explaining.units_of; [] where no bias model says what is usual for the person."""
    if not isinstance(case.served.model, UsuallyRating):
        return []
    ratings, parts = case.served.model.usual_parts(case.histories)
    units = [Unit(ITEM, item) for item in ratings.items.tolist()]
    return rows_of(case, units, parts.astype(np.float64))


def titled(case: Case, moved: Sequence[Moved]) -> list[Title]:
    """Without items that are there no more."""
    keys = case.served.items.keys
    told = named.items_by_key(case.question.catalog_id, [int(keys[each.item]) for each in moved])
    return [
        (told[int(keys[each.item])].label, each.rank_before, each.rank_after)
        for each in moved if int(keys[each.item]) in told
    ]  # fmt: skip
