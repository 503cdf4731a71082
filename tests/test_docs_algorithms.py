"""Follows docs/algorithms.md: its blocks are taken as they stand and put through the conformance tests."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from recommender.algorithms import registry
from tests.recommender.algorithms import test_conformance as conformance

PAGE = Path(__file__).parents[1] / "docs" / "algorithms.md"
FILE, LINE, TEST = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
NAME = "markov"


def module(name: str, source: str) -> ModuleType:
    made = ModuleType(name)
    sys.modules[name] = made
    exec(compile(source, str(PAGE), "exec"), made.__dict__)
    return made


@pytest.fixture(scope="module", autouse=True)
def added() -> Iterator[None]:
    """The file is there and the line is in the registry, as long as this module is tested."""
    registered = dict([eval(f"({LINE.strip().rstrip(',').replace(': ', ', ', 1)})")])
    place = registered[NAME].partition(":")[0]
    module(place, FILE)
    registry.ALGORITHMS.update(registered)
    yield
    del registry.ALGORITHMS[NAME], sys.modules[place]


def test_the_files_stand_where_the_page_says() -> None:
    assert FILE.startswith(f"# recommender/algorithms/{NAME}.py\n")
    assert TEST.startswith(f"# tests/recommender/algorithms/test_{NAME}.py\n")
    assert NAME in registry.ALGORITHMS and registry.abilities(NAME) == {"ranking"}


def test_the_pages_own_test_passes() -> None:
    tests = module("tests_of_the_page", TEST)
    found = [each for name, each in vars(tests).items() if name.startswith("test_")]
    assert found
    for each in found:
        each()


def cases() -> list[Any]:
    """Every conformance test with every combination of its parameters but the name."""
    found = []
    for title, test in vars(conformance).items():
        marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
        if not title.startswith("test_") or not any(mark.args[0] == "name" for mark in marks):
            continue
        rest = [options(mark) for mark in marks if mark.args[0] != "name"]
        for at, chosen in enumerate(itertools.product(*rest)):
            given = {name: value for part in chosen for name, value in part.items()}
            found.append(pytest.param(test, given, id=f"{title}-{at}"))
    return found


def options(mark: Any) -> list[dict[str, Any]]:
    names = mark.args[0].split(",") if isinstance(mark.args[0], str) else mark.args[0]
    rows = mark.args[1] if len(names) > 1 else [(value,) for value in mark.args[1]]
    return [dict(zip(map(str.strip, names), row, strict=True)) for row in rows]


@pytest.mark.parametrize(("test", "given"), cases())
def test_the_algorithm_of_the_page_conforms(test: Any, given: dict[str, Any]) -> None:
    if "trained" in test.__code__.co_varnames[: test.__code__.co_argcount]:
        given = given | {"trained": {NAME: conformance.fitted(NAME, conformance.blocks())}}
    test(NAME, **given)
