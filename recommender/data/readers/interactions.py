"""Rows of a table of interactions → checked batches of arrays, each row with its key."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import md5

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.data import event_keys
from recommender.data.identifiers import KIND_PATTERN
from recommender.data.readers import values
from recommender.data.readers.occurrences import Hashes, Occurrences
from recommender.data.readers.rejects import Rejects
from recommender.data.readers.rows import BATCH, Batch, Column
from recommender.data.readers.tables import Row, Table

NAMES = ("user", "item", "rating", "timestamp", "kind", "event_id")
KIND = re.compile(KIND_PATTERN)
Mask = NDArray[np.bool_]
Strings = NDArray[np.object_]


@dataclass
class Interactions:
    """The interactions of `table`. A rating must be within `ratings`, and present where `rating_needed`.

    Counts exact repeats (`duplicates`) and ratings of one person for one item, at one time where times are known,
    that differ (`contradicting`); both are kept.
    """

    table: Table
    ratings: tuple[float, float] = (-np.inf, np.inf)
    rating_needed: bool = False
    batch: int = BATCH
    duplicates: int = 0
    contradicting: int = 0
    _rows: Occurrences = field(default_factory=Occurrences)
    _pairs: Occurrences = field(default_factory=Occurrences)
    _contexts: Occurrences = field(default_factory=Occurrences)

    @property
    def has_clock(self) -> bool:
        return "timestamp" in self.table.columns

    @property
    def has_event_ids(self) -> bool:
        return "event_id" in self.table.columns

    def batches(self, rejects: Rejects) -> Iterator[Batch]:
        """Batches in the file's order; rows that cannot be taken go to `rejects`."""
        for lines, flat in gathered(self.table.rows(rejects), self.batch):
            yield self._checked(lines, flat, rejects)

    def _checked(self, lines: list[int], flat: list[str], rejects: Rejects) -> Batch:
        width = len(flat) // len(lines)
        fields = [strings(flat[at::width]) for at in range(width)]
        named = {name: fields[at] for name, at in self.table.columns.items()}
        checks = Checks(len(lines))
        users, items = checks.ids(named["user"], "user"), checks.ids(named["item"], "item")
        ratings = checks.ratings(named.get("rating"), self.ratings, needed=self.rating_needed)
        kinds = checks.kinds(named.get("kind"), ratings)
        times = checks.times(named.get("timestamp"))
        contexts = checks.contexts({name: fields[at] for name, at in self.table.others.items()})
        if self.has_event_ids:
            checks.event_ids(named["event_id"])
        keep = checks.fine
        for at in np.flatnonzero(~keep):
            self.table.reject(rejects, lines[at], checks.reasons[at], flat[at * width : (at + 1) * width])
        batch = Batch(
            users=users.take(keep),
            items=items.take(keep),
            kinds=kinds.take(keep),
            contexts=contexts.take(keep),
            values=ratings[keep],
            times=None if times is None else times[keep],
            keys=np.zeros((int(keep.sum()), 16), dtype=np.uint8),
        )
        self._set_keys(batch, named["event_id"][keep] if self.has_event_ids else None)
        return batch

    def _set_keys(self, batch: Batch, event_ids: Strings | None) -> None:
        """The keys of event_keys, occurrences counted over the whole file."""
        rows = row_texts(batch)
        names = list(event_ids) if event_ids is not None else [f"{row}0" for row in rows]
        batch.keys[:] = hashes("event" if event_ids is not None else "row", names)
        first = batch.keys[:, :8].copy().view("<u8")[:, 0]
        nth = self._rows.add(first)
        again = nth > 0
        if event_ids is None and again.any():
            batch.keys[again] = hashes("row", [f"{rows[at]}{nth[at]}" for at in np.flatnonzero(again)])
        if self.table.others:
            again = self._contexts.add(mixed(first, word_hashes(batch.contexts))) > 0
        self.duplicates += int(again.sum())
        self._count_contradicting(batch, again)

    def _count_contradicting(self, batch: Batch, again: Mask) -> None:
        rated = ~np.isnan(batch.values)
        pairs = mixed(word_hashes(batch.users), word_hashes(batch.items), word_hashes(batch.contexts))
        if batch.times is not None:
            pairs = mixed(pairs, batch.times.astype(np.uint64))
        before = self._pairs.add(pairs[rated])
        self.contradicting += int(((before > 0) & ~again[rated]).sum())


class Checks:
    """Columns of text → columns of values, noting the first reason why a row cannot be taken."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.fine: Mask = np.ones(n, dtype=bool)
        self.reasons: Strings = np.full(n, "", dtype=object)

    def refuse(self, where: Mask, reason: str) -> None:
        new = where & self.fine
        self.reasons[new] = reason
        self.fine &= ~where

    def ids(self, texts: Strings, name: str) -> Column:
        column = coded(texts)
        known = np.array([values.is_client_id(word) for word in column.words], dtype=bool)
        self.refuse(~known[column.codes], f"{name} is not an id (1 to 128 characters, no slash or control character)")
        return column

    def ratings(self, texts: Strings | None, within: tuple[float, float], *, needed: bool) -> NDArray[np.float64]:
        if texts is None:
            return np.full(self.n, np.nan)
        column = coded(texts)
        empty = np.array([not word for word in column.words], dtype=bool)[column.codes]
        found = np.array([values.number(word) for word in column.words], dtype=np.float64)[column.codes]
        if needed:
            self.refuse(empty, "rating is empty")
        self.refuse(np.isnan(found) & ~empty, "rating is not a finite number")
        self.refuse((found < within[0]) | (found > within[1]), f"rating is outside {within[0]:g} to {within[1]:g}")
        return found

    def kinds(self, texts: Strings | None, ratings: NDArray[np.float64]) -> Column:
        if texts is None:
            return Column(np.isnan(ratings).astype(np.int64), ["rating", "view"])
        column = coded(texts)
        words = [word.lower() for word in column.words]
        if "" in words:  # not every line of JSON says it
            rated = np.isnan(ratings).astype(np.int64) + len(words)
            empty = np.array([not word for word in words], dtype=bool)[column.codes]
            column = Column(np.where(empty, rated, column.codes), [*words, "rating", "view"])
            words = column.words
        known = np.array([KIND.fullmatch(word) is not None for word in words], dtype=bool)
        self.refuse(~known[column.codes], "kind is not a word of up to 32 letters, digits, hyphens and underscores")
        return Column(column.codes, words)

    def times(self, texts: Strings | None) -> NDArray[np.int64] | None:
        if texts is None:
            return None
        found = values.microseconds(texts)
        unread = np.isnan(found)
        self.refuse(unread, "timestamp is neither seconds, milliseconds, microseconds nor ISO 8601")
        found[unread] = 0
        self.refuse((found < values.EARLIEST) | (found >= values.LATEST), "timestamp is outside 1970 to 2100")
        return np.clip(found, values.EARLIEST, values.LATEST).astype(np.int64)

    def contexts(self, columns: dict[str, Strings]) -> Column:
        """Each row's other fields as JSON with sorted keys; empty ones are left out."""
        if not columns:
            return Column(np.zeros(self.n, dtype=np.int64), [""])
        names, seen = list(columns), dict[tuple[str, ...], int]()
        rows = zip(*columns.values(), strict=True)
        codes = np.fromiter((seen.setdefault(row, len(seen)) for row in rows), dtype=np.int64, count=self.n)
        words = [context_text(dict(zip(names, row, strict=True))) for row in seen]
        nul = np.array(["\\u0000" in word for word in words], dtype=bool)
        self.refuse(nul[codes], "a field holds a NUL byte")
        return Column(codes, words)

    def event_ids(self, texts: Strings) -> None:
        wrong = np.fromiter((not 1 <= len(one) <= 200 for one in texts), dtype=bool, count=self.n)
        self.refuse(wrong, "event_id must have 1 to 200 characters")


def context_text(fields: dict[str, str]) -> str:
    given = {name: text.strip() for name, text in fields.items() if text.strip()}
    return json.dumps(given, sort_keys=True, ensure_ascii=False) if given else ""


def gathered(rows: Iterator[Row], size: int) -> Iterator[tuple[list[int], list[str]]]:
    """The lines of up to `size` rows, and their fields one after the other.

    Rows are not kept as lists: the garbage collector would look through all of them again and again.
    """
    lines: list[int] = []
    flat: list[str] = []
    for line, row in rows:
        lines.append(line)
        flat.extend(row)
        if len(lines) == size:
            yield lines, flat
            lines, flat = [], []
    if lines:
        yield lines, flat


def strings(column: Sequence[str]) -> Strings:
    array = np.empty(len(column), dtype=object)
    array[:] = column
    return array


def coded(texts: Strings) -> Column:
    """Texts, less spaces around them, as codes."""
    codes, words = pd.factorize(texts)
    return Column(codes.astype(np.int64), [str(word).strip() for word in words])


def row_texts(batch: Batch) -> list[str]:
    """What event_keys.of_row hashes, up to the occurrence; a file without a clock has the time 0."""
    mark, n = event_keys.SEPARATOR, len(batch)
    found, codes = np.unique(batch.values, return_inverse=True)
    numbers = ["" if value != value else struct.pack(">d", value).hex() for value in found.tolist()]
    kinds = batch.kinds.words
    middles = [f"{kind}{mark}{number}{mark}" for kind in kinds for number in numbers]
    users = [word + mark for word in batch.users.words]
    items = [word + mark for word in batch.items.words]
    columns = (
        batch.users.codes.tolist(),
        batch.items.codes.tolist(),
        (batch.kinds.codes * len(numbers) + codes).tolist(),
        [0] * n if batch.times is None else batch.times.tolist(),
    )
    rows = zip(*columns, strict=True)
    return [f"{users[user]}{items[item]}{middles[middle]}{time}{mark}" for user, item, middle, time in rows]


def hashes(kind: str, texts: Sequence[str]) -> NDArray[np.uint8]:
    """(n, 16) bytes: the key of each text, as event_keys makes it."""
    start = md5(f"{kind}{event_keys.SEPARATOR}".encode(), usedforsecurity=False)
    found = bytearray()
    for text in texts:
        one = start.copy()
        one.update(text.encode())
        found += one.digest()
    return np.frombuffer(bytes(found), dtype=np.uint8).reshape(-1, 16)


def word_hashes(column: Column) -> Hashes:
    """(n,) 64 bits for each row's word."""
    table = pd.util.hash_array(np.array(column.words, dtype=object), categorize=False)
    found: Hashes = table[column.codes] if len(table) else np.zeros(0, dtype=np.uint64)
    return found


def mixed(*columns: Hashes) -> Hashes:
    """(n,) 64 bits that stand for all columns in their order (splitmix64's mixing)."""
    found = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        found = (found ^ column) * np.uint64(0xBF58476D1CE4E5B9)
        found = (found ^ (found >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
        found ^= found >> np.uint64(32)
    return found
