"""How often a key or a login may call: a count per window, kept in Redis in one round trip."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from recommender.services import memory
from recommender.services.answers import Call

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@lru_cache
def window(rate: str) -> tuple[int, int]:
    """(calls, seconds) of a rate such as “6000/min”."""
    calls, unit = re.fullmatch(r"(\d+)/([smhd])[a-z]*", rate).groups()  # type: ignore[union-attr]
    return int(calls), SECONDS[unit]


def call_of(caller: str, kind: str) -> Call:
    """The window in which a call of `caller` (a "key" or a "login") is counted now."""
    most, seconds = window(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"][kind])
    return Call(f"recsite:calls:{caller}:{seconds}:{int(time.time() // seconds)}", seconds, most)


def left_of(seconds: int) -> float:
    """Seconds until the next window begins."""
    return seconds - time.time() % seconds


class CallerThrottle(BaseThrottle):
    def __init__(self) -> None:
        self.left = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        call = call_of(request.auth.name, "key" if request.auth.key else "login")
        self.left = left_of(call.seconds)
        return _count(call.name, call.seconds) <= call.most

    def wait(self) -> float:
        return self.left


def _count(name: str, seconds: int) -> int:
    """The calls of this window, this one included; 0 while Redis is away (nobody is refused for that)."""

    def ask(redis: Any) -> int:
        with redis.pipeline(transaction=False) as pipe:
            pipe.incr(name)
            pipe.expire(name, seconds + 1)
            return int(pipe.execute()[0])

    return memory.asking(ask, 0)
