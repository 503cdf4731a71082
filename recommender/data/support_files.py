"""Files for adapting: supports, people, items and pairs, as CSV with a header. Whatever cannot be read is named."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recommender.data.identifiers import KIND_PATTERN
from recommender.data.readers import values
from recommender.data.support import Given
from recommender.exceptions import BadInput

KIND = re.compile(KIND_PATTERN)
LISTS = ("categories", "creators")
ITEM_TEXTS = ("title", "description")
MOST_TOLD = 20
"""Rows that could not be read of which the reason is told."""


@dataclass
class Rejected:
    """Rows that were not taken: how many, and the first reasons."""

    count: int = 0
    reasons: list[dict[str, Any]] = field(default_factory=list)

    def add(self, path: Path, line: int, message: str) -> None:
        self.count += 1
        if len(self.reasons) < MOST_TOLD:
            self.reasons.append({"file": path.name, "line": line, "message": message})


def rows_of(path: Path, needed: tuple[str, ...], name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, fields by column) of a CSV with a header that holds `needed`. Raises BadInput naming `name`."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            header = [each.strip() for each in reader.fieldnames or ()]
            reader.fieldnames = header
            if lacking := [each for each in needed if each not in header]:
                raise BadInput(
                    f"{path} needs a header with {', '.join(needed)}; it lacks {', '.join(lacking)}.", field=name
                )
            for row in reader:
                yield (
                    reader.line_num,
                    {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)},
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a CSV file in UTF-8"
        raise BadInput(f"{path} cannot be read: {reason}.", field=name) from error


def supports(path: Path, rejected: Rejected, *, now: float) -> dict[str, list[Given]]:
    """What each person did by the file `user,item[,rating][,timestamp][,kind]`, in the file's order; without a time it
    happened now, after all that is stored."""
    found: dict[str, list[Given]] = {}
    for line, row in rows_of(path, ("user", "item"), "support"):
        user, item, told = row["user"], row["item"], row.get("rating", "")
        rating, moment = values.number(told), _moment(row.get("timestamp", ""), now)
        kind = row.get("kind", "") or ("rating" if told else "view")
        if not values.is_client_id(user) or not values.is_client_id(item):
            rejected.add(path, line, "user and item are ids of 1 to 128 characters without a slash")
        elif told and math.isnan(rating):
            rejected.add(path, line, f"“{told[:50]}” is no rating: it must be a number")
        elif math.isnan(moment):
            rejected.add(path, line, f"“{row['timestamp'][:50]}” is no time: seconds since 1970 or ISO 8601")
        elif KIND.fullmatch(kind) is None or (kind == "rating" and not told):
            rejected.add(path, line, "a rating needs its number; other kinds are small letters, digits, _ or -")
        else:
            found.setdefault(user, []).append(Given(item, kind, rating if told else None, moment))
    return found


def _moment(text: str, now: float) -> float:
    return now if not text else float(values.microseconds(np.array([text], dtype=object))[0]) / values.MICROSECONDS


def people(path: Path, rejected: Rejected) -> dict[str, dict[str, Any]]:
    """Attributes by person; of a person named twice the last row counts. Several values are parted by bars."""
    found: dict[str, dict[str, Any]] = {}
    for line, row in rows_of(path, ("user",), "users"):
        user = row.pop("user")
        if not values.is_client_id(user):
            rejected.add(path, line, "user is an id of 1 to 128 characters without a slash")
        else:
            found[user] = {name: _value(text) for name, text in row.items() if text}
    return found


def items(path: Path, rejected: Rejected) -> dict[str, dict[str, Any]]:
    """What is said of items: title, description, categories, creators, year, released, attributes."""
    found: dict[str, dict[str, Any]] = {}
    for line, row in rows_of(path, ("item",), "items"):
        item = row.pop("item")
        if not values.is_client_id(item):
            rejected.add(path, line, "item is an id of 1 to 128 characters without a slash")
            continue
        said: dict[str, Any] = {name: row.pop(name, "") for name in ITEM_TEXTS}
        said |= {name: values.several(row.pop(name, "")) for name in LISTS}
        year, released = row.pop("year", ""), row.pop("released", "")
        said |= {"year": values.year(year) if year else None, "released": values.day(released) if released else None}
        found[item] = said | {name: _value(text) for name, text in row.items() if text}
    return found


def pairs(path: Path, rejected: Rejected) -> list[tuple[str, str]]:
    """The pairs (user, item) to predict, in the file's order."""
    found = []
    for line, row in rows_of(path, ("user", "item"), "predict"):
        if values.is_client_id(row["user"]) and values.is_client_id(row["item"]):
            found.append((row["user"], row["item"]))
        else:
            rejected.add(path, line, "user and item are ids of 1 to 128 characters without a slash")
    return found


def _value(text: str) -> Any:
    """A list, a truth, a number or a word."""
    if "|" in text:
        return values.several(text)
    truth = values.flag(text)
    if truth is not None:
        return truth
    return values.number(text) if values.PLAIN_NUMBER.fullmatch(text) else text
