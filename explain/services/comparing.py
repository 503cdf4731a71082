"""Several methods on one question, and how far they agree."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from explain.attribution import registry
from explain.attribution.base import WEIGHTS, Attribution, rank_agreement
from explain.attribution.in_request import IN_REQUEST, too_slow
from explain.exceptions import CannotExplain
from explain.services.asking import Case, Question, case_of
from recommender.exceptions import BadInput


@dataclass(frozen=True)
class Method:
    """`weights`: attention and the like, which are no explanation."""

    name: str
    title: str
    weights: bool
    found: Attribution


@dataclass(frozen=True)
class Compared:
    """`pairs`: (one, other, rank correlation or nan); `refused`: (name, why); `later`: names of methods that only run
    as tasks."""

    case: Case
    methods: list[Method]
    pairs: list[tuple[str, str, float]]
    refused: list[tuple[str, str]] = field(default_factory=list)
    later: list[str] = field(default_factory=list)


def compared(question: Question) -> Compared:
    """By every method that answers within a request. Raises as asking.case_of, CannotExplain where nothing is known."""
    case = case_of(question)
    game = case.game()
    if not game.units:
        raise CannotExplain("Nothing is known of this person that the recommender reads, so no method has a say.")
    made: list[Method] = []
    refused: list[tuple[str, str]] = []
    for name in registry.METHODS:
        if name in registry.TASKS_ONLY:
            continue
        method = registry.get(name, seconds=IN_REQUEST)
        why = method.refuses(game) or too_slow(name, game)
        try:
            found = None if why else method.explain(game)
        except BadInput as error:
            found, why = None, str(error)
        if found is None:
            refused.append((method.title, why))
        else:
            made.append(Method(name, method.title, method.kind == WEIGHTS, found))
    return Compared(
        case, made, agreements(made), refused, [each for each in registry.METHODS if each in registry.TASKS_ONLY]
    )


def agreements(made: list[Method]) -> list[tuple[str, str, float]]:
    """Of every two, also of each with itself. Only methods with the same units can be compared."""
    return [
        (one.title, other.title, _agree(one.found, other.found))
        for one in made for other in made
    ]  # fmt: skip


def _agree(one: Attribution, other: Attribution) -> float:
    return rank_agreement(one.values, other.values) if one.units == other.units else math.nan


def rows_of(compared: Compared) -> list[dict[str, Any]]:
    """{"id", "label", "method", "value"} of every unit by every method."""
    case = compared.case
    return [
        {"id": case.id_of(unit), "label": case.label(unit), "method": each.title, "value": float(value)}
        for each in compared.methods
        for unit, value in zip(each.found.units, each.found.values, strict=True)
    ]
