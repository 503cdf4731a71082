"""What a person met, as the strip of an explanation page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from explain.selectors import named
from explain.services.asking import Case
from recommender.data.support import RATING


@dataclass(frozen=True)
class Met:
    """An item of the history. `rating`: the last one given; `times` it was met; `off`: switched off by the question;
    `known`: whether the recommender scores it at all."""

    item: str
    label: str
    when: datetime | None
    rating: float | None
    times: int
    off: bool
    known: bool


def met(case: Case) -> list[Met]:
    """Distinct items, the oldest first by when they were last met."""
    past = case.person.past
    told = named.items_by_key(case.question.catalog_id, set(past.items.tolist()))
    known = case.served.items.positions(past.items) >= 0
    last: dict[int, int] = {}
    counts: dict[int, int] = {}
    for at, key in enumerate(past.items.tolist()):
        last.pop(key, None)
        last[key] = at
        counts[key] = counts.get(key, 0) + 1
    return [
        Met(
            told[key].client_id, told[key].label, moment(float(past.times[at])),
            float(past.values[at]) if past.kinds[at] == RATING else None, counts[key],
            told[key].client_id in case.question.without, bool(known[at]),
        )
        for key, at in last.items() if key in told
    ]  # fmt: skip


def moment(seconds: float) -> datetime | None:
    """None for what no calendar holds."""
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, OSError, ValueError):
        return None
