"""What a customer is told: only what the attribution says, and never more surely."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explain.attribution.base import Attribution, Cost
from explain.attribution.game import ATTRIBUTE, ITEM, OLDER, Target, Unit
from explain.attribution.sentences import named_reasons, sentence

TITLES = ["Alien", "Blade Runner", "Cube", "Dune"]


def found(values: list[float], *, units: tuple[Unit, ...] | None = None, **more: Any) -> Attribution:
    return Attribution(
        "contributions", Target(9), units or tuple(Unit(ITEM, at) for at in range(len(values))), np.array(values),
        "nothing", **{"prediction": sum(values), "baseline_prediction": 0.0, "cost": Cost(0, 1), "exact": True, **more},
    )  # fmt: skip


def said(of: Attribution, **more: Any) -> str:
    label = lambda unit: TITLES[unit.key] if unit.kind == ITEM else f"{unit.key} {unit.value}"  # noqa: E731
    return sentence(of, label=label, item="Solaris", **more)


def test_the_strongest_reasons_are_named_in_order_of_their_share():
    assert said(found([1.0, 6.0, 3.0, -2.0])) == (
        "“Solaris” is suggested mainly because of “Blade Runner”, “Cube” and “Alien” in your history."
    )
    assert named_reasons(found([1.0, 6.0, 3.0, -2.0])) == [1, 2, 0]


def test_many_small_reasons_are_not_singled_out():
    many = tuple(Unit(ITEM, 0) for _ in range(20))
    assert "none of them can be named alone" in said(found([1.0] * 20, units=many))
    few = (*many[:8], Unit(ITEM, 1))
    assert said(found([1.0] * 8 + [4.0], units=few)).startswith("“Solaris” is suggested among other things because of")


def test_what_is_not_exact_is_said_to_be_probable():
    assert " probably mainly because " in said(found([2.0, 1.0], exact=False))
    assert " probably mainly because " in said(found([2.0, 1.0], prediction=3.3)), "a gap is left"
    sampled = found([2.0, 1.0], exact=False, errors=np.array([0.1, 0.8]))
    assert said(sampled) == "“Solaris” is suggested probably mainly because of “Alien” in your history.", (
        "what may be nothing but chance is not named"
    )


def test_what_does_not_hold_for_the_recommender_is_not_said():
    told = said(found([2.0, 1.0]), reliable=False)
    assert told.startswith("We cannot say reliably why “Solaris” is suggested")
    assert "Alien" not in told


def test_where_nothing_speaks_for_it_that_is_said():
    assert "in spite of your history" in said(found([-1.0, -2.0]))
    assert "everyone is shown it alike" in said(found([0.0, 0.0], prediction=7.0, baseline_prediction=7.0))


def test_why_this_and_not_that_names_both():
    assert said(found([2.0]), over="Stalker").startswith("“Solaris” stands above “Stalker” mainly because of “Alien”")


def test_a_hidden_item_counts_but_is_not_named():
    told = said(found([6.0, 3.0]), silent=lambda unit: unit.key == 0)
    assert told == "“Solaris” is suggested among other things because of “Cube” in your history.".replace(
        "Cube", TITLES[1]
    )


def test_other_kinds_have_words_of_their_own():
    units = (Unit(OLDER, "older", 40), Unit(ATTRIBUTE, "age", 30))
    assert said(found([3.0, 2.0], units=units)) == (
        "“Solaris” is suggested mainly because of what you did longer ago and what is known of you (age 30)."
    )


@pytest.mark.parametrize("values", [[], [0.0]])
def test_nothing_known_is_no_reason(values: list[float]):
    assert "nothing in your history changes that" in said(found(values))


def test_an_item_outside_the_list_is_not_said_to_be_suggested():
    told = said(found([3.0, 1.0]), outside=True)
    assert told == (
        "“Solaris”, which is not in your list, scores as it does mainly because of “Alien” and “Blade Runner” in your "
        "history."
    )
    alike = said(found([0.0, 0.0], prediction=0.0), outside=True)
    assert alike.endswith("nothing in your history changes that: it scores alike for everyone.")


def test_an_item_below_the_other_is_not_said_to_stand_above_it():
    assert said(found([2.0, -3.0]), over="Tenet") == (
        "“Solaris” does not stand above “Tenet”; what speaks for it all the same is “Alien” in your history."
    )
    assert said(found([-1.0, -3.0]), over="Tenet") == "“Solaris” does not stand above “Tenet”."
    assert "; what speaks for it all the same is probably “Alien”" in said(
        found([2.0, -3.0], exact=False), over="Tenet"
    )
    assert said(found([2.0, -1.0]), over="Tenet").startswith("“Solaris” stands above “Tenet” mainly because of")
