"""Serializer fields that say exactly what they take."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework import serializers

from recommender.models.fields import CLIENT_ID_MESSAGE, CLIENT_ID_PATTERN

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
"""How far a client's clock may be ahead."""
MILLISECONDS_FROM = 1e11
"""Numbers from here on are milliseconds since 1970 (as seconds they would lie after the year 5000)."""
DEPTH, LENGTH = 5, 16_384


class ClientIdField(serializers.CharField):
    """The client's own id; a whole number is taken as its digits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, bool) or not isinstance(data, str | int):
            raise serializers.ValidationError("An id is a text.")
        if isinstance(data, int) and abs(data) >= 10**127:
            raise serializers.ValidationError(CLIENT_ID_MESSAGE)
        text = str(data)
        if not re.fullmatch(CLIENT_ID_PATTERN, text):
            raise serializers.ValidationError(CLIENT_ID_MESSAGE)
        return text


class TextField(serializers.CharField):
    """A text; numbers and truth values are not taken for one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("This must be a text.")
        return super().to_internal_value(data)


class NumberField(serializers.FloatField):
    """A finite number, not a text that looks like one."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise serializers.ValidationError("This must be a number.")
        if abs(data) > 1e300 or not math.isfinite(data):
            raise serializers.ValidationError("This number is too large.")
        return float(data)


class WholeNumberField(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            raise serializers.ValidationError("This must be a whole number.")
        return data


class IdentifierField(serializers.UUIDField):
    """A UUID as text: a number would be taken for one, too."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            raise serializers.ValidationError("This must be a UUID as text.")
        found: UUID = super().to_internal_value(data)
        return found


class FlagField(serializers.BooleanField):
    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("This must be true or false.")
        return data


class ObjectField(serializers.DictField):
    """A small JSON object."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("This must be a JSON object.")
        if _depth(data) > DEPTH:
            raise serializers.ValidationError(f"This is nested more than {DEPTH} deep.")
        if len(json.dumps(data)) > LENGTH:
            raise serializers.ValidationError(f"This is longer than {LENGTH:,} characters.")
        return data

    def run_child_validation(self, data: Any) -> Any:
        return data


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


class TimeField(serializers.DateTimeField):
    """ISO 8601 (UTC where no zone is given), or seconds or milliseconds since 1970."""

    def to_internal_value(self, value: Any) -> datetime:
        found = self._parsed(value)
        if found is None:
            message = "A time is ISO 8601, such as 2026-01-31T12:00:00Z, or seconds or milliseconds since 1970."
            raise serializers.ValidationError(message)
        if not EARLIEST <= found <= timezone.now() + AHEAD:
            raise serializers.ValidationError("A time lies between 1900 and now (a clock may be one day ahead).")
        return found

    def _parsed(self, value: Any) -> datetime | None:
        try:
            if isinstance(value, int | float) and not isinstance(value, bool):
                seconds = value / 1000 if abs(value) >= MILLISECONDS_FROM else value
                return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
            found = parse_datetime(value) if isinstance(value, str) and len(value) < 64 else None
            if found is None:
                return None
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return None
