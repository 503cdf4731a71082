"""From text to values: numbers, times, dates, ids. Nothing raises; what cannot be read is NaN, None or False."""

from __future__ import annotations

import math
import re
from datetime import date, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.data.identifiers import CLIENT_ID_PATTERN

CLIENT_ID = re.compile(CLIENT_ID_PATTERN)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)
YES, NO = frozenset({"true", "yes"}), frozenset({"false", "no"})
DATES = ("%Y-%m-%d", "%d-%b-%Y", "%d %b %Y", "%Y/%m/%d")
MICROSECONDS = 1_000_000
MARK = "\x1f"
"""Ends each part of a list that a format with lists gives; files of text part them by bars."""
EARLIEST, LATEST = 0, 4_102_444_800 * MICROSECONDS
"""1970 to 2100, in microseconds since 1970."""


def is_client_id(text: str) -> bool:
    return CLIENT_ID.fullmatch(text) is not None


def number(text: str) -> float:
    """A finite number in digits, else NaN ("nan", "inf", "1_000" and "3,5" are none)."""
    if NUMBER.fullmatch(text) is None:
        return math.nan
    found = float(text)
    return found + 0.0 if math.isfinite(found) else math.nan


def year(text: str) -> int | None:
    """A whole number from −3000 to 3000 ("2008.0" too)."""
    found = number(text)
    return int(found) if found == found and found == int(found) and -3_000 <= found <= 3_000 else None


def price(text: str) -> float:
    """A number from 0 on; a currency sign before it may stay, and “free” is 0; else NaN."""
    found = 0.0 if text.lower() == "free" else number(text.lstrip("$€£¥ "))
    return found if found >= 0 else math.nan


def day(text: str) -> date | None:
    for form in DATES:
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def flag(text: str) -> bool | None:
    lowered = text.lower()
    return True if lowered in YES else False if lowered in NO else None


def several(text: str) -> list[str]:
    """The parts of a list, or what stands between bars, without repeats and empty pieces."""
    pieces = text.split(MARK if MARK in text else "|")
    return list(dict.fromkeys(piece.strip() for piece in pieces if piece.strip()))


def microseconds(texts: NDArray[np.object_]) -> NDArray[np.float64]:
    """(n,) microseconds since 1970 of times in seconds, milliseconds, microseconds or ISO 8601; NaN for anything else.

    A number is taken for seconds below 1e11 (the year 5138), for milliseconds below 1e14, else for microseconds.
    """
    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(np.float64)
    size = np.abs(numbers)
    scale = np.select([size < 1e11, size < 1e14, size < 1e17], [1e6, 1e3, 1.0], np.nan)
    found: NDArray[np.float64] = np.rint(numbers * scale)
    words = np.isnan(numbers)
    if words.any():
        moments = pd.to_datetime(pd.Series(texts[words], dtype=object), format="ISO8601", utc=True, errors="coerce")
        whole = moments.dt.as_unit("us").astype("int64").to_numpy(np.float64)
        found[words] = np.where(moments.isna(), np.nan, whole)
    return found
