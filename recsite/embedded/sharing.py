"""Sharing the embedded servers between commands.

Whoever needs the servers holds a shared lock on locks/holders. Starting, adopting and stopping happen under an
exclusive lock on locks/start. The last one out finds that it can have locks/holders for itself and stops the servers.
Locks are the kernel's, so a holder that is killed holds nothing; servers that it leaves behind serve the next command,
which stops them when it ends.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recsite.embedded.places import Places, addresses, locked, places, prepare
from recsite.embedded.servers import Options, Postgres, Redis, Server


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Disregard Ctrl-C and requests to end while the block runs, so that tidying up is never left half done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    # A handler that does nothing, not SIG_IGN, which children would inherit; nor a mask, which other threads lack.
    before = [(number, signal.signal(number, lambda *_: None)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


class Held:
    """The servers while they are held."""

    def __init__(self, spots: Places, options: Options, wanted: set[str]) -> None:
        self.spots, self.wanted = spots, wanted
        self.postgres, self.redis = Postgres(spots, options), Redis(spots, options)

    @property
    def servers(self) -> list[Server]:
        return [self.postgres, self.redis]

    def ensure(self) -> None:
        """Start or adopt the wanted servers; return once they answer."""
        with locked(self.spots.locks / "start"):
            for server in self.servers:
                if server.name in self.wanted:
                    server.ensure()

    def stop(self) -> None:
        for server in reversed(self.servers):
            server.stop()


@contextmanager
def running(
    data_dir: Path, *, postgres: bool = True, redis: bool = True, options: Options | None = None
) -> Iterator[Held]:
    """Have the servers of `data_dir` answer while the block runs; the last block to end, of all processes, stops them.

    Raises EmbeddedError, with what to do, where they cannot be had.
    """
    spots = places(data_dir)
    prepare(spots)
    wanted = {name for name, on in (("postgres", postgres), ("redis", redis)) if on}
    held = Held(spots, options or Options(), wanted)
    holders = os.open(spots.locks / "holders", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with locked(spots.locks / "start"):
            fcntl.flock(holders, fcntl.LOCK_SH)
        held.ensure()
        yield held
    finally:
        with uninterrupted():
            _leave(held, holders)


def _leave(held: Held, holders: int) -> None:
    """Give the hold up; stop the servers if nobody else has one."""
    try:
        with locked(held.spots.locks / "start"):
            try:
                fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            held.stop()
    finally:
        os.close(holders)


def wanted_by(settings: Any) -> dict[str, bool]:
    """Which embedded servers Django's settings rely on, as arguments of `running`."""
    own = addresses(settings.DATA_DIR)
    uses_redis = {own.redis_url, own.broker_url} & {settings.REDIS_URL, settings.CELERY_BROKER_URL}
    return {"postgres": settings.EMBEDDED, "redis": bool(uses_redis)}
