"""Conditions on items as SQL: every name and value a parameter, every comparison true or false and never null."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from django.db import connection

from recommender.data.dataset import Int
from recommender.data.filters import And, Comparison, Condition, Not, Or
from recommender.models import Attribute

Compiled = tuple[str, list[Any]]
COLUMNS = {"id": "client_id", "category": "categories", "creator": "creators"}


def item_attributes(catalog_id: int) -> dict[str, str]:
    """The types of the attributes that a catalog declares for its items."""
    declared = Attribute.objects.filter(catalog_id=catalog_id, scope=Attribute.Scope.ITEM)
    return dict(declared.values_list("name", "type"))


def items_where(catalog_id: int, condition: Condition) -> Int:
    """Database keys, ascending, of the items of which a condition is true (hidden ones too)."""
    where, given = compiled(condition)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM recommender_item WHERE catalog_id = %s AND ({where}) ORDER BY id", [catalog_id, *given]
        )
        return np.array([row[0] for row in cursor.fetchall()], dtype=np.int64)


def compiled(condition: Condition) -> Compiled:
    """(text, parameters)"""
    if isinstance(condition, Not):
        text, given = compiled(condition.part)
        return f"NOT ({text})", given
    if isinstance(condition, And | Or):
        parts = [compiled(part) for part in condition.parts]
        word = " AND " if isinstance(condition, And) else " OR "
        return word.join(f"({text})" for text, _ in parts), [each for _, given in parts for each in given]
    if condition.operator == "!=":
        text, given = compiled(Comparison(**{**vars(condition), "operator": "="}))
        return f"NOT ({text})", given
    return (_attribute if condition.attribute else _column)(condition)


def _column(condition: Comparison) -> Compiled:
    column = COLUMNS.get(condition.name, condition.name)
    values = list(condition.values)
    if condition.operator == "contains":
        return _contains_column(condition, column)
    if condition.kind == "list":
        return f"{column} && %s::varchar[]", [values]
    kind = {"number": "float8", "date": "date"}.get(condition.kind, "text")
    if condition.operator in ("=", "in"):
        return f"({column} IS NOT NULL AND {column} = ANY(%s::{kind}[]))", [values]
    return f"({column} IS NOT NULL AND {column} {condition.operator} %s::{kind})", values


def _contains_column(condition: Comparison, column: str) -> Compiled:
    wanted = condition.values[0]
    if condition.kind == "list":
        return f"EXISTS (SELECT FROM unnest({column}) one WHERE strpos(lower(one), lower(%s)) > 0)", [wanted]
    if condition.kind == "long":
        return "(strpos(lower(title), lower(%s)) > 0 OR strpos(lower(description), lower(%s)) > 0)", [wanted, wanted]
    return f"strpos(lower({column}), lower(%s)) > 0", [wanted]


def _attribute(condition: Comparison) -> Compiled:
    return OF_KIND[condition.kind](condition)


def _held(condition: Comparison, form: Callable[[Any], Any]) -> Compiled:
    """By containment, which the index on attributes serves."""
    wanted = [json.dumps({condition.name: form(value)}) for value in condition.values]
    return " OR ".join(["attributes @> %s::jsonb"] * len(wanted)), wanted


def _word(condition: Comparison) -> Compiled:
    if condition.operator != "contains":
        return _held(condition, lambda value: value)
    text = "strpos(lower(attributes ->> %s), lower(%s)) > 0"
    return f"CASE WHEN jsonb_typeof(attributes -> %s) = 'string' THEN {text} ELSE false END", [
        condition.name, condition.name, condition.values[0],
    ]  # fmt: skip


def _list(condition: Comparison) -> Compiled:
    if condition.operator != "contains":
        return _held(condition, lambda value: [value])
    one = "SELECT FROM jsonb_array_elements(attributes -> %s) one WHERE jsonb_typeof(one) = 'string'"
    exists = f"EXISTS ({one} AND strpos(lower(one #>> '{{}}'), lower(%s)) > 0)"
    return f"CASE WHEN jsonb_typeof(attributes -> %s) = 'array' THEN {exists} ELSE false END", [
        condition.name, condition.name, condition.values[0],
    ]  # fmt: skip


def _number(condition: Comparison) -> Compiled:
    """As numeric, since JSON holds numbers that no float does."""
    values = [repr(value) for value in condition.values]
    sign, given = ("= ANY(%s::numeric[])", [values]) if condition.operator in ("=", "in") else (
        f"{condition.operator} %s::numeric", values)  # fmt: skip
    typed = "CASE WHEN jsonb_typeof(attributes -> %s) = 'number' THEN"
    return f"{typed} (attributes ->> %s)::numeric {sign} ELSE false END", [condition.name, condition.name, *given]


OF_KIND: dict[str, Callable[[Comparison], Compiled]] = {
    "word": _word, "text": _word, "list": _list, "number": _number,
    "flag": lambda condition: _held(condition, lambda value: value),
}  # fmt: skip
