"""Interactions → PostgreSQL by binary COPY."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.data.readers.rows import Batch

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
EPOCH = 946_684_800_000_000
"""2000, from which PostgreSQL counts, in microseconds since 1970."""

BLOCK = 1 << 18
COLUMNS = "catalog_id, user_id, item_id, data_import_id, time, event_key, value, kind, context"
FIXED = np.dtype(
    [("fields", ">i2")]
    + [
        part
        for name in ("catalog", "user", "item", "data_import", "time")
        for part in ((f"{name}_size", ">i4"), (name, ">i8"))
    ]
    + [("event_key_size", ">i4"), ("event_key", "V16")]
)


def sized(data: bytes | None) -> bytes:
    """A field of a binary COPY: its length and bytes; −1 for NULL."""
    return b"\xff\xff\xff\xff" if data is None else len(data).to_bytes(4, "big") + data


def fixed_part(
    batch: Batch, catalog: int, data_import: int, users: NDArray[np.int64], items: NDArray[np.int64], now: int
) -> NDArray[np.void]:
    """(n,) records of the columns that have the same length in every row."""
    rows = np.zeros(len(batch), dtype=FIXED)
    rows["fields"] = 9
    for name in ("catalog", "user", "item", "data_import", "time"):
        rows[f"{name}_size"] = 8
    rows["event_key_size"] = 16
    rows["catalog"], rows["data_import"], rows["user"], rows["item"] = catalog, data_import, users, items
    rows["time"] = (now if batch.times is None else batch.times) - EPOCH
    rows["event_key"] = batch.keys.view("V16")[:, 0]
    return rows


def tails(batch: Batch) -> tuple[NDArray[np.int64], list[bytes]]:
    """Value, kind and context as bytes, once for each combination, and which of them each row has."""
    numbers, value_codes = np.unique(batch.values, return_inverse=True)
    kinds, contexts = len(batch.kinds.words), len(batch.contexts.words)
    combined = (value_codes * kinds + batch.kinds.codes) * contexts + batch.contexts.codes
    found, codes = np.unique(combined, return_inverse=True)
    parts = []
    for one in found.tolist():
        rest, context = divmod(one, contexts)
        number, kind = divmod(rest, kinds)
        value, text = numbers[number], batch.contexts.words[context]
        parts.append(
            sized(None if np.isnan(value) else struct.pack(">d", value))
            + sized(batch.kinds.words[kind].encode())
            + sized(b"\x01" + text.encode() if text else None)
        )
    return codes.astype(np.int64), parts


def stream(fixed: NDArray[np.void], codes: NDArray[np.int64], parts: list[bytes]) -> bytes:
    """The rows of a binary COPY, one after the other."""
    if len(parts) == 1:
        whole = np.empty(len(fixed), dtype=[("fixed", FIXED), ("tail", f"V{len(parts[0])}")])
        whole["fixed"], whole["tail"] = fixed, np.void(parts[0])
        return whole.tobytes()
    raw, width = fixed.tobytes(), FIXED.itemsize
    heads = (raw[at : at + width] for at in range(0, len(raw), width))
    return b"".join([piece for head, code in zip(heads, codes.tolist(), strict=True) for piece in (head, parts[code])])


def copy_rows(cursor: Any, table: str, rows: bytes) -> None:
    """One COPY of `rows` (see `stream`) into the columns COLUMNS of `table`."""
    with cursor.copy(f"COPY {table} ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(SIGNATURE)
        for at in range(0, len(rows), BLOCK):
            copy.write(rows[at : at + BLOCK])
        copy.write(TRAILER)
