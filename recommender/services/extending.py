"""Items that came after a training, scored all the same by recommenders that can tell by what is said of them.

A recommender held in a process notes the version of the catalogue for which its later items were looked up. An answer
knows the version it is asked under; where that is another, the later items are looked up again in the background.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from recommender.algorithms.base import FieldsExtendable, ItemsExtendable, Recommender
from recommender.data.dataset import Float, IdMap, Int
from recommender.models import Run
from recommender.selectors import serving as select
from recommender.selectors import texts
from recommender.selectors.dataset import item_fields
from recommender.services.deploying import Served


def extended(served: Served) -> Served:
    """`served` with columns for the items that have a text vector and a higher key than any it was trained with.

    Changes the recommender it is given: only for one that nobody asks yet.
    """
    if not isinstance(served.model, ItemsExtendable):
        return served
    catalog_id = _catalog_of(served.run_id)
    version = select.catalogue_version(catalog_id)  # first: what is looked up is at least as new as it says
    mark, keys = texts.later_items(catalog_id, newest_of(served.items))
    if len(keys):
        extend(served.model, vectors=texts.item_vectors(catalog_id, IdMap(keys)), fields=item_fields(catalog_id, keys))
    return replace(served, trained=len(served.items), items=_with(served.items, keys), version=version, later=mark)


def extend(model: Recommender, *, vectors: Float, fields: pd.DataFrame) -> None:
    """Add columns for new items by what the recommender can tell them by."""
    if isinstance(model, FieldsExtendable):
        model.extend_with(fields, vectors)
    elif isinstance(model, ItemsExtendable):
        model.extend(vectors)


def behind(served: Served, version: int) -> bool:
    """Whether items may have come since `served` was made or looked at."""
    return served.version is not None and served.version != version


def looked_at(served: Served) -> Served | None:
    """`served` as it is for the catalogue's present version; None where it must be loaded again."""
    catalog_id = _catalog_of(served.run_id)
    version = select.catalogue_version(catalog_id)
    trained = IdMap(served.items.keys[: served.trained])
    mark, _ = texts.later_items(catalog_id, newest_of(trained))
    return replace(served, version=version) if mark == served.later else None


def newest_of(items: IdMap) -> int:
    return int(items.keys[-1]) if len(items) else 0


def _with(items: IdMap, keys: Int) -> IdMap:
    return IdMap(np.concatenate([items.keys, keys])) if len(keys) else items


def _catalog_of(run_id: int) -> int:
    return Run.objects.values_list("catalog_id", flat=True).get(pk=run_id)
