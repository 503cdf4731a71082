"""Catalogs come into being, and logins are let in and out."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from recommender.models import Catalog, Membership


@transaction.atomic
def create_catalog(*, name: str, title: str = "", login: Any = None) -> Catalog:
    """Make a catalog; the login that makes it becomes a member."""
    catalog = Catalog(name=name, title=title)
    catalog.full_clean()
    catalog.save()
    if login is not None:
        add_member(catalog=catalog, login=login)
    return catalog


def add_member(*, catalog: Catalog, login: Any) -> Membership:
    """Let a login in; done twice, it changes nothing."""
    return Membership.objects.get_or_create(catalog=catalog, login=login)[0]


def remove_member(*, catalog: Catalog, login_id: int) -> None:
    Membership.objects.filter(catalog=catalog, login_id=login_id).delete()
