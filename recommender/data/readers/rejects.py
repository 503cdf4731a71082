"""Rows that cannot be taken: kept with file, line and reason, counted, and written as CSV."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from typing import IO, Any

HEADER = ("file", "line", "reason", "row")
LONGEST_ROW = 2_000
SAMPLES, SAMPLED_REASONS, LONGEST_SAMPLE = 3, 20, 300
"""Of how many reasons how many rows are kept to be shown, and how much of each."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Rejects:
    """A growing CSV in a temporary file; `reasons` counts by words, `tables` by role (users, items, interactions).

    `samples` holds the first rows of each reason.
    """

    def __init__(self) -> None:
        self.file: IO[str] = tempfile.TemporaryFile("w+", newline="", encoding="utf-8")  # noqa: SIM115
        self.reasons: Counter[str] = Counter()
        self.tables: Counter[str] = Counter()
        self.samples: list[dict[str, Any]] = []
        self._writer = csv.writer(self.file)
        self._writer.writerow(HEADER)

    def __len__(self) -> int:
        return sum(self.tables.values())

    def add(self, table: str, file: str, line: int, reason: str, row: str) -> None:
        """A spreadsheet would run a row that begins as a formula, so such a row is written with a quote before."""
        self.reasons[reason] += 1
        self.tables[table] += 1
        shown = row[:LONGEST_ROW]
        if shown.startswith(FORMULA):
            shown = "'" + shown
        self._writer.writerow((file, line, reason, shown))
        if self.reasons[reason] <= SAMPLES and len(self.reasons) <= SAMPLED_REASONS:
            self.samples.append({"file": file, "line": line, "reason": reason, "row": row[:LONGEST_SAMPLE]})
