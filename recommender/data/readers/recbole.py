"""RecBole's atomic files: tab-separated, each column named with its type (`user_id:token`)."""

from __future__ import annotations

from collections.abc import Callable

from recommender.data.readers import values
from recommender.data.readers.files import Folder
from recommender.data.readers.tables import Table, read_header, split_rows
from recommender.exceptions import BadImport

ROLES = {"inter": "interactions", "user": "users", "item": "items"}
OWN = {
    "interactions": {"user_id": "user", "item_id": "item", "rating": "rating", "timestamp": "timestamp"},
    "users": {"user_id": "user"},
    "items": {
        "item_id": "item", "title": "title", "movie_title": "title", "name": "title", "description": "description",
        "class": "categories", "genre": "categories", "genres": "categories", "category": "categories",
        "categories": "categories", "release_year": "year", "year": "year", "price": "price", "image": "image",
    },
}  # fmt: skip
TYPES = {"token": "category", "token_seq": "categories", "float": "number", "float_seq": "text"}
NUMERIC = frozenset({"age"})
"""Tokens by RecBole's word that are numbers in fact."""


def tables(source: Folder) -> list[Table] | None:
    """The tables of `source`, or None where it holds no .inter file."""
    stems = sorted(name[: -len(".inter")] for name in source.names() if name.endswith(".inter"))
    if not stems:
        return None
    if len(stems) > 1:
        raise BadImport(f"{source.name} holds several data sets ({', '.join(stems)}); give one of them.", field="path")
    names = set(source.names())
    return [table(source, f"{stems[0]}.{end}", role) for end, role in ROLES.items() if f"{stems[0]}.{end}" in names]


def table(source: Folder, name: str, role: str) -> Table:
    header, types = [], []
    for column in read_header(source, name, split_rows("\t")):
        label, mark, kind = column.rpartition(":")
        if not mark or kind not in TYPES:
            raise BadImport(
                f"{name} is not RecBole's: the column “{column}” has no type such as “:token”.", field="path"
            )
        header.append(label)
        types.append(kind)
    columns = {OWN[role][label]: at for at, label in reversed(list(enumerate(header))) if label in OWN[role]}
    for needed in ("user", "item") if role == "interactions" else (role[:-1],):
        if needed not in columns:
            raise BadImport(f"{name} has no column “{needed}_id:token”.", field="path")
    declared = {label: "number" if label in NUMERIC else TYPES[kind] for label, kind in zip(header, types, strict=True)}
    sequences = [at for at, kind in enumerate(types) if kind == "token_seq" and at != columns.get("title")]
    text = [columns[name] for name in ("title", "description") if name in columns]
    found = Table(source, name, role, split_rows("\t"), header, columns, types=declared)
    found.transform = tidied([at for at in sequences if at not in text], columns.get("year"))
    return found


def tidied(sequences: list[int], year: int | None) -> Callable[[list[str]], list[str]]:
    """RecBole parts the words of a sequence by spaces; here bars part them. What it took for a year may be none."""

    def transform(row: list[str]) -> list[str]:
        for at in sequences:
            row[at] = row[at].replace(" ", "|")
        if year is not None and values.year(row[year].strip()) is None:
            row[year] = ""
        return row

    return transform
