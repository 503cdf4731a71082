"""Which group of logins may do what. One table; pages, admin and REST ask it, the docs print it."""

from __future__ import annotations

from typing import Any

ANALYST, CATALOGUE_MANAGER, OPERATOR = "analyst", "catalogue manager", "operator"
GROUPS = (ANALYST, CATALOGUE_MANAGER, OPERATOR)

RIGHTS: dict[str, tuple[frozenset[str], str]] = {
    "view": (frozenset(GROUPS), "see pages, runs, people, items and recommendations"),
    "import": (frozenset({CATALOGUE_MANAGER, OPERATOR}), "put files into a catalog, send people, items and events"),
    "edit": (frozenset({CATALOGUE_MANAGER}), "change, hide and delete items and people in the admin and over REST"),
    "sensitive": (frozenset({ANALYST}), "see figures by sensitive attributes of people"),
    "train": (frozenset({ANALYST, OPERATOR}), "start, cancel and delete runs"),
    "deploy": (frozenset({OPERATOR}), "put a run into service"),
    "audit": (frozenset({CATALOGUE_MANAGER, OPERATOR}), "see who imported, hid, deployed, deleted or made a key"),
    "manage": (frozenset({OPERATOR}), "make catalogs and API keys, give logins access"),
}


def may(login: Any, right: str) -> bool:
    """Whether a login has a right (superusers have all). Whether it may enter a catalog is asked separately."""
    if not login.is_active:
        return False
    if login.is_superuser:
        return True
    if not hasattr(login, "_group_names"):
        login._group_names = set(login.groups.values_list("name", flat=True))
    return bool(login._group_names & RIGHTS[right][0])
