"""On whose behalf the code runs now, and by which way they came: a page, the API, the admin, a command, a worker.

Set once at the edge (middleware, authentication of keys, tasks), read where something is noted. Services that are told
a login use that; this is for those that are not.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import NamedTuple


class Actor(NamedTuple):
    name: str
    """A login's name, an API key's name and first characters, or the account of the machine; never an end user's."""
    way: str


_actor: ContextVar[Callable[[], Actor] | None] = ContextVar("actor", default=None)


@contextmanager
def acting(find: Callable[[], Actor]) -> Iterator[None]:
    """For the block, `find()` says who acts; it is asked only when something is noted."""
    token = _actor.set(find)
    try:
        yield
    finally:
        _actor.reset(token)


def enter(actor: Actor) -> Token[Callable[[], Actor] | None]:
    """As `acting`, for callers that hear of beginning and end apart; give what is returned to `leave`."""
    return _actor.set(lambda: actor)


def leave(token: Token[Callable[[], Actor] | None]) -> None:
    _actor.reset(token)


def become(actor: Actor) -> None:
    """Someone more exactly known, until the surrounding `acting` ends."""
    _actor.set(lambda: actor)


def now() -> Actor:
    """Who acts now; outside of requests and tasks the account that runs this process."""
    find = _actor.get()
    return find() if find else Actor(account(), "command")


def account() -> str:
    """The machine's account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return "unknown"
