"""JSON bodies, taken strictly: bounded, finite numbers, no characters that the database cannot hold."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from recommender.api.problems import Problem, too_large

SUSPECT = re.compile(rb"\\u(0000|[dD][89abAB])|\x00")
DEPTH = 20


class StrictJSONParser(JSONParser):
    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = _read(stream)
        try:
            parsed = json.loads(body, parse_constant=_refuse_constant, parse_float=_finite)
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8.") from None
        except ValueError as error:
            raise ParseError(f"The body is not valid JSON: {error}") from None
        # Walking every value is only worth it where a character may be at fault or nesting is seen at all.
        _check(parsed, DEPTH, characters=bool(SUSPECT.search(body)))
        return parsed


def _read(stream: IO[bytes]) -> bytes:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise Problem(413, too_large())
    return body


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _check(value: Any, depth: int, *, characters: bool) -> None:
    if depth == 0:
        raise ParseError(f"The JSON is nested more than {DEPTH} deep.")
    if isinstance(value, str):
        if characters:
            _check_text(value)
    elif isinstance(value, list):
        for each in value:
            if characters or isinstance(each, list | dict):
                _check(each, depth - 1, characters=characters)
    elif isinstance(value, dict):
        for name, each in value.items():
            if characters:
                _check_text(name)
            if characters or isinstance(each, list | dict):
                _check(each, depth - 1, characters=characters)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError("A text holds a NUL character, which cannot be stored. Remove it.")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ParseError("A text holds half of a surrogate pair, which is no character. Remove it.")
