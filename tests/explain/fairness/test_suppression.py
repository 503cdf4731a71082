"""No figure of a group under the minimum can be worked out from what is published, tried by subtracting."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from explain.fairness import groups, suppression
from explain.fairness.audit import audit
from explain.fairness.base import Asked, Grouping
from explain.fairness.comparing import compare_groups
from tests.explain.fairness.materials import coded, material

LEAST = 20


def determined(report: dict[str, Any], groupings: list[Grouping], people: int) -> list[tuple[str, str]]:
    """Small groups whose number of people or sum of figures is a combination of those in the report, with the people
    as unknowns: what the total, the groups that are shown and the rests against which they stand tell."""
    told = [np.ones(people)]
    for part, grouping in zip(report["groupings"], groupings, strict=True):
        for row in part["groups"]:
            if not row["suppressed"]:
                inside = grouping.codes == grouping.names.index(row["value"])
                told += [inside.astype(float), rest_of(row, inside, grouping, people)]
        if part["missing"]:
            told.append((grouping.codes < 0).astype(float))
    matrix = np.array(told)
    basis = np.linalg.svd(matrix, full_matrices=False)
    rows = basis.Vh[1e-9 * basis.S[0] < basis.S]
    found = []
    for grouping in groupings:
        for code, name in [*enumerate(grouping.names), (-1, "not known")]:
            inside = (grouping.codes == code).astype(float)
            left = inside - rows.T @ (rows @ inside)
            if 0 < inside.sum() < LEAST and np.abs(left).max() < 1e-6:
                found.append((grouping.name, name))
    return found


def rest_of(row: dict[str, Any], inside: np.ndarray, grouping: Grouping, people: int) -> np.ndarray:
    """Who the rest of a row are, found from its figures: those of known value or everyone else, whichever fits."""
    apart, values = row["metrics"]["figure"]["versus_rest"], FIGURES[:people]
    if apart is None:
        return inside.astype(float)  # all of known value are of the group
    for rest in ((grouping.codes >= 0) & ~inside, ~inside):
        if rest.any() and abs(apart - values[inside].mean() + values[rest].mean()) < 2e-8:
            return rest.astype(float)
    raise AssertionError("a rest that is neither")


FIGURES = np.random.default_rng(5).random(3000)


def tables(seed: int) -> list[Grouping]:
    """Three attributes with uneven groups, some of them tiny, some people of whom nothing is known, and all pairs."""
    rng = np.random.default_rng(seed)
    people = int(rng.integers(150, 700))
    single = []
    for name in ("gender", "age", "job"):
        count = int(rng.integers(2, 7))
        codes = rng.choice(count, people, p=rng.dirichlet(np.full(count, 0.8)))
        codes[rng.random(people) < rng.choice([0, 0.01, 0.2])] = -1
        single.append(Grouping(name, name, "attribute", codes, tuple("abcdefg"[:count])))
    return [*single, *(groups.cross(a, b) for a, b in combinations(single, 2))]


@pytest.mark.parametrize("seed", range(25))
def test_no_subtraction_reveals_a_group_under_the_minimum(seed: int):
    made = tables(seed)
    people = len(made[0].codes)
    asked = Asked(resamples=5, permutations=1, least=LEAST)
    report = audit(material({"figure": FIGURES[:people]}, made, n_items=16), asked)
    assert determined(report, made, people) == []


@pytest.mark.parametrize("seed", [56, 75, 1, 2])
def test_no_audits_of_different_groups_reveal_one_together(seed: int):
    """What audits by any of three attributes tell, each of which looks at all of them: with only those told of, a
    group could be worked out with the first two of these seeds."""
    made = tables(seed)
    people = len(made[0].codes)
    told, small = [np.ones(people)], []
    for size in (1, 2, 3):
        for names in combinations(["gender", "age", "job"], size):
            asked = [each for each in made if set(each.parts or [each.name]) <= set(names)]
            beside = [each for each in made if each not in asked]
            found = compare_groups(np.ones((people, 0)), asked, Asked(resamples=2), beside=beside)
            for grouping, mask, aside in zip(asked, found.shown, found.aside, strict=True):
                told += [(grouping.codes >= 0).astype(float)] if aside else []
                told += [(grouping.codes == code).astype(float) for code in np.flatnonzero(mask)]
    for grouping in made:
        inside = [grouping.codes == code for code in range(-1, len(grouping.names))]
        small += [each.astype(float) for each in inside if 0 < each.sum() < LEAST]
    matrix = np.array(told).T
    for group in small:
        assert np.abs(matrix @ np.linalg.lstsq(matrix, group, rcond=None)[0] - group).max() > 1e-7


def test_what_is_hidden_in_any_line_is_nobody_or_enough_people():
    checked = 0
    for seed in range(40):
        made = tables(seed)
        people = len(made[0].codes)
        masks = suppression.shown(made, people, least=LEAST).groups
        for grouping, mask in zip(made, masks, strict=True):
            counts = groups.sizes(grouping.codes, len(grouping.names))
            assert not (mask & (counts < LEAST)).any()
            hidden = people - counts[mask].sum()
            assert hidden == 0 or hidden >= LEAST
            checked += int(hidden > 0)
    assert checked > 40


def test_the_subtraction_test_notices_where_only_small_groups_are_hidden():
    grouping = coded("gender", [100, 60, 7])
    report = audit(material({"figure": FIGURES[:167]}, [grouping]), Asked(resamples=5, permutations=1))
    assert [group["suppressed"] for group in report["groupings"][0]["groups"]] == [False, True, True]
    leaking = {"value": "b", "suppressed": False, "metrics": {"figure": {"versus_rest": None}}}
    inside = grouping.codes == 1
    leaking["metrics"]["figure"]["versus_rest"] = float(FIGURES[:167][inside].mean() - FIGURES[:167][~inside].mean())  # type: ignore[index]
    report["groupings"][0]["groups"][1] = leaking
    assert determined(report, [grouping], 167) == [("gender", "c")]


def test_a_group_hidden_in_its_table_is_not_added_up_from_a_crossed_one():
    gender, age = coded("gender", [200, 90, 8]), coded("age", [150, 148], seed=3)
    both = groups.cross(gender, age)
    masks = suppression.shown([gender, age, both], 298, least=LEAST).groups
    assert masks[0].tolist() == [True, False, False]  # the 8, and the 90 from which they could be worked out
    shown = [name for name, seen in zip(both.names, masks[2], strict=True) if seen]
    assert shown == ["a, a", "a, b"]


def test_people_of_whom_it_is_not_known_are_no_way_in():
    grouping = coded("gender", [60, 50], missing=3)
    few = suppression.shown([grouping], 113, least=LEAST)
    assert few.groups[0].tolist() == [True, False] and few.aside == [False]
    assert suppression.missing(grouping, False) is None and suppression.rest(grouping, False).all()
    many = coded("gender", [60, 50], missing=30)
    enough = suppression.shown([many], 140, least=LEAST)
    assert enough.groups[0].all() and enough.aside == [True]
    assert suppression.missing(many, True) == 30 and suppression.rest(many, True).sum() == 110


def test_a_figure_known_of_few_people_of_a_group_is_not_shown():
    values = FIGURES[:120].copy()
    values[60:105] = np.nan  # of the second group's 60 people it is known of 15
    report = audit(material({"figure": values}, [coded("gender", [60, 60])]), Asked(resamples=5, permutations=1))
    first, second = report["groupings"][0]["groups"]
    assert (second["people"], second["suppressed"]) == (60, False)
    assert second["metrics"]["figure"]["mean"] is None
    assert first["metrics"]["figure"]["mean"] is None  # else the 15 could be worked out from everyone's mean
