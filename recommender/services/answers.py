"""Finished answers kept in Redis for as long as nothing they depend on has changed.

What an answer depends on is asked of the database with every call (selectors.hot.standing): the run that answers, the
version of the catalogue, and the state of the person and their history; and of a run that remembers people, which
files hold its weights, since an erasure writes them anew. It is the label under which an answer is kept,
taken from the very rows the answer was made from. So nothing has to be told to the cache when something happens, by
whatever process or statement: an answer with another label is simply not given. While Redis is away nothing is kept.

One hash per person holds the label and the answers under it: who is erased takes them along, and answers of an older
label go when one of a newer label comes. Taking an answer out counts the call and leaves the impression in the same
round trip.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

from django.conf import settings

from recommender.services import impressions, memory

PREFIX = "recsite:answers"
HITS, MISSES = f"{PREFIX}:hits", f"{PREFIX}:misses"
MOST = 50
"""Answers kept of one person: pages, filters, contexts."""
ERASED = "erased"

TAKE = """
local calls = redis.call('INCR', KEYS[1])
if calls == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
if calls > tonumber(ARGV[2]) then return 0 end
local kept = ARGV[3] ~= '' and redis.call('HMGET', KEYS[2], 'label', ARGV[4])
if not kept or kept[1] ~= ARGV[3] or not kept[2] then
    redis.call('INCR', KEYS[5])
    return 1
end
local cut = string.find(kept[2], '\\n', 1, true)
redis.call('RPUSH', KEYS[3], ARGV[5] .. string.sub(kept[2], 1, cut - 1))
redis.call('INCR', KEYS[4])
return string.sub(kept[2], cut + 1)
"""
KEEP = """
local label = redis.call('HGET', KEYS[1], 'label')
if label == 'erased' then return end
if label ~= ARGV[1] or redis.call('HLEN', KEYS[1]) > tonumber(ARGV[5]) then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'label', ARGV[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
"""


class Slot(NamedTuple):
    """Where an answer is kept: whose it is, on what it depends, what was asked."""

    catalog_id: int
    person_id: int
    label: str
    asked: str

    @property
    def key(self) -> str:
        return key_of(self.catalog_id, self.person_id)


class Call(NamedTuple):
    """A call to be counted: in which window of which caller, and how many there may be."""

    name: str
    seconds: int
    most: int


TOO_MANY, MISS = 0, 1


def key_of(catalog_id: int, person_id: int) -> str:
    return f"{PREFIX}:{catalog_id}:{person_id}"


def label_of(*, run_id: int, path: str, version: int, mark: str) -> str:
    """`path` of the run's weights (services.loaded.path): they are written anew where someone erased was in them."""
    return f"{run_id}:{path}:{version}:{mark}"


def asked_of(query: str) -> str:
    """A short name of the query of an address, letter by letter: order and spelling count."""
    return blake2b(query.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def on() -> bool:
    return settings.ANSWER_SECONDS > 0


def take(call: Call, slot: Slot | None, recommendation_id: uuid.UUID, now: float) -> int | bytes:
    """Count a call; the rest of a kept answer (see `keep`), whose impression is then left, else TOO_MANY or MISS."""
    head = f'{{"id": "{recommendation_id}", "time": {now:.3f}, '
    label, key, asked = (slot.label, slot.key, slot.asked) if slot and on() else ("", "", "")
    names = [call.name, key or PREFIX, impressions.LIST, HITS, MISSES]
    given = [call.seconds + 1, call.most, label, asked, head]
    found: int | bytes = memory.asking(lambda redis: _script(redis, TAKE)(keys=names, args=given, client=redis), MISS)
    return found


def keep(slot: Slot, *, impression: dict[str, Any], rest: bytes) -> None:
    """Keep the `rest` of an answer (all but its id and the brace before it) and of its impression (but id, time)."""
    if not on():
        return
    value = json.dumps(impression).encode()[1:] + b"\n" + rest
    given = [slot.label, slot.asked, value, settings.ANSWER_SECONDS, MOST]
    memory.asking(lambda redis: _script(redis, KEEP)(keys=[slot.key], args=given, client=redis), None)


def forget(*, catalog_id: int, person_ids: Iterable[int]) -> None:
    """Drop what is kept of people, and keep nothing of them that is being made at this moment."""

    def drop(redis: Any) -> None:
        with redis.pipeline() as pipe:
            for person_id in person_ids:
                pipe.delete(key_of(catalog_id, person_id))
                pipe.hset(key_of(catalog_id, person_id), "label", ERASED)
                pipe.expire(key_of(catalog_id, person_id), max(60, 2 * settings.ANSWER_SECONDS))
            pipe.execute()

    memory.asking(drop, None)


def counts() -> tuple[int, int]:
    """(answers taken out of the cache, answers made) since Redis began; (0, 0) while it is away."""
    found = memory.asking(lambda redis: redis.mget(HITS, MISSES), (None, None))
    return int(found[0] or 0), int(found[1] or 0)


_scripts: dict[str, Any] = {}


def _script(redis: Any, text: str) -> Any:
    if text not in _scripts:
        _scripts[text] = redis.register_script(text)
    return _scripts[text]
