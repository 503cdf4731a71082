"""What adapting to a person changed: the explained item and the list before and after, and whose ratings did it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from explain.attribution.adaptation import Adaptation, Moved, adapted_against_prior
from explain.selectors import named
from explain.services.asking import HISTORY, Case
from explain.services.explaining import units_of
from recommender.algorithms.base import Adaptable

LISTED = 5
Title = tuple[str, int, int]
"""Of an item: what it is called, its rank before, its rank after."""


@dataclass(frozen=True)
class Adapted:
    """`rises`, `falls`: (title, rank before, rank after); `units`: how much of the change of the target each thing
    known made, the strongest first; `parts` the attribution they are from."""

    of: Adaptation
    rises: list[Title]
    falls: list[Title]
    units: list[dict[str, Any]]


def adapts(case: Case) -> bool:
    return isinstance(case.served.model, Adaptable) and bool(len(case.histories.items))


def adapted(case: Case) -> Adapted:
    """Raises CannotExplain where the recommender does not adapt or the item is not shown."""
    found = adapted_against_prior(case.game(HISTORY), listed=LISTED)
    units = units_of(case, found.parts) if found.parts is not None else []
    return Adapted(found, titled(case, found.rises), titled(case, found.falls), units)


def titled(case: Case, moved: Sequence[Moved]) -> list[Title]:
    """Without items that are there no more."""
    keys = case.served.items.keys
    told = named.items_by_key(case.question.catalog_id, [int(keys[each.item]) for each in moved])
    return [
        (told[int(keys[each.item])].label, each.rank_before, each.rank_after)
        for each in moved if int(keys[each.item]) in told
    ]  # fmt: skip
