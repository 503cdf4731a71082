"""Reading what audits keep about people, and what of it is not for everyone."""

from __future__ import annotations

from io import BytesIO

import pandas as pd
from django.core.files.storage import default_storage

from explain.models import DisparityAudit
from recommender.models import Attribute, Catalog


def sensitive_now(catalog: Catalog) -> frozenset[str]:
    """Names of attributes of people that are declared sensitive today: an audit may be older than the declaration."""
    declared = Attribute.objects.filter(catalog=catalog, scope=Attribute.Scope.USER, sensitive=True)
    return frozenset(declared.values_list("name", flat=True))


def people(row: DisparityAudit) -> pd.DataFrame | None:
    """A row per person by database id (`user`), a column per metric; None where there is no file, or no more."""
    if not row.path or not default_storage.exists(row.path):
        return None
    with default_storage.open(row.path) as file:
        return pd.read_parquet(BytesIO(file.read()))
