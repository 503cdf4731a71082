"""What adapting to a person changed: the explained item and the list before and after, and whose ratings did it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explain.attribution.adaptation import Adaptation, Moved, adapted_against_prior
from explain.selectors import named
from explain.services.asking import HISTORY, Case
from explain.services.explaining import units_of
from recommender.algorithms.base import Adaptable

LISTED = 5


@dataclass(frozen=True)
class Adapted:
    """`rises`, `falls`: (title, rank before, rank after); `units`: how much of the change of the target each thing
    known made, the strongest first; `parts` the attribution they are from."""

    of: Adaptation
    rises: list[tuple[str, int, int]]
    falls: list[tuple[str, int, int]]
    units: list[dict[str, Any]]


def adapts(case: Case) -> bool:
    return isinstance(case.served.model, Adaptable) and bool(len(case.histories.items))


def adapted(case: Case) -> Adapted:
    """Raises CannotExplain where the recommender does not adapt or the item is not shown."""
    found = adapted_against_prior(case.game(HISTORY), listed=LISTED)
    keys = case.served.items.keys
    moved = [*found.rises, *found.falls]
    told = named.items_by_key(case.question.catalog_id, [int(keys[each.item]) for each in moved])

    def rows(these: tuple[Moved, ...]) -> list[tuple[str, int, int]]:
        return [
            (told[int(keys[each.item])].label, each.rank_before, each.rank_after)
            for each in these if int(keys[each.item]) in told
        ]  # fmt: skip

    units = units_of(case, found.parts) if found.parts is not None else []
    return Adapted(found, rows(found.rises), rows(found.falls), units)
