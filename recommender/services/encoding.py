"""Texts of items → vectors, stored with the items: after an import, and before a training that reads them.

What is out of date is found by the version of each text, so that doing it twice, being killed in the middle or two
workers at once cost time and nothing else. The encoder needs torch, so a worker or a command does this; a web process
only for a text that someone types on the page of a new item.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from recommender.algorithms import registry
from recommender.data import text
from recommender.data.dataset import Float
from recommender.exceptions import LeaseLost
from recommender.models import Item, Run, TextEncoding
from recommender.selectors import texts as select
from recommender.services.leases import lease_time, own_name, surely_dead

logger = logging.getLogger(__name__)
BLOCK = 128
"""Items encoded between two looks at whether someone else has taken over, and written together."""
AHEAD = 16
"""Blocks sorted by length together, so that little of a batch is padding."""
SAID = ("title", "categories", "creators", "description")
Status = TextEncoding.Status
Told = Callable[[int, int], None]

_encoder: list[text.Encoder] = []


def encoder() -> text.Encoder:
    """The encoder, loaded once per process."""
    if not _encoder:
        _encoder.append(text.load_encoder())
    return _encoder[0]


def vectors_of(*, run: Run, said: Sequence[Mapping[str, Any]]) -> Float:
    """(n, SIZE) the vectors of items that are not stored, by what is said of each (title, categories, creators,
    description); zeros where nothing is, and throughout where `run` reads no texts."""
    vectors = np.zeros((len(said), text.SIZE), dtype=np.float32)
    composed = [text.compose(**{name: each[name] for name in SAID if name in each}) for each in said]
    at = [place for place, each in enumerate(composed) if each]
    if at and registry.needs_text(run.algorithm, registry.config_class(run.algorithm).from_mapping(run.config)):
        vectors[at] = encoder().encode([composed[place] for place in at])
    return vectors


def ensure_vectors(*, catalog_id: int, newest: int | None = None, report: Told | None = None) -> int:
    """Encode what is out of date (up to the item `newest`); returns how many items that were.

    `report(done, total)` is called before the first block and after each; it may raise to stop.
    """
    waiting = select.out_of_date(catalog_id, newest=newest)
    told = report or (lambda done, total: None)
    told(0, len(waiting))
    done = 0
    for block in _blocks(waiting):
        vectors = encoder().encode([each.text for each in block])
        _store(block, [_literal(row) if each.text else None for each, row in zip(block, vectors, strict=True)])
        done += len(block)
        told(done, len(waiting))
    return done


def _blocks(waiting: Sequence[select.ItemText]) -> Iterator[list[select.ItemText]]:
    for start in range(0, len(waiting), BLOCK * AHEAD):
        by_length = sorted(waiting[start : start + BLOCK * AHEAD], key=lambda each: len(each.text))
        for first in range(0, len(by_length), BLOCK):
            # rows are locked in one order by all
            yield sorted(by_length[first : first + BLOCK], key=lambda each: each.id)


def _literal(vector: Any) -> str:
    return "[" + ",".join(map(repr, vector.tolist())) + "]"


def _store(block: Sequence[select.ItemText], literals: Sequence[str | None]) -> None:
    versions = [text.version_of(each.text) if each.text else "" for each in block]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE recommender_item SET text_vector = new.vector::vector, text_version = new.version "
            "FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS new (id, vector, version) "
            "WHERE recommender_item.id = new.id",
            [[each.id for each in block], list(literals), versions],
        )


def request(*, catalog_id: int) -> bool:
    """Note that a catalog's texts should be looked at; false where that is noted already and nobody has begun."""
    row, made = TextEncoding.objects.get_or_create(catalog_id=catalog_id)
    if made:
        return True
    again = TextEncoding.objects.filter(pk=row.pk).exclude(status=Status.QUEUED)
    return bool(again.update(status=Status.QUEUED, requested=Now(), worker="", heartbeat=None, error=""))


def keep_up(*, catalog_id: int) -> None:
    """From now on changes of this catalog's texts are followed (a training has just read them)."""
    read = {"status": Status.SUCCEEDED, "finished": Now()}
    TextEncoding.objects.get_or_create(catalog_id=catalog_id, defaults=read)


def changed_since() -> list[int]:
    """Catalogs whose texts have been read, and whose items have changed since that was asked for."""
    later = Item.objects.filter(catalog_id=OuterRef("pk"), updated__gt=OuterRef("requested"))
    return list(TextEncoding.objects.filter(Exists(later), status=Status.SUCCEEDED).values_list("pk", flat=True))


def encode_catalog(*, catalog_id: int) -> bool:
    """Carry out what was requested; false, nothing being done, where another worker is at it or nobody asked.

    A request that comes meanwhile takes the work from this worker's hands: the next one begins with what is left.
    """
    worker = own_name()
    late = Q(status=Status.RUNNING, heartbeat__lt=Now() - lease_time())
    free = TextEncoding.objects.filter(Q(status=Status.QUEUED) | late, pk=catalog_id)
    if not free.update(status=Status.RUNNING, worker=worker, heartbeat=Now(), done=0, total=0, error=""):
        return False

    mine = TextEncoding.objects.filter(pk=catalog_id, worker=worker, status=Status.RUNNING)

    def report(done: int, total: int) -> None:
        if not mine.update(done=done, total=total, heartbeat=Now()):
            raise LeaseLost("Another worker encodes this catalog's texts.")

    try:
        ensure_vectors(catalog_id=catalog_id, report=report)
    except LeaseLost:
        logger.info("the texts of catalog %s were asked for again; the next worker goes on", catalog_id)
    except Exception as error:
        logger.exception("the texts of catalog %s could not be encoded", catalog_id)
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:500]
        mine.update(status=Status.FAILED, error=reason, finished=Now())
    else:
        mine.update(status=Status.SUCCEEDED, finished=Now())
    return True


def forgotten() -> list[int]:
    """Catalogs whose worker died or whose message was lost; the caller enqueues them again."""
    for row in TextEncoding.objects.filter(status=Status.RUNNING).annotate(now=Now()):
        if row.heartbeat is None or row.heartbeat < row.now - lease_time() or surely_dead(row.worker):
            still = TextEncoding.objects.filter(pk=row.pk, status=row.status, worker=row.worker)
            still.update(status=Status.QUEUED, worker="", heartbeat=None)
    waiting = TextEncoding.objects.filter(status=Status.QUEUED).annotate(now=Now())
    dead = waiting.filter(Q(heartbeat=None, requested__lt=Now() - lease_time()) | Q(heartbeat__lt=Now() - lease_time()))
    ids = list(dead.values_list("pk", flat=True))
    TextEncoding.objects.filter(pk__in=ids, status=Status.QUEUED).update(heartbeat=Now())  # enqueued now
    return ids
