"""Reading ahead keeps order, passes errors on and leaves no thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from recommender.data.readers.ahead import ahead


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "reader"]


def test_the_same_things_in_the_same_order() -> None:
    assert list(ahead(iter(range(100)))) == list(range(100))
    assert not readers()


def test_an_error_comes_where_it_would_have_come() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("torn")

    things = ahead(broken())
    assert next(things) == 1
    with pytest.raises(ValueError, match="torn"):
        next(things)
    assert not readers()


def test_a_consumer_that_stops_stops_the_reader() -> None:
    things = ahead(iter(range(10_000)))
    assert next(things) == 0
    things.close()  # type: ignore[attr-defined]
    assert not readers()
