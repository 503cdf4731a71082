"""The language of `filter`: conditions on items, read into a tree, written back, and decided for one item.

    condition   = conjunction { "or" conjunction }
    conjunction = part { "and" part }
    part        = "not" part | "(" condition ")" | field comparison
    comparison  = ( "=" | "!=" | "<" | "<=" | ">" | ">=" | "contains" ) value | "in" "(" value { "," value } ")"

A comparison is true or false, never unknown: where an item has no value it is false, and `!=` is the contrary of `=`.
What the fields and values are is in docs/filter.md; how a tree becomes SQL is in selectors/filtering.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, NoReturn, cast

from recommender.exceptions import BadInput

LONGEST, DEEPEST, MOST_COMPARISONS, MOST_VALUES = 2000, 20, 100, 100
Value = str | float | bool | date
FIELDS = {"id": "word", "category": "list", "creator": "list", "title": "text", "description": "text",
          "text": "long", "year": "number", "price": "number", "released": "date"}  # fmt: skip
OF_ATTRIBUTES = {"category": "word", "categories": "list", "number": "number", "text": "text", "flag": "flag"}
"""The kind of field that a declared attribute of each type is."""
ORDER = ("<", "<=", ">", ">=")
OPERATORS = {"word": ("=", "!=", "in"), "list": ("=", "!=", "in", "contains"), "text": ("=", "!=", "in", "contains"),
             "long": ("contains",), "number": ("=", "!=", "in", *ORDER), "date": ("=", "!=", "in", *ORDER),
             "flag": ("=", "!=")}  # fmt: skip
MEANT = {"number": "a number, such as 1995 or 9.99", "date": "a date in quotes, such as '1995-12-31'",
         "flag": "true or false"}  # fmt: skip
TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<number>-?[0-9]{1,15}(?:\.[0-9]{1,15})?(?![\w.]))"""
    r"""|(?P<sign><=|>=|!=|[=<>(),.])|(?P<word>[^\W\d][\w-]*)|(?P<end>$))"""
)


@dataclass(frozen=True)
class Comparison:
    """`name` of a field, or of an attribute; `kind` one of OPERATORS; one value, for `in` at least one."""

    name: str
    kind: str
    operator: str
    values: tuple[Value, ...]
    attribute: bool = False


@dataclass(frozen=True)
class Not:
    part: Condition


@dataclass(frozen=True)
class And:
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    parts: tuple[Condition, ...]


Condition = Comparison | Not | And | Or


class Token(NamedTuple):
    kind: str
    text: str
    at: int


def read(text: str, attributes: Mapping[str, str]) -> Condition:
    """The tree of a condition. `attributes`: types of the items' declared attributes by name.

    Raises BadInput naming the position, counted from 1, and what could stand there.
    """
    if len(text) > LONGEST:
        fail(LONGEST, f"a filter has at most {LONGEST:,} characters; this has {len(text):,}")
    return _Reader(text, attributes).whole()


def fail(at: int, what: str) -> NoReturn:
    raise BadInput(f"filter, position {at + 1}: {what}.", field="filter")


class _Reader:
    def __init__(self, text: str, attributes: Mapping[str, str]) -> None:
        self.attributes, self.comparisons, self.at = attributes, 0, 0
        self.tokens = _tokens(text)

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def take(self, *texts: str) -> bool:
        """Pass over the next token if it is one of these signs or words (capital letters or not)."""
        found = self.now.kind in ("sign", "word") and self.now.text.lower() in texts
        self.at += found
        return found

    def need(self, sign: str) -> None:
        if not self.take(sign):
            fail(self.now.at, f"“{sign}” is missing before {_named(self.now)}")

    def whole(self) -> Condition:
        found = self.condition(0)
        if self.now.kind != "end":
            fail(self.now.at, f"expected “and”, “or” or the end, not {_named(self.now)}")
        return found

    def condition(self, depth: int) -> Condition:
        parts = [self.conjunction(depth)]
        while self.take("or"):
            parts.append(self.conjunction(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def conjunction(self, depth: int) -> Condition:
        parts = [self.part(depth)]
        while self.take("and"):
            parts.append(self.part(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def part(self, depth: int) -> Condition:
        if depth > DEEPEST:
            fail(self.now.at, f"parentheses and “not” go at most {DEEPEST} deep")
        if self.take("not"):
            return Not(self.part(depth + 1))
        if self.take("("):
            found = self.condition(depth + 1)
            self.need(")")
            return found
        return self.comparison()

    def comparison(self) -> Comparison:
        start = self.now
        self.comparisons += 1
        if self.comparisons > MOST_COMPARISONS:
            fail(start.at, f"a filter compares at most {MOST_COMPARISONS} times")
        name, kind, attribute = self.field()
        operator = self.now
        allowed = OPERATORS[kind]
        if not self.take(*allowed):
            fail(operator.at, f"after {name} comes one of {' '.join(allowed)}, not {_named(operator)}")
        sign = operator.text.lower()
        values = self.several(kind) if sign == "in" else (self.value(kind, sign),)
        return Comparison(name, kind, sign, values, attribute)

    def field(self) -> tuple[str, str, bool]:
        token = self.now
        self.at += token.kind == "word"
        if token.kind == "word" and token.text.lower() == "attribute":
            self.need(".")
            return self.attribute()
        if token.kind != "word" or token.text.lower() not in FIELDS:
            fail(token.at, f"expected one of {', '.join(FIELDS)} or attribute.NAME, not {_named(token)}")
        return token.text.lower(), FIELDS[token.text.lower()], False

    def attribute(self) -> tuple[str, str, bool]:
        token = self.now
        name = _unquoted(token.text) if token.kind == "text" else token.text
        if token.kind not in ("word", "text") or name not in self.attributes:
            known = ", ".join(sorted(self.attributes)) or "none"
            fail(token.at, f"items have no declared attribute {_named(token)}; declared: {known}")
        self.at += 1
        return name, OF_ATTRIBUTES[self.attributes[name]], True

    def several(self, kind: str) -> tuple[Value, ...]:
        self.need("(")
        values = [self.value(kind, "in")]
        while self.take(","):
            if len(values) == MOST_VALUES:
                fail(self.now.at, f"“in” takes at most {MOST_VALUES} values")
            values.append(self.value(kind, "in"))
        self.need(")")
        return tuple(values)

    def value(self, kind: str, operator: str) -> Value:
        token = self.now
        self.at += token.kind != "end"
        if token.kind == "number" and kind == "number":
            return float(token.text)
        if kind == "flag" and token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        if token.kind == "text" and kind == "date":
            return _date(token)
        if token.kind == "text" and kind not in MEANT:
            found = _unquoted(token.text)
            return found if found or operator != "contains" else fail(token.at, "“contains” needs some text")
        return fail(token.at, f"expected {MEANT.get(kind, 'a text in quotes')}, not {_named(token)}")


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while not found or found[-1].kind != "end":
        match = TOKEN.match(text, at)
        if match is None:
            rest = len(text) - len(text[at:].lstrip())
            what = "the quote is never closed" if text[rest] in "'\"" else f"“{text[rest]}” means nothing here"
            fail(rest, what)
        kind = cast(str, match.lastgroup)
        found.append(Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return found


def _named(token: Token) -> str:
    return "the end" if token.kind == "end" else f"“{token.text[:40]}”"


def _unquoted(text: str) -> str:
    return text[1:-1].replace(text[0] * 2, text[0])


def _date(token: Token) -> date:
    try:
        return date.fromisoformat(_unquoted(token.text))
    except ValueError:
        fail(token.at, f"expected {MEANT['date']}, not {_named(token)}")


def write(condition: Condition) -> str:
    """The text of a tree; reading it gives the tree again."""
    if isinstance(condition, Not):
        return f"not {_inner(condition.part)}"
    if isinstance(condition, And | Or):
        word = " and " if isinstance(condition, And) else " or "
        return word.join(_inner(part) for part in condition.parts)
    quoted = condition.name.replace("'", "''")
    name = f"attribute.'{quoted}'" if condition.attribute else condition.name
    values = [_literal(value) for value in condition.values]
    listed = f"({', '.join(values)})" if condition.operator == "in" else values[0]
    return f"{name} {condition.operator} {listed}"


def _inner(condition: Condition) -> str:
    text = write(condition)
    return f"({text})" if isinstance(condition, And | Or) else text


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.15f}".rstrip("0").rstrip(".")
    quoted = str(value).replace("'", "''")
    return f"'{quoted}'"


def holds(condition: Condition, item: Mapping[str, Any]) -> bool:
    """Whether a condition is true of an item: {"id", "title", "description", "categories", "creators", "year", "price",
    "released", "attributes"}. This is what the language means; SQL must come to the same."""
    if isinstance(condition, Not):
        return not holds(condition.part, item)
    if isinstance(condition, And):
        return all(holds(part, item) for part in condition.parts)
    if isinstance(condition, Or):
        return any(holds(part, item) for part in condition.parts)
    if condition.operator == "!=":
        return not any(_equal(each, condition.values) for each in _given(condition, item))
    return any(_compares(condition, each) for each in _given(condition, item))


def _given(condition: Comparison, item: Mapping[str, Any]) -> list[Any]:
    """The values of an item's field: several of a list, none where there is none or of another kind."""
    if condition.kind == "long":
        return [item["title"], item["description"]]
    column = {"category": "categories", "creator": "creators"}.get(condition.name, condition.name)
    found = item["attributes"].get(condition.name) if condition.attribute else item[column]
    if condition.kind == "list":
        return [each for each in found if isinstance(each, str)] if isinstance(found, list | tuple) else []
    kinds: dict[str, Any] = {"number": (int, float), "flag": bool, "date": date}
    right = isinstance(found, kinds.get(condition.kind, str)) and (condition.kind == "flag" or found is not True)
    return [found] if right and (condition.kind == "flag" or found is not False) else []


def _equal(value: Any, wanted: tuple[Value, ...]) -> bool:
    return value in wanted


def _compares(condition: Comparison, value: Any) -> bool:
    wanted: Any = condition.values[0]
    if condition.operator == "contains":
        return bool(wanted.lower() in value.lower())
    if condition.operator in ORDER:
        smaller, equal = bool(value < wanted), bool(value == wanted)
        return {"<": smaller, "<=": smaller or equal, ">": not (smaller or equal), ">=": not smaller}[
            condition.operator
        ]
    return _equal(value, condition.values)
