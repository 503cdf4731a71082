"""What readers yield: items, people and interactions, in batches, with what they declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

BATCH = 100_000
"""Rows that are in memory at a time."""


@dataclass(frozen=True)
class Declared:
    """An attribute of people or items: its type (category, categories, number, text, flag) and how it may be used."""

    scope: str
    name: str
    type: str
    sensitive: bool
    feature: bool


@dataclass(frozen=True)
class Column:
    """Repeated words as codes: `words[codes[i]]` is the word of row i. `codes` (n,) int64."""

    codes: NDArray[np.int64]
    words: list[str]

    def take(self, keep: NDArray[np.bool_]) -> Column:
        return Column(self.codes[keep], self.words)


@dataclass(frozen=True)
class Batch:
    """n interactions in the file's order.

    `values` (n,) float64, NaN where there is none; `times` (n,) int64 microseconds since 1970, None where the file
    has no clock; `contexts` JSON texts ("" for none); `keys` (n, 16) uint8, as `Interaction.event_key`.
    """

    users: Column
    items: Column
    kinds: Column
    contexts: Column
    values: NDArray[np.float64]
    times: NDArray[np.int64] | None
    keys: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Entity:
    """A person or an item: the client's id and what is known (only what the file gives)."""

    client_id: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
