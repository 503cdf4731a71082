"""What was adapted of one person as bytes, to be stored: numbers and their shapes, compressed, no pickle."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from recommender.algorithms.base import Adapted
from recommender.exceptions import BadCheckpoint

MAGIC = b"AS1"
DTYPES = ("<f4", "<f8", "<f2", "<i4", "<i8", "<i2", "|i1", "|u1", "|b1")
"""What an array may hold; its place here is its code."""
LONGEST = 50_000_000
"""Bytes that an unpacked state has at most."""


def pack(adapted: Adapted, row: int = 0) -> bytes:
    """What is kept of the person `row`.

    MAGIC, then zlib of: the number of arrays; of each the length of its name, the name, the code of its type, the
    number of its axes (the person's aside), their lengths, and its numbers, little-endian.
    """
    parts = [struct.pack("<B", len(adapted))]
    for name, array in adapted.items():
        own = np.array(array[row], order="C")
        kind = own.dtype.newbyteorder("<").str
        if kind not in DTYPES:
            raise BadCheckpoint(f"What was adapted holds “{name}” of type {own.dtype}, which cannot be stored.")
        text = name.encode()
        parts.append(struct.pack(f"<B{len(text)}sBB", len(text), text, DTYPES.index(kind), own.ndim))
        parts.append(struct.pack(f"<{own.ndim}I", *own.shape))
        parts.append(own.astype(kind).tobytes())
    return MAGIC + zlib.compress(b"".join(parts), 1)


def unpack(payload: bytes) -> Adapted:
    """The arrays of one person, a first axis of length 1 before the others. Raises BadCheckpoint."""
    if payload[: len(MAGIC)] != MAGIC:
        raise BadCheckpoint("A stored adapted state is of another kind.")
    try:
        wide = zlib.decompressobj()
        body = wide.decompress(payload[len(MAGIC) :], LONGEST)
        if wide.unconsumed_tail or not wide.eof:
            raise BadCheckpoint("A stored adapted state is not whole.")
        return _arrays(body)
    except (zlib.error, struct.error, ValueError, IndexError, UnicodeDecodeError) as error:
        raise BadCheckpoint("A stored adapted state is damaged.") from error


def _arrays(body: bytes) -> Adapted:
    found: Adapted = {}
    at = 1
    for _ in range(body[0]):
        length = body[at]
        name = body[at + 1 : at + 1 + length].decode()
        at += 1 + length
        kind, axes = np.dtype(DTYPES[body[at]]), body[at + 1]
        shape = struct.unpack_from(f"<{axes}I", body, at + 2)
        at += 2 + 4 * axes
        count = math.prod(shape)
        found[name] = np.frombuffer(body, kind, count, at).reshape(1, *shape)
        at += count * kind.itemsize
    if at != len(body):
        raise ValueError("bytes are left over")
    return found


def together(states: Sequence[Adapted]) -> Adapted:
    """Several people's as one, in that order."""
    return {name: np.concatenate([state[name] for state in states]) for name in states[0]}
