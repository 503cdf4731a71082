"""The audit trail: who imported, deployed, hid, made a key. Written beside the deed, in its transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recommender.acting import Actor, now
from recommender.models import AuditEntry, Catalog

ACTIONS: dict[str, str] = {
    "import": "data imported",
    "import-failed": "import failed",
    "import-undone": "import undone",
    "deployment": "run put into service",
    "return": "earlier run put back into service",
    "hide": "items hidden",
    "show": "items shown again",
    "item-deleted": "item deleted",
    "erasure": "people erased",
    "key-made": "API key made",
    "key-revoked": "API key revoked",
    "run-started": "run started",
    "run-cancelled": "run cancelled",
    "tuning-started": "tuning started",
    "tuning-cancelled": "tuning cancelled",
    "run-deleted": "run deleted",
    "member-added": "login let in",
    "member-removed": "login shut out",
    "catalog-made": "catalog made",
    "catalog-deleted": "catalog deleted",
    "admin-import": "items imported in the admin",
    "admin-export": "items exported from the admin",
}
"""What can be noted, in words. Another deed is one more line here; no migration."""


def note(
    *,
    catalog: Catalog,
    login: Any = None,
    action: str,
    subject: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry. Call it within the transaction of the deed, so that there is never one without the other.

    `login` is whoever did it; without one, whoever acts now (see recommender.acting). `subject` says what it was done
    to and `details` (JSON) the rest; neither may name an end user, whose erasure could not reach it. Raises KeyError
    for an action that ACTIONS does not name.
    """
    ACTIONS[action]
    actor = now()
    if login is not None:
        actor = Actor(login.get_username(), actor.way)
    AuditEntry.objects.create(
        catalog=catalog.name,
        catalog_key=catalog.pk,
        actor=actor.name[:200],
        way=actor.way,
        action=action,
        subject=subject[:300],
        details=dict(details or {}),
    )
