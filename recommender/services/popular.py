"""What a catalog's people met most, and what they met together: counted from the stored interactions, kept in Redis.

A kept answer is used while nothing changed. After a change it is counted again, but never for more than a fiftieth of
the time: counting that takes 2 ms may happen ten times a second, counting that takes 2 s every 100 s.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from recommender.data.dataset import Float, IdMap, Int
from recommender.selectors import alike
from recommender.selectors import serving as select
from recommender.services import memory

MOST = 100_000
"""Of a larger catalog only the best known items are kept."""
KEPT_SECONDS = 600
COUNTING_SECONDS = 60
SHARE = 50.0
PREFIX = "recsite:counted"


class Counted(NamedTuple):
    """Database keys of items, ascending, and what was counted for each."""

    items: Int
    counts: Float


def popular(*, catalog_id: int) -> Counted:
    """How many people met each item."""
    return _kept(catalog_id, "met_by", lambda: select.met_by(catalog_id, MOST))


def similar(*, catalog_id: int, item_id: int) -> Counted:
    """Cosine of the sets of people who met each item and who met `item_id`: |A ∩ B| / √(|A| |B|)."""
    together = _kept(catalog_id, f"met_together:{item_id}", lambda: select.met_together(catalog_id, item_id))
    everything = popular(catalog_id=catalog_id)
    at = IdMap(everything.items).positions(together.items)
    known = at >= 0
    people, own = everything.counts[at[known]], everything.counts[everything.items == item_id]
    size = min(float(own[0]), select.PEOPLE_COUNTED) if len(own) else 1.0
    # The two counts may be of different moments: a cosine is never above 1.
    cosine = np.minimum(together.counts[known] / np.sqrt(np.maximum(people, 1) * max(size, 1.0)), 1.0)
    return Counted(together.items[known], cosine.astype(np.float32))


def latest(*, catalog_id: int) -> Counted:
    """When each item came out, in days since 1970."""
    return _kept(catalog_id, "latest", lambda: alike.latest(catalog_id, MOST))


def people_alike(*, catalog_id: int, user_id: int) -> Counted:
    """How alike other people's histories are to a person's (keys of people, cosines)."""
    return _kept(catalog_id, f"people_alike:{user_id}", lambda: alike.people_alike(user_id))


def changed(*, catalog_id: int) -> None:
    """Interactions or items of a catalog changed."""
    memory.asking(lambda redis: redis.incr(f"{PREFIX}:{catalog_id}:version"), None)


def forget(*, catalog_id: int) -> None:
    """Drop everything counted for a catalog, at once (someone was erased)."""

    def drop(redis: Any) -> None:
        names = list(redis.scan_iter(f"{PREFIX}:{catalog_id}:*", count=1000))
        names = [name for name in names if not name.endswith(b":version")]
        with redis.pipeline() as pipe:
            pipe.incr(f"{PREFIX}:{catalog_id}:version")
            if names:
                pipe.delete(*names)
            pipe.execute()

    memory.asking(drop, None)


def _kept(catalog_id: int, name: str, count: Callable[[], list[tuple[int, float]]]) -> Counted:
    key, version_key = f"{PREFIX}:{catalog_id}:{name}", f"{PREFIX}:{catalog_id}:version"
    version, stored = memory.asking(lambda redis: redis.mget(version_key, key), (None, None))
    if stored is not None:
        about, _, arrays = stored.partition(b"\n")
        made = json.loads(about)
        fresh = made["version"] == _text(version) or time.time() < made["until"]
        if fresh or not _first(f"{key}:counting"):
            return _unpacked(arrays)
    began = time.time()
    rows = count()
    found = Counted(np.array([row[0] for row in rows], dtype=np.int64), np.array([row[1] for row in rows], np.float32))
    about = {"version": _text(version), "until": began + (time.time() - began) * SHARE}
    packed = json.dumps(about).encode() + b"\n" + found.items.tobytes() + found.counts.tobytes()
    memory.asking(lambda redis: (redis.set(key, packed, ex=KEPT_SECONDS), redis.delete(f"{key}:counting")), None)
    return found


def _first(name: str) -> bool:
    """Whether nobody else is counting this now; while someone is, the others answer with what there was."""
    return bool(memory.asking(lambda redis: redis.set(name, 1, nx=True, ex=COUNTING_SECONDS), True))


def _unpacked(arrays: bytes) -> Counted:
    n = len(arrays) // 12
    return Counted(np.frombuffer(arrays[: 8 * n], np.int64), np.frombuffer(arrays[8 * n :], np.float32))


def _text(version: bytes | None) -> str:
    return (version or b"").decode()
