"""API keys: made once, shown once, kept as a hash, taken back at any time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from recommender.exceptions import BadInput
from recommender.models import ApiKey, Catalog
from recommender.services import audit

LETTERS = string.ascii_lowercase + string.digits
USED_AT_MOST_EVERY = timedelta(minutes=1)
"""`last_used` is written no more often than this, so that reading does not become writing."""


class NewKey(NamedTuple):
    key: ApiKey
    secret: str


@transaction.atomic
def create(*, catalog: Catalog, name: str, scope: str, creates_unknown: bool = True, created_by: Any = None) -> NewKey:
    """A new key to `catalog`. `secret` is what the client sends as X-API-Key; it cannot be had again.

    Raises BadInput naming the field.
    """
    if scope not in ApiKey.Scope.values:
        raise BadInput(f"The scope is one of {', '.join(ApiKey.Scope.values)}, not “{scope}”.", field="scope")
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise BadInput("Give the key a name of 1 to 100 printable characters.", field="name")
    prefix = "rk_" + "".join(secrets.choice(LETTERS) for _ in range(8))
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        catalog=catalog,
        name=name,
        prefix=prefix,
        digest=digest(secret),
        scope=scope,
        creates_unknown=creates_unknown,
        created_by=created_by,
    )
    about = {"scope": scope, "creates_unknown": creates_unknown}
    audit.note(catalog=catalog, login=created_by, action="key-made", subject=str(key), details=about)
    return NewKey(key, secret)


def digest(secret: str) -> str:
    """SHA-256 is enough: a secret has 256 bits of chance, so there is nothing to guess that salt would slow."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def prefix_of(secret: str) -> str:
    """The part of a secret by which its key is found; "" where it is no secret of ours."""
    start, _, rest = secret.partition("_")
    prefix, _, _ = rest.partition("_")
    if start != "rk" or len(prefix) != 8 or not prefix.isascii() or not prefix.isalnum():
        return ""
    return f"rk_{prefix}"


def authenticate(*, secret: str) -> ApiKey | None:
    """The living key of `secret` with its catalog (one query), or None. Compares in constant time."""
    prefix = prefix_of(secret)
    key = ApiKey.objects.select_related("catalog").filter(prefix=prefix).first() if prefix else None
    if not hmac.compare_digest(key.digest if key else "", digest(secret)) or key is None or key.revoked:
        return None
    note_use(key_id=key.pk, last_used=key.last_used.timestamp() if key.last_used else None)
    return key


def note_use(*, key_id: int, last_used: float | None) -> None:
    """Write that a key was used now; `last_used` is what stands there, in seconds since 1970."""
    now = timezone.now()
    if last_used is None or now.timestamp() - last_used > USED_AT_MOST_EVERY.total_seconds():
        ApiKey.objects.filter(pk=key_id).update(last_used=now)


@transaction.atomic
def revoke(*, key: ApiKey, by: Any = None) -> None:
    """Take a key back, at once and for good. Doing it twice keeps the first moment."""
    if ApiKey.objects.filter(pk=key.pk, revoked=None).update(revoked=timezone.now()):
        audit.note(catalog=key.catalog, login=by, action="key-revoked", subject=str(key))
