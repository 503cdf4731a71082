"""What beginning with another catalog's weights changed about one recommendation, where the run began with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from explain.attribution.transfer import Transfer, in_text, transferred
from explain.selectors import material
from explain.services.adapting import LISTED, Title, titled
from explain.services.asking import HISTORY, Case
from explain.services.explaining import rows_of
from recommender.algorithms.base import START
from recommender.exceptions import Conflict
from recommender.models import Run
from recommender.services.starting import started


@dataclass(frozen=True)
class Transferred:
    """`rises`, `falls`: (title, rank before, rank after), from the list of the run `start` asked about this catalog to
    that of the run which began with it; `units`: how much of the change of the target each thing known made."""

    of: Transfer
    start: int
    rises: list[Title]
    falls: list[Title]
    units: list[dict[str, Any]]


def begun(case: Case) -> bool:
    """Whether the recommender began with another's weights and there is something of the person to ask both about."""
    return _start(case) is not None and bool(len(case.histories.items))


def transfer(case: Case) -> Transferred:
    """Raises CannotExplain where the item is not shown or the source reads no texts, Conflict where the run began with
    chance or what it began with is gone."""
    number = _start(case)
    if number is None:
        raise Conflict(f"Run {case.served.run_id} began with chance, not with another catalog’s weights.")
    source = started(run=Run.objects.get(pk=case.served.run_id))[START]
    vectors = material.vectors(case.question.catalog_id, case.served.items)
    if vectors is None:
        raise Conflict("No item of this catalog has a text vector now, so the source cannot be asked about them.")
    found = transferred(case.game(HISTORY), in_text(source, vectors), listed=LISTED)
    rises, falls = titled(case, found.rises), titled(case, found.falls)
    return Transferred(found, number, rises, falls, rows_of(case, found.started.units, np.asarray(found.values)))


def _start(case: Case) -> int | None:
    number: int | None = getattr(case.served.model.config, START, None)
    return number
