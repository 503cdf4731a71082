"""Names of a catalog's items and which are hidden, held in this process under the version they belong to.

Every answer knows the version of the catalogue (it comes with the person, see selectors.hot). A shelf of another
version is never used: the caller asks the database instead, while a thread fills a new one. A catalog that changes all
the time is not read over and over: filling takes at most a twentieth of the time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from recommender.data.dataset import IdMap, Int
from recommender.data.filters import Condition, write
from recommender.selectors import filtering
from recommender.selectors import serving as select
from recommender.selectors.serving import Shown

logger = logging.getLogger(__name__)
MOST = 200_000
"""A larger catalog has no shelf: its names are asked for with each answer, by key."""
SHARE = 20.0
TOO_LARGE_SECONDS = 600.0
KEPT_MASKS = 16
MOST_CHOSEN = 64


@dataclass(frozen=True)
class Shelf:
    """`items` all items of the catalog, `hidden` (n_items,), `names` a row each."""

    version: int
    items: IdMap
    hidden: NDArray[np.bool_]
    names: list[Shown]
    masks: dict[int, tuple[IdMap, NDArray[np.bool_]]] = field(default_factory=dict)

    def shown(self, keys: Iterable[int]) -> dict[int, Shown]:
        """Ids and titles of those of `keys` that exist and are not hidden."""
        wanted = np.fromiter(keys, dtype=np.int64)
        at = self.items.positions(wanted)
        good = at >= 0
        good[good] = ~self.hidden[at[good]]
        return {int(key): self.names[place] for key, place in zip(wanted[good], at[good], strict=True)}

    def gone(self, items: IdMap) -> NDArray[np.bool_]:
        """(len(items),) which of `items` must not be shown: hidden, or no longer there. Kept per list of items."""
        kept = self.masks.get(id(items))
        if kept is None:
            at = self.items.positions(items.keys)
            mask: NDArray[np.bool_] = at < 0
            mask[~mask] = self.hidden[at[~mask]]
            kept = (items, mask)
            if len(self.masks) < KEPT_MASKS:
                self.masks[id(items)] = kept  # the list is kept with it, so that its id stays its own
        return kept[1]


_shelves: dict[int, Shelf] = {}
_chosen: dict[tuple[int, int, str], Int] = {}
_rest_until: dict[int, float] = {}
_filling: set[int] = set()
_lock = threading.Lock()


def get(catalog_id: int, version: int) -> Shelf | None:
    """The shelf of this version, or None, while one is filled in the background."""
    found = _shelves.get(catalog_id)
    if found is not None and found.version == version:
        return found
    with _lock:
        if catalog_id in _filling or time.monotonic() < _rest_until.get(catalog_id, 0.0):
            return None
        _filling.add(catalog_id)
    threading.Thread(target=_fill_beside, args=(catalog_id,), name=f"shelf-{catalog_id}", daemon=True).start()
    return None


def fill(catalog_id: int) -> None:
    """Read a catalog's names now. The version is read first: what is on the shelf is at least as new as it says."""
    began = time.monotonic()
    version = select.catalogue_version(catalog_id)
    rows = select.names_of_all(catalog_id, MOST)
    keys = np.array([row[0] for row in rows], dtype=np.int64)
    hidden = np.array([row[3] for row in rows], dtype=bool)
    if rows:
        _shelves[catalog_id] = Shelf(version, IdMap(keys), hidden, [Shown(row[1], row[2]) for row in rows])
    else:
        _shelves.pop(catalog_id, None)
    took = time.monotonic() - began
    _rest_until[catalog_id] = time.monotonic() + (took * SHARE if rows else TOO_LARGE_SECONDS)


def chosen(catalog_id: int, version: int, condition: Condition) -> Int:
    """Keys of the items of which a condition is true, kept while the catalogue stays as it is."""
    asked = (catalog_id, version, write(condition))
    found = _chosen.get(asked)
    if found is None:
        found = filtering.items_where(catalog_id, condition)
        while len(_chosen) >= MOST_CHOSEN:
            _chosen.pop(next(iter(_chosen)), None)
        _chosen[asked] = found
    return found


def _fill_beside(catalog_id: int) -> None:
    try:
        fill(catalog_id)
    except Exception:  # the answers ask the database meanwhile
        logger.exception("The names of catalog %s could not be read", catalog_id)
        _rest_until[catalog_id] = time.monotonic() + 5.0
    finally:
        connection.close()
        with _lock:
            _filling.discard(catalog_id)


def forget() -> None:
    """Drop all that is held."""
    _shelves.clear()
    _rest_until.clear()
    _chosen.clear()
