"""Which workers live: each notes the time of its last heartbeat in Redis. Needs settings only, no rows."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any, cast

import redis
from django.conf import settings

KEY = "recsite:workers"
ALIVE_SECONDS = 15.0
"""A worker that has not been heard of for so long is not counted on."""
FORGET_SECONDS = 86_400.0


@cache
def client() -> redis.Redis:
    """Redis, answering within seconds or not at all."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def note_worker(name: str, queues: list[str]) -> None:
    """Say that `name` lives and what it listens to. A Redis that is away is no reason to stop working."""
    try:
        client().hset(KEY, name, json.dumps({"time": time.time(), "queues": queues}))
    except redis.RedisError:
        return


def forget_worker(name: str) -> None:
    try:
        client().hdel(KEY, name)
    except redis.RedisError:
        return


def workers() -> list[dict[str, Any]]:
    """{"name", "queues", "age" in seconds, "alive"} of every worker heard of within a day. Raises redis.RedisError."""
    found, now = [], time.time()
    for name, note in cast(dict[bytes, bytes], client().hgetall(KEY)).items():
        known = json.loads(note)
        age = max(0.0, now - known["time"])
        if age > FORGET_SECONDS:
            client().hdel(KEY, name)
        else:
            found.append({"name": name.decode(), "queues": known["queues"], "age": age, "alive": age < ALIVE_SECONDS})
    return sorted(found, key=lambda each: str(each["name"]))
