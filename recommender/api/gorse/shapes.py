"""Gorse's shapes and ours.

A label set that is an object becomes attributes, any other the attribute `labels`; an item's comment is its title, a
person's the attribute `comment`; an item's timestamp is its date of release, and kept to the second as an attribute.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, time
from hashlib import sha256
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from recommender.exceptions import BadInput
from recommender.models import EndUser, Interaction, Item

LABELS, COMMENT, TIMESTAMP = "labels", "comment", "timestamp"
TITLE_LENGTH = 1000


def moment(value: Any, field: str = "Timestamp") -> datetime | None:
    """A time or date as Gorse's clients send it; None where there is none (Go's zero time counts as none)."""
    if value in (None, ""):
        return None
    text = value if isinstance(value, str) else ""
    try:
        found = parse_datetime(text) or (datetime.combine(day, time()) if (day := parse_date(text)) else None)
    except ValueError:
        found = None
    if found is None:
        raise BadInput(f"{field} must be a time such as 2026-01-31T12:00:00Z.", field=field)
    found = found if timezone.is_aware(found) else found.replace(tzinfo=UTC)
    return found if found.year > 1 else None


def user_row(given: Mapping[str, Any]) -> dict[str, Any]:
    """The person of a body, in the words of recommender.api.serializers.UserSerializer."""
    attributes = _labels(given.get("Labels"))
    if given.get("Comment"):
        attributes[COMMENT] = given["Comment"]
    return {"id": given.get("UserId"), "attributes": attributes}


def item_row(given: Mapping[str, Any]) -> dict[str, Any]:
    """The item of a body, in the words of ItemSerializer; what is null or missing stays as it is."""
    row: dict[str, Any] = {"id": given.get("ItemId")}
    if given.get("Labels") is not None:
        row["attributes"] = _labels(given["Labels"])
    if given.get("IsHidden") is not None:
        row["hidden"] = given["IsHidden"]
    if given.get("Categories") is not None:
        row["categories"] = given["Categories"]
    if given.get("Comment") is not None:
        comment = str(given["Comment"])
        row |= {"title": comment[:TITLE_LENGTH]} | ({"description": comment} if len(comment) > TITLE_LENGTH else {})
    if when := moment(given.get("Timestamp")):
        row["released"] = when.date().isoformat()
        row["attributes"] = {**row.get("attributes", {}), TIMESTAMP: written(when)}
    return row


def event_row(given: Mapping[str, Any]) -> dict[str, Any]:
    """The event of a feedback. Gorse knows one feedback of a type between a person and an item: that is its id.

    A value of 0 is Gorse's way to say none; only a rating keeps it.
    """
    kind = str(given.get("FeedbackType", "")).lower()
    user, item, value = given.get("UserId"), given.get("ItemId"), given.get("Value")
    row = {"user": user, "item": item, "kind": kind, "event_id": _name_of(kind, user, item)}
    if value or (kind == "rating" and value is not None):
        row["value"] = value
    if when := moment(given.get("Timestamp")):
        row["time"] = when.isoformat()
    return row


def _name_of(*parts: Any) -> str:
    """Of any length and with any spaces in the ids, two feedbacks never have one name."""
    return f"gorse {sha256(json.dumps(parts).encode()).hexdigest()}"


def user_document(user: EndUser) -> dict[str, Any]:
    attributes = dict(user.attributes)
    comment = attributes.pop(COMMENT, "")
    return {"UserId": user.client_id, "Labels": _unlabelled(attributes), "Comment": comment}


def item_document(item: Item) -> dict[str, Any]:
    attributes = dict(item.attributes)
    when = attributes.pop(TIMESTAMP, None) or written(
        datetime.combine(item.released, time(), UTC) if item.released else item.created
    )
    return {
        "ItemId": item.client_id,
        "IsHidden": item.hidden,
        "Categories": item.categories,
        "Timestamp": when,
        "Labels": _unlabelled(attributes),
        "Comment": item.description if len(item.title) == TITLE_LENGTH else item.title,
    }


def feedback_document(interaction: Interaction) -> dict[str, Any]:
    return {
        "FeedbackType": interaction.kind,
        "UserId": interaction.user.client_id,
        "ItemId": interaction.item.client_id,
        "Value": interaction.value or 0.0,
        "Timestamp": written(interaction.time),
        "Updated": written(interaction.received),
        "Comment": "",
    }


def written(when: datetime) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _labels(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    return dict(value) if isinstance(value, Mapping) else {LABELS: value}


def _unlabelled(attributes: dict[str, Any]) -> Any:
    return attributes[LABELS] if list(attributes) == [LABELS] else attributes
