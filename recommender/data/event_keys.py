"""What makes two interactions the same one: the client's event id, else the row itself and its occurrence.

The import and the API share this rule, so that a row that arrives by both, or twice, is kept once.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from uuid import UUID

SEPARATOR = "\x1f"  # client ids hold no control characters, so no two rows make the same text
SQL = """md5(concat_ws(E'\\x1f', 'row', {user}, {item}, {kind}, coalesce(encode(float8send({value}), 'hex'), ''),
    round(extract(epoch FROM {time}) * 1000000)::bigint, {occurrence}))::uuid"""
"""`of_row` for PostgreSQL: format it with the expressions of the client's ids, kind, value (double precision), time
(timestamptz) and occurrence (from 0)."""


def of_event(event_id: str) -> UUID:
    """The key of an event that the client named itself."""
    return _uuid("event", event_id)


def of_row(user: str, item: str, kind: str, value: float | None, microseconds: int, occurrence: int) -> UUID:
    """The key of a row without a name: `user` and `item` are the client's ids, the time is counted from 1970.

    `occurrence` counts, from 0, the rows before it in the same file or call that are equal in all of these; context is
    left out, so rows that differ in nothing else are told apart by their occurrence.
    """
    number = "" if value is None else struct.pack(">d", value).hex()
    return _uuid("row", user, item, kind, number, str(microseconds), str(occurrence))


def of_rows(rows: Sequence[tuple[str, str, str, float | None, int]]) -> list[UUID]:
    """The keys of a whole call's rows of (user, item, kind, value, microseconds), occurrences counted in order."""
    met: dict[tuple[str, str, str, float | None, int], int] = {}
    found = []
    for row in rows:
        occurrence = met.get(row, 0)
        met[row] = occurrence + 1
        found.append(of_row(*row, occurrence))
    return found


def _uuid(*parts: str) -> UUID:
    text = SEPARATOR.join(parts).encode()
    return UUID(bytes=hashlib.md5(text, usedforsecurity=False).digest())
