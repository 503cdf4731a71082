"""Trained recommenders held in this process: loaded on first use, the latest used kept.

When another run is deployed, the one before goes on answering until the new one is loaded beside it; then it takes
over at once. Should the new one not load, the one before stays, and that is logged.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import suppress

import numpy as np
from django.conf import settings
from django.db import connection

from recommender.algorithms import registry
from recommender.data.dataset import Histories
from recommender.exceptions import BadCheckpoint, Conflict
from recommender.models import Catalog, Deployment, Run
from recommender.services import deploying, extending, popular, shelf

logger = logging.getLogger(__name__)
BROKEN_SECONDS = 30.0
"""A checkpoint that cannot be loaded is not tried again for this long."""

SHARE = 20.0


_held: dict[int, deploying.Served] = {}
_used: dict[int, float] = {}
_broken: dict[int, tuple[float, BadCheckpoint | Conflict]] = {}
_answering: dict[int, int] = {}
_coming: set[int] = set()
_rest_until: dict[int, float] = {}
_lock = threading.Lock()
_coming_lock = threading.Lock()


def answering(catalog_id: int, deployed: int) -> int:
    """The run that answers for a catalog here and now: `deployed` once it is held, until then the one before it."""
    before = _answering.get(catalog_id)
    if before == deployed or before not in _held or deployed in _held:
        _answering[catalog_id] = deployed
        return deployed
    _load_beside(deployed)
    return before


def _load_beside(run_id: int) -> None:
    with _coming_lock:
        if run_id in _coming or time.monotonic() < _broken.get(run_id, (0.0, None))[0]:
            return
        _coming.add(run_id)
    threading.Thread(target=_bring, args=(run_id,), name=f"load-{run_id}", daemon=True).start()


def _bring(run_id: int) -> None:
    try:
        get(run_id)
    except (BadCheckpoint, Conflict):  # logged where it was found; the run before goes on answering
        pass
    except Exception:
        logger.exception("Run %s could not be loaded", run_id)
        _broken[run_id] = (time.monotonic() + BROKEN_SECONDS, Conflict(f"Run {run_id} could not be loaded."))
    finally:
        connection.close()
        with _coming_lock:
            _coming.discard(run_id)


def get(run_id: int) -> deploying.Served:
    """The recommender of a succeeded run. Threads that ask at once wait for one load.

    Raises BadCheckpoint or Conflict.
    """
    _used[run_id] = time.monotonic()
    found = _held.get(run_id)
    if found is not None and not deploying.outdated(found):
        return found
    with _lock:
        if run_id not in _held or deploying.outdated(_held[run_id]):
            _held[run_id] = _loaded(run_id)
            _make_room()
        return _held[run_id]


def path(run_id: int) -> str:
    """The files of the weights that answer for a run. They are asked for anew where an erasure may change them."""
    found = _held.get(run_id)
    if found is None or found.algorithm in registry.REMEMBERING:
        return deploying.final_path(run_id=run_id)
    return found.path


def behind(run_id: int, version: int) -> bool:
    """Whether the recommender held may not know items of this version of the catalogue; then they are looked up in
    the background, for at most a twentieth of the time."""
    found = _held.get(run_id)
    if found is None or not extending.behind(found, version):
        return False
    with _coming_lock:
        if run_id in _coming or time.monotonic() < _rest_until.get(run_id, 0.0):
            return True
        _coming.add(run_id)
    threading.Thread(target=_look, args=(run_id,), name=f"items-{run_id}", daemon=True).start()
    return True


def _look(run_id: int) -> None:
    began = time.monotonic()
    try:
        found = extending.looked_at(_held[run_id]) or _loaded(run_id)
        with _lock:
            _held[run_id] = found
    except Exception:  # the one held goes on answering
        logger.exception("The later items of run %s could not be looked up", run_id)
    finally:
        connection.close()
        _rest_until[run_id] = time.monotonic() + (time.monotonic() - began) * SHARE
        with _coming_lock:
            _coming.discard(run_id)


def _make_room() -> None:
    while len(_held) > settings.SERVING_MODELS:
        oldest = min(_held, key=lambda run_id: _used.get(run_id, 0.0))
        _held.pop(oldest)


def _loaded(run_id: int) -> deploying.Served:
    until, error = _broken.get(run_id, (0.0, None))
    if error is not None and time.monotonic() < until:
        raise error
    began = time.perf_counter()
    try:
        found = extending.extended(deploying.load_final(run=Run.objects.get(pk=run_id)))
    except (BadCheckpoint, Conflict) as error:
        _broken[run_id] = (time.monotonic() + BROKEN_SECONDS, error)
        logger.error("Run %s cannot serve: %s", run_id, error)
        raise
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(settings.SERVING_THREADS)
    _try(found)
    logger.info("Loaded run %s (%s) in %.1f s", run_id, found.algorithm, time.perf_counter() - began)
    return found


def _try(found: deploying.Served) -> None:
    """Score once, since a first time takes longer than all others."""
    if len(found.items):
        one, none = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int16)
        values, times = np.ones(1, dtype=np.float32), np.full(1, time.time())
        with suppress(Exception):  # what cannot be scored is told to whoever asks for it
            found.model.score(Histories(np.array([0, 1]), one, values, times, none, now=time.time()))


def warm_up() -> None:
    """Load what is deployed and count what is popular, so that no one waits for it.

    What cannot be loaded is logged and left to its first use.
    """
    latest = Deployment.objects.order_by("catalog_id", "-id").distinct("catalog_id")
    for run_id in list(latest.values_list("run_id", flat=True)[: settings.SERVING_MODELS]):
        try:
            get(run_id)
        except Exception:
            logger.exception("The deployed run %s could not be loaded", run_id)
    for catalog_id in Catalog.objects.values_list("pk", flat=True)[: settings.SERVING_MODELS]:
        popular.popular(catalog_id=catalog_id)
        shelf.fill(catalog_id)


def forget() -> None:
    """Drop all that is held."""
    with _lock:
        _held.clear()
        _broken.clear()
        _answering.clear()
        _rest_until.clear()
