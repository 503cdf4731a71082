"""Django's cache in Redis, for what can be done without: while Redis is away nothing is remembered, nobody refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache


class ForgivingCache(RedisCache):
    """A read finds nothing and a write does nothing while Redis cannot be reached."""

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return _or(default, lambda: super(ForgivingCache, self).get(key, default, version))

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        _or(None, lambda: super(ForgivingCache, self).set(key, value, timeout, version))

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(_or(False, lambda: super(ForgivingCache, self).add(key, value, timeout, version)))

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        return int(_or(0, lambda: super(ForgivingCache, self).incr(key, delta, version)))


def _or(otherwise: Any, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except redis.RedisError:
        return otherwise
