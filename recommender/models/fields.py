"""Rules about values that several tables share."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

from recommender.data.identifiers import CLIENT_ID_MESSAGE, CLIENT_ID_PATTERN

CLIENT_ID_SQL = r"^[^/\x01-\x20\x7f]([^/\x01-\x1f\x7f]{0,126}[^/\x01-\x20\x7f])?$"
"""CLIENT_ID_PATTERN for PostgreSQL's regular expressions (which cannot hold a NUL), less the two dots."""


def client_id_field() -> models.CharField:
    """The client's own id of a person or an item."""
    return models.CharField("id", max_length=128, validators=[RegexValidator(CLIENT_ID_PATTERN, CLIENT_ID_MESSAGE)])


def client_id_rules(table: str) -> list[models.BaseConstraint]:
    """Unique in its catalog, well-formed, and (catalog, id) referable by interactions."""
    well_formed = models.Q(client_id__regex=CLIENT_ID_SQL) & ~models.Q(client_id__in=[".", ".."])
    return [
        models.UniqueConstraint(fields=["catalog", "client_id"], name=f"{table}_client_id_unique"),
        models.UniqueConstraint(fields=["catalog", "id"], name=f"{table}_catalog_id_unique"),
        models.CheckConstraint(condition=well_formed, name=f"{table}_client_id_well_formed"),
    ]
