"""Which column of a file is which of ours: by name, by another name that was given, or by place."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from recommender.data.readers.entities import ITEM_NAMES, USER_NAMES
from recommender.data.readers.files import Folder
from recommender.data.readers.interactions import NAMES
from recommender.exceptions import BadImport

KNOWN: dict[str, tuple[str, ...]] = {"interactions": NAMES, "items": ITEM_NAMES, "users": USER_NAMES}
NEEDED: dict[str, tuple[str, ...]] = {"interactions": ("user", "item"), "items": ("item",), "users": ("user",)}
Columns = Mapping[str, str]
"""Our names → the file's. A name may be of one table only (“items.item”), and "" keeps a column from having a meaning
of its own."""


class Unsettled(dict[str, str]):
    """Columns of which needed ones may still be missing: to look at a file before anyone has said what is what."""


def theirs_of(role: str, ours: str, columns: Columns) -> str:
    return columns.get(f"{role}.{ours}", columns.get(ours, ours))


def given_for(role: str, columns: Columns) -> dict[str, str]:
    """The other names that were given for the columns of one table."""
    names = {ours: theirs_of(role, ours, columns) for ours in KNOWN[role]}
    return {ours: theirs for ours, theirs in names.items() if f"{role}.{ours}" in columns or ours in columns}


def placed(name: str, header: list[str], role: str, columns: Columns) -> dict[str, int]:
    """The places of the columns that have a meaning of their own. Raises BadImport where a needed one is missing."""
    own = {ours: theirs_of(role, ours, columns) for ours in KNOWN[role]}
    places = {ours: header.index(theirs) for ours, theirs in own.items() if theirs and theirs in header}
    for ours, theirs in own.items():
        asked_for = theirs and (f"{role}.{ours}" in columns or (ours in columns and ours not in ("user", "item")))
        if ours not in places and (ours in NEEDED[role] or asked_for) and not isinstance(columns, Unsettled):
            raise missing(name, header, ours, theirs)
    twice = [ours for ours, at in places.items() if list(places.values()).count(at) > 1]
    if twice:
        named = " and ".join(f"“{ours}”" for ours in twice[:2])
        raise BadImport(f"{name}: {named} are to come from the same column “{own[twice[0]]}”.", field="column")
    return places


def missing(name: str, header: list[str], ours: str, theirs: str) -> BadImport:
    shown = ", ".join(header[:20]) + (", …" if len(header) > 20 else "")
    if not theirs:
        return BadImport(f"{name} needs a column for “{ours}”: it has {shown[:500]}.", field="column")
    advice = "" if theirs != ours else f" Name it with --column {ours}={header[0] or 'name'}, say."
    return BadImport(f"{name} has no column “{theirs}”: it has {shown[:500]}.{advice}", field="column")


def refuse_columns(columns: Columns) -> None:
    known = dict.fromkeys((*NAMES, *ITEM_NAMES))
    for ours in columns:
        role, mark, name = ours.partition(".")
        if not (name in KNOWN.get(role, ()) if mark else ours in known):
            raise BadImport(f"There is no column “{ours}” to name; choose from {', '.join(known)}.", field="column")


def files_by_role(source: Folder, suffixes: Collection[str], what: str) -> dict[str, str]:
    """Which file of a folder or zip holds the interactions, and which the users and items, by name."""
    names = [name for name in source.names() if name.lower().endswith(tuple(suffixes)) and "readme" not in name.lower()]
    stems = {name.lower().rsplit(".", 1)[0]: name for name in names}
    extra: dict[str, str] = {role: stems[role] for role in ("users", "items") if role in stems and len(names) > 1}
    rest = [name for name in names if name not in extra.values()]
    if len(source.names()) == 1:
        rest = source.names()
    if len(rest) != 1:
        found = ", ".join(rest) if rest else "none"
        raise BadImport(f"{source.name} should hold one {what} of interactions; found: {found}.", field="path")
    return {"interactions": rest[0], **extra}


def of_interactions(columns: Columns) -> bool:
    """Whether any of the names is about the interactions, and not about a file of people or items beside them."""
    return any(not ours.startswith(("users.", "items.")) for ours in columns)
