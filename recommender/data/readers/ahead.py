"""Reads ahead: the next batch is parsed while the last one is written."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, TypeVar

Thing = TypeVar("Thing")
DONE = object()
PATIENCE = 0.2
"""Seconds after which a reader whose consumer is full looks whether it is still wanted."""


def ahead(things: Iterator[Thing], depth: int = 2) -> Iterator[Thing]:
    """The same things, made in a thread up to `depth` in advance. An error comes where it would have come."""
    waiting: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(maxsize=depth)
    unwanted = threading.Event()

    def put(thing: tuple[Any, BaseException | None]) -> bool:
        while not unwanted.is_set():
            try:
                waiting.put(thing, timeout=PATIENCE)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for thing in things:
                if not put((thing, None)):
                    return
            put((DONE, None))
        except BaseException as error:  # it is raised again where the things are used
            put((DONE, error))

    thread = threading.Thread(target=work, name="reader", daemon=True)
    thread.start()
    with closing(taken(waiting)) as found:
        try:
            yield from found
        finally:
            unwanted.set()
            thread.join()


def taken(waiting: queue.Queue[tuple[Any, BaseException | None]]) -> Generator[Any, None, None]:
    while True:
        thing, error = waiting.get()
        if error is not None:
            raise error
        if thing is DONE:
            return
        yield thing
