"""What every line of the log says besides its message: the request it belongs to, or the task and the run."""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from typing import Any

WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
Bound = dict[str, Any]
_bound: ContextVar[Bound] = ContextVar("bound", default={})  # noqa: B039 - never changed in place


def bind(**names: Any) -> Token[Bound]:
    """Have every line from here on carry these; `release` ends it."""
    return _bound.set(_bound.get() | names)


def release(token: Token[Bound]) -> None:
    _bound.reset(token)


@contextmanager
def bound(**names: Any) -> Iterator[None]:
    token = bind(**names)
    try:
        yield
    finally:
        release(token)


def now() -> Bound:
    """What lines carry now: `request_id`, `task`, `run` …"""
    return _bound.get()


def request_id(given: str | None) -> str:
    """The caller's id of a request where it is well-formed, else a new one."""
    return given if given and WELL_FORMED.match(given) else uuid.uuid4().hex


class Context(logging.Filter):
    """Puts what is bound onto each record: `bound`, and `about` as words at the end of a plain line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.bound = now()
        record.about = "".join(f" {name}={value}" for name, value in record.bound.items())
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, what is bound, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        line: Bound = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "bound", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
