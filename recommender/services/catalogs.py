"""Catalogs come into being, and logins are let in and out."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q

from recommender.models import Catalog, DataImport, Membership
from recommender.services import audit


@transaction.atomic
def create_catalog(*, name: str, title: str = "", login: Any = None) -> Catalog:
    """Make a catalog; the login that makes it becomes a member."""
    catalog = Catalog(name=name, title=title)
    catalog.full_clean()
    catalog.save()
    audit.note(catalog=catalog, login=login, action="catalog-made", subject=name)
    if login is not None:
        add_member(catalog=catalog, login=login)
    return catalog


@transaction.atomic
def withdraw_catalog(*, catalog: Catalog) -> bool:
    """Take a catalog back that was made for an import that failed; one that is used by now stays. Says whether it went.

    Locked, it is referred to by nothing new meanwhile.
    """
    locked = Catalog.objects.select_for_update().get(pk=catalog.pk)
    over = Q(status=DataImport.Status.FAILED)
    used = (locked.users, locked.items, locked.runs, locked.keys, locked.members, locked.imports.exclude(over))
    if any(rows.exists() for rows in used):
        return False
    audit.note(catalog=locked, action="catalog-deleted", subject=locked.name, details={"why": "its import failed"})
    locked.delete()
    return True


@transaction.atomic
def add_member(*, catalog: Catalog, login: Any) -> Membership:
    """Let a login in; done twice, it changes nothing."""
    membership, new = Membership.objects.get_or_create(catalog=catalog, login=login)
    if new:
        audit.note(catalog=catalog, action="member-added", subject=login.get_username())
    return membership


@transaction.atomic
def remove_member(*, catalog: Catalog, login_id: int) -> None:
    for membership in Membership.objects.filter(catalog=catalog, login_id=login_id).select_related("login"):
        audit.note(catalog=catalog, action="member-removed", subject=membership.login.get_username())
        membership.delete()
