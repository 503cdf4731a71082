"""Embedded PostgreSQL and Redis: where they are (the rest of this file is being laid)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Addresses(NamedTuple):
    database_url: str
    redis_url: str
    broker_url: str


def addresses(data_dir: Path) -> Addresses:
    run = data_dir / "run"
    return Addresses(
        f"postgres://recsite@/recsite?host={run}",
        f"unix://{run}/redis.sock?db=0",
        f"redis+socket://{run}/redis.sock",
    )
