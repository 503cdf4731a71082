"""Redis as short memory: one connection pool per process, and what to do while it is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)
Found = TypeVar("Found")
REST_SECONDS = 5.0
"""After a failure Redis is left alone this long, so that answers do not wait for it one by one."""

_away_until = 0.0


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    return connected(settings.REDIS_URL)


def connected(url: str) -> redis.Redis:
    """Fails fast: one more try at once (a kept connection may be of a Redis that restarted), no waiting."""
    retry = Retry(NoBackoff(), 1)
    return redis.Redis.from_url(url, socket_connect_timeout=0.5, socket_timeout=1.0, retry=retry)


def asking(call: Callable[[redis.Redis], Found], otherwise: Found) -> Found:
    """`call(client)`, or `otherwise` while Redis cannot be reached; logged once each time it goes away."""
    global _away_until
    now = time.monotonic()
    if now < _away_until:
        return otherwise
    try:
        found = call(client())
    except redis.RedisError as error:
        if not _away_until:
            logger.warning("Redis cannot be reached (%s); answers go on without it.", error)
        _away_until = now + REST_SECONDS
        return otherwise
    if _away_until:
        logger.warning("Redis is back.")
        _away_until = 0.0
    return found
