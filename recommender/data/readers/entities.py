"""Rows of a table of people or items → entities, with the attributes that the table declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from recommender.data.readers import values
from recommender.data.readers.rejects import Rejects
from recommender.data.readers.rows import Declared, Entity
from recommender.data.readers.tables import Table
from recommender.exceptions import BadImport

USER_NAMES = ("user",)
ITEM_NAMES = ("item", "title", "description", "categories", "creators", "year", "released", "price", "image")
SENSITIVE = frozenset(
    {"gender", "sex", "age", "age_group", "birthday", "birth_year", "birthdate", "date_of_birth", "occupation", "job"}
    | {"profession", "zip", "zip_code", "zipcode", "postcode", "postal_code", "race", "ethnicity", "ethnic_group"}
    | {"religion", "disability", "nationality", "citizenship", "sexual_orientation", "orientation", "health"}
    | {"marital_status", "income", "education", "pregnancy", "union", "politics"}
)
LONGEST_TITLE, LONGEST_WORD, LONGEST_IMAGE, LONGEST_NAME = 1_000, 200, 2_000, 63
MAY_MISS = frozenset({"year", "released", "price", "image"})
MISSING = frozenset({"unknown", "n/a", "na", "nan", "null", "none", "-", "?"})
"""Words by which files say that they do not know."""
FEW = 200
"""Texts of fewer different values than this are a category even where they are long."""


@dataclass
class Guess:
    """What the values of one column have in common so far."""

    numbers: bool = True
    flags: bool = True
    lists: bool = False
    length: int = 0
    count: int = 0
    seen: set[str] = field(default_factory=set)

    def add(self, text: str) -> None:
        self.count += 1
        self.numbers = self.numbers and values.PLAIN_NUMBER.fullmatch(text) is not None
        self.flags = self.flags and values.flag(text) is not None
        self.lists = self.lists or "|" in text or values.MARK in text
        self.length += len(text)
        if len(self.seen) <= FEW:
            self.seen.add(text)

    @property
    def type(self) -> str:
        if not self.count:
            return "category"
        if self.flags:
            return "flag"
        if self.numbers:
            return "number"
        if self.lists:
            return "categories"
        return "text" if len(self.seen) > FEW and self.length > 30 * self.count else "category"


@dataclass
class Entities:
    """The people or items of `table`. `declared` are the types that the catalog or the format already fixes."""

    table: Table
    declared: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    @property
    def scope(self) -> str:
        return "user" if self.table.role == "users" else "item"

    def declare(self, known: Mapping[str, str]) -> list[Declared]:
        """The attributes of the table. Reads it once to guess the types that neither `known` nor the format gives."""
        names = {name.strip().lower()[:LONGEST_NAME]: at for name, at in self.table.others.items()}
        if len(names) < len(self.table.others):
            raise BadImport(f"{self.table.name} has columns whose names are alike in small letters.", field="path")
        fixed = {**self.table.types, **known}
        guesses = {name: Guess() for name in names if name not in fixed}
        if guesses:
            for _, row in self.table.rows():
                for name, guess in guesses.items():
                    if text := row[names[name]].strip():
                        guess.add(text)
        self.declared = {name: fixed[name] if name in fixed else guesses[name].type for name in names}
        return [self._declaration(name) for name in names]

    def _declaration(self, name: str) -> Declared:
        sensitive = self.scope == "user" and name.replace(" ", "_").replace("-", "_") in SENSITIVE
        return Declared(self.scope, name, self.declared[name], sensitive, feature=not sensitive)

    def rows(self, rejects: Rejects) -> Iterator[Entity]:
        """Entities in the file's order; rows that cannot be taken go to `rejects`."""
        places = [(name.strip().lower()[:LONGEST_NAME], at) for name, at in self.table.others.items()]
        key = self.table.columns[self.scope]
        for line, row in self.table.rows(rejects):
            client_id = row[key].strip()
            fields, reason = self._fields(row)
            attributes = {name: value for name, at in places if (value := self._value(name, row[at])) is not None}
            if not values.is_client_id(client_id):
                reason = f"{self.scope} is not an id (1 to 128 characters, no slash or control character)"
            elif "\0" in "".join(row):
                reason = "a field holds a NUL byte"
            if reason:
                self.table.reject(rejects, line, reason, row)
            else:
                yield Entity(client_id, fields, attributes)

    def _fields(self, row: list[str]) -> tuple[dict[str, Any], str]:
        """What is given of the fields that every item has, and why the row cannot be taken ("" where it can)."""
        fields: dict[str, Any] = {}
        for name, at in self.table.columns.items():
            text = row[at].strip()
            if name == self.scope or not text or (name in MAY_MISS and text.lower() in MISSING):
                continue
            value, reason = field_value(name, text)
            if reason:
                return {}, reason
            fields[name] = value
        return fields, ""

    def _value(self, name: str, text: str) -> Any:
        """An attribute in its declared type; None where it is empty or does not fit (then it is counted)."""
        text = text.strip()
        if not text:
            return None
        value = attribute_value(self.declared[name], text)
        if value is None:
            self.dropped[name] = self.dropped.get(name, 0) + 1
        return value

    def notes(self) -> list[str]:
        return [
            f"{self.table.name}: {count:,} values of {name} are no {self.declared[name]} and were left out."
            for name, count in self.dropped.items()
        ]


def attribute_value(kind: str, text: str) -> Any:
    """`text` as a value of an attribute of that type, or None."""
    if values.MARK in text and kind != "categories":
        return None
    if kind == "number":
        found = values.number(text)
        return None if found != found else int(found) if found == int(found) else found
    if kind == "flag":
        return {"1": True, "0": False}.get(text, values.flag(text))
    return values.several(text) if kind == "categories" else text


def field_value(name: str, text: str) -> tuple[Any, str]:
    """The value of an item's own field, or the reason why it cannot be taken."""
    if values.MARK in text and name not in ("categories", "creators"):
        return None, f"{name} is a list, not one value"
    if name == "title":
        return text, f"title has more than {LONGEST_TITLE:,} characters" if len(text) > LONGEST_TITLE else ""
    if name in ("categories", "creators"):
        words = values.several(text)
        too_long = any(len(word) > LONGEST_WORD for word in words)
        return words, f"{name} has one of more than {LONGEST_WORD} characters" if too_long else ""
    if name == "year":
        return (found := values.year(text)), "year is not a whole number from −3000 to 3000" if found is None else ""
    if name == "released":
        return (moment := values.day(text)), "released is not a date (2024-05-31)" if moment is None else ""
    if name == "price":
        return (cost := values.price(text)), "price is not a number from 0 on" if cost != cost else ""
    if name == "image":
        fine = text.startswith(("https://", "http://")) and len(text) <= LONGEST_IMAGE
        return text, "" if fine else f"image is not an address (https://…) of up to {LONGEST_IMAGE:,} characters"
    return text, ""
