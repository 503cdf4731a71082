"""Text to values: what is taken, and that nothing raises."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest

from recommender.data.readers import values

MOMENT = 1_716_148_800
"""2024-05-19 20:00 UTC."""


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "1_000", "3,5", "٣", "", "0x10", "four", "1 2"])
def test_what_is_no_number_is_nan(text: str) -> None:
    assert math.isnan(values.number(text))


@pytest.mark.parametrize(
    ("text", "found"), [("5", 5.0), ("3.5", 3.5), (".5", 0.5), ("-2e1", -20.0), ("+4", 4.0), ("-0", 0.0)]
)
def test_numbers(text: str, found: float) -> None:
    assert values.number(text) == found
    assert math.copysign(1, values.number("-0")) == 1


@pytest.mark.parametrize(
    "text",
    [
        str(MOMENT),
        f"{MOMENT}.0",
        str(MOMENT * 1_000),
        str(MOMENT * 1_000_000),
        "2024-05-19T20:00:00Z",
        "2024-05-19 20:00:00",
        "2024-05-19T22:00:00+02:00",
        "2024-05-19T20:00:00.000000",
    ],
)
def test_times_in_seconds_milliseconds_microseconds_and_iso_are_the_same_moment(text: str) -> None:
    assert values.microseconds(np.array([text], dtype=object))[0] == MOMENT * 1_000_000


def test_times_of_several_kinds_stand_in_one_column() -> None:
    texts = np.array([str(MOMENT), "2024-05-19", "soon", "", "inf", "1e300"], dtype=object)
    found = values.microseconds(texts)
    assert found[0] == MOMENT * 1_000_000 and found[1] == 1_716_076_800 * 1_000_000
    assert np.isnan(found[2:]).all()


def test_fractions_of_seconds_are_kept() -> None:
    assert values.microseconds(np.array(["1.25", "2024-05-19T20:00:00.5Z"], dtype=object)).tolist() == [
        1_250_000, MOMENT * 1_000_000 + 500_000,
    ]  # fmt: skip


def test_years_prices_days_flags_and_lists() -> None:
    assert [values.year(text) for text in ("1995", "2008.0", "-750", "1995.5", "5000", "x")] == [
        1995, 2008, -750, None, None, None,
    ]  # fmt: skip
    assert [values.price(text) for text in ("Free", "$1.99", "0")] == [0.0, 1.99, 0.0]
    assert math.isnan(values.price("-1")) and math.isnan(values.price("cheap"))
    assert [values.day(text) for text in ("1995-01-01", "01-Jan-1995", "yesterday")] == [
        date(1995, 1, 1), date(1995, 1, 1), None,
    ]  # fmt: skip
    assert [values.flag(text) for text in ("Yes", "false", "1")] == [True, False, None]
    assert values.several("a| b ||a") == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        *((text, True) for text in ("a", "user.name@x", "ä b", "x" * 128)),
        *((text, False) for text in ("x" * 129, "a/b", "", ".", "..", "a\n", "a\0b")),
    ],
)
def test_ids(text: str, fine: bool) -> None:
    assert values.is_client_id(text) is fine
