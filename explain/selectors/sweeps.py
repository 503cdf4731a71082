"""Reading what sweeps of remedies keep about people, and the sweeps of a catalog."""

from __future__ import annotations

from io import BytesIO

import pandas as pd
from django.core.files.storage import default_storage
from django.db.models import QuerySet

from explain.models import RemedySweep
from recommender.models import Catalog


def people(row: RemedySweep) -> pd.DataFrame | None:
    """A row per person by database id (`user`) and `strength`, a column per metric; None where there is no file, or no
    more."""
    if not row.path or not default_storage.exists(row.path):
        return None
    with default_storage.open(row.path) as file:
        return pd.read_parquet(BytesIO(file.read()))


def of_catalog(catalog: Catalog) -> QuerySet[RemedySweep]:
    """The newest first."""
    return RemedySweep.objects.filter(run__catalog=catalog).select_related("run", "run__catalog").order_by("-id")
