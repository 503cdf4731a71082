"""Ready logins and an API key for the demonstration, made once per installation and kept beside its data."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from recommender.models import ApiKey, Catalog, Membership
from recommender.rights import ANALYST, CATALOGUE_MANAGER, OPERATOR
from recommender.services import keys

LOGINS = {"analyst": ANALYST, "manager": CATALOGUE_MANAGER, "operator": OPERATOR, "admin": None}
"""Name of each login and its group; the one without a group may do everything."""


def ready(catalog: Catalog, file: Path) -> dict[str, Any]:
    """{"logins": {name: password}, "key": API key}; what `file` holds, mended where the database does not know it."""
    known = json.loads(file.read_text()) if file.exists() else {"logins": {}, "key": ""}
    for name, group in LOGINS.items():
        known["logins"].setdefault(name, secrets.token_urlsafe(9))
        login(catalog, name, group, known["logins"][name])
    if not key_works(catalog, known["key"]):
        known["key"] = keys.create(catalog=catalog, name="demo", scope=ApiKey.Scope.MANAGE).secret
    write_private(file, json.dumps(known, indent=1))
    return known


def login(catalog: Catalog, name: str, group: str | None, password: str) -> None:
    """Make sure that the login exists, with this password on the day it is made, and may enter the catalog."""
    found, made = get_user_model().objects.get_or_create(
        username=name, defaults={"is_staff": group in (CATALOGUE_MANAGER, None), "is_superuser": group is None}
    )
    if made:
        found.set_password(password)
        found.save(update_fields=["password"])
        if group:
            found.groups.add(Group.objects.get(name=group))
    Membership.objects.get_or_create(catalog=catalog, login=found)


def key_works(catalog: Catalog, key: str) -> bool:
    found = keys.authenticate(secret=key) if key else None
    return found is not None and found.catalog_id == catalog.pk


def write_private(file: Path, text: str) -> None:
    """Write so that only the owner can read, and a kill leaves the old file or the new one."""
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    part.replace(file)
