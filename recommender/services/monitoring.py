"""Is everything there? Servers, queues, workers, live runs, what is deployed, how old the data are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis
from celery import current_app
from django.db import DatabaseError, connection
from kombu.exceptions import OperationalError

from recommender import workers as heartbeats
from recommender.models import Catalog
from recommender.selectors import runs

QUEUES = ("default", "training")


def system_status() -> dict[str, Any]:
    """All of it, as JSON can hold it; what cannot be asked because a server is away is empty.

    {"servers": {name: {"ok", "text"}}, "queues": {name: depth or None},
    "workers": [{"name", "queues", "age", "alive"}], "runs": [the live ones], "deployed": […],
    "data": [{"catalog", "users", "items", "interactions", "newest", "newest_age", …}]}; ages in seconds.
    """
    servers = server_status()
    known: dict[str, Any] = {"servers": servers, "queues": queue_depths(), "workers": worker_status()}
    there = servers["database"]["ok"]
    return known | {
        "runs": runs.live_runs() if there else [],
        "deployed": runs.deployed_runs() if there else [],
        "data": [runs.data_age(catalog=catalog) for catalog in Catalog.objects.all()] if there else [],
    }


def server_status() -> dict[str, dict[str, Any]]:
    """Whether database, Redis and broker answer: {"database": {"ok", "text"}, …}; quick enough for a health check."""
    return {
        "database": _asked(_ask_database),
        "redis": _asked(lambda: heartbeats.client().ping()),
        "broker": _asked(_ask_broker),
    }


def worker_status() -> list[dict[str, Any]]:
    """Workers heard of within a day; nobody where Redis is away."""
    try:
        return heartbeats.workers()
    except redis.RedisError:
        return []


def listens(queue: str) -> bool:
    """Whether a worker that takes from `queue` has been heard of just now."""
    return any(each["alive"] and queue in each["queues"] for each in worker_status())


def queue_depths() -> dict[str, int | None]:
    """Messages that wait per queue; None where the broker is away."""
    return {name: queue_depth(name) for name in QUEUES}


def queue_depth(name: str) -> int | None:
    """Messages that wait in a queue of the broker, whatever kind it is (asked by a passive declaration)."""
    try:
        with current_app.connection_for_read(connect_timeout=2) as broker:
            channel = broker.default_channel
            try:
                return int(channel.queue_declare(queue=name, passive=True).message_count)
            except broker.channel_errors:  # nobody has declared it yet
                return 0
    except (OperationalError, OSError, redis.RedisError):
        return None


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_broker() -> None:
    with current_app.connection_for_read(connect_timeout=2) as broker:
        broker.ensure_connection(max_retries=1, timeout=2)


def _asked(ask: Callable[[], Any]) -> dict[str, Any]:
    try:
        ask()
    except (DatabaseError, OperationalError, redis.RedisError, OSError) as error:
        return {"ok": False, "text": str(error).strip().partition("\n")[0] or type(error).__name__}
    return {"ok": True, "text": "answers"}
