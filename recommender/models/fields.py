"""Rules about values that several tables share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.lookups import Exact

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


def validate_attributes(value: Any) -> None:
    """An object, of texts that the database can hold."""
    if not isinstance(value, dict):
        raise ValidationError('Attributes are a JSON object, such as {"colour": "red"}.')
    if any(sign == "\x00" or "\ud800" <= sign <= "\udfff" for text in _texts(value) for sign in text):
        raise ValidationError("A text holds a NUL character or half of a surrogate pair. Remove it.")


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        yield from value
        yield from _texts(list(value.values()))


def attributes_field() -> models.JSONField:
    """What else is known of a person or an item: name → value."""
    return models.JSONField(default=dict, blank=True, validators=[validate_attributes])


def attributes_rule(table: str) -> models.CheckConstraint:
    kind = models.Func(models.F("attributes"), function="jsonb_typeof", output_field=models.TextField())
    return models.CheckConstraint(
        condition=Exact(kind, models.Value("object")),
        name=f"{table}_attributes_object",
        violation_error_message="Attributes are a JSON object.",
    )
