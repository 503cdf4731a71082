"""What an audit found in words: a paragraph that says no more than its tests allow, and the limits of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.fairness.base import CROSSED, Asked
from explain.fairness.intervals import GAP, power

MOST_TOLD = 3
INITIALS = frozenset({"ndcg", "mrr", "map", "mae", "rmse"})
SIZES = (20, 50, 200, 1000, 5000)
"""Sizes of groups for which it is told how often a gap would be found."""
FEW_CHOICES = 20
"""Choices for each item below which single items' relevance is mostly chance."""
_OF_SERVED = "A person's answers are counted after the fact: what somebody met may not have been because it was shown."
_OF_HELD_OUT = (
    "An item that was held out counts as right and all others as wrong, also those a person would have liked."
)


def summary(result: dict[str, Any]) -> str:
    """One paragraph: what was looked at, what was found, what was not, what could not have been, and what lists show of
    the catalogue."""
    return " ".join([_of_people(result), *_of_items(result)])


def _of_people(result: dict[str, Any]) -> str:
    about, tests = result["about"], result["tests"]
    main = about["main"]
    if not main:
        return "Nothing could be compared: there is no metric per person."
    by = f"{_counted(tests['looked_at'], 'comparison')} of {named(main)}"
    begun = f"{about['people']:,} people were looked at by {by}"
    if not tests["looked_at"]:
        nothing = f"but there are no two groups that can be compared by {named(main)}."
        return f"{about['people']:,} people were looked at, {nothing}"
    told = [_found(each, main) for each in tests["found"][:MOST_TOLD]]
    more = len(tests["found"]) - len(told)
    if told:
        ending = f", and {more} more in the tables" if more > 0 else ""
        sentences = [f"{begun}; after Holm's correction these hold: {'; '.join(told)}{ending}."]
    else:
        sentences = [f"{begun}; after Holm's correction no group differs from the rest further than chance explains."]
    return " ".join([*sentences, *_omnibus(result, main), *_unseen(result, main)])


def _of_items(result: dict[str, Any]) -> list[str]:
    """How exposure spreads, and whether lists are more or less popular than what people knew, where the interval of
    that leaves no doubt of the side."""
    exposure, popularity = result.get("exposure") or {}, result.get("popularity") or {}
    told = []
    if exposure.get("gini") is not None:
        told.append(
            f"Of the items that may be shown {exposure['never']:.0%} are in nobody’s list and "
            f"{exposure['half']:.1%} get half of the exposure (Gini "
            f"coefficient {_span(exposure, 'gini', 'gini_low', 'gini_high')})."
        )
    low, high = popularity.get("low"), popularity.get("high")
    if low is not None and high is not None and (low > 0 or high < 0):
        side, ends = ("more", (low, high)) if low > 0 else ("less", (-high, -low))
        told.append(
            f"Lists are {abs(popularity['lift']):.0%} ({ends[0]:.0%} to {ends[1]:.0%}) {side} popular than what their "
            "people had met."
        )
    return told


def _span(row: dict[str, Any], value: str, low: str, high: str) -> str:
    ends = f", {_short(row[low])} to {_short(row[high])}" if row.get(low) is not None else ""
    return f"{_short(row[value])}{ends}"


def named(metric: str) -> str:
    """`ndcg@10` as people write it."""
    name, at, k = metric.partition("@")
    return (name.upper() if name in INITIALS else name) + at + k


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _found(each: dict[str, Any], main: str) -> str:
    side = "above" if each["versus_rest"] > 0 else "below"
    low, high = sorted((abs(each["low"]), abs(each["high"])))
    interval = f"{_short(abs(each['versus_rest']))} ({_short(low)} to {_short(high)})"
    return f"{each['title']} {each['value']} {side} the rest by {interval}"


def _omnibus(result: dict[str, Any], main: str) -> list[str]:
    """Groupings whose groups differ among themselves, although no single group stands out in them."""
    single = {each["grouping"] for each in result["tests"]["found"]}
    rows = [
        each["title"]
        for each in result["groupings"]
        if (each["omnibus"].get(main, {}).get("p_holm") or 1) < 1 - result["about"]["level"]
        and each["name"] not in single
    ]
    return [f"Taken together groups differ by {', '.join(rows)}, though no single one stands out."] if rows else []


def _unseen(result: dict[str, Any], main: str) -> list[str]:
    """The widest of the gaps that would not have been seen in a single grouping where nothing was found."""
    found = {(each["grouping"], each["value"]) for each in result["tests"]["found"]}
    rows = [
        (group["metrics"][main]["detectable"], each["title"], group["value"], group["people"])
        for each in result["groupings"]
        if each["kind"] != CROSSED
        for group in each["groups"]
        if not group["suppressed"]
        and group["metrics"].get(main, {}).get("detectable") is not None
        and (each["name"], group["value"]) not in found
    ]
    if not rows:
        return []
    gap, title, value, people = max(rows)
    return [
        f"No difference found does not mean none: with {people:,} people ({title} {value}) a gap under "
        f"{_short(gap)} would have been seen less than four times of five, before any correction."
    ]


def _short(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"


def limits(served: bool, asked: Asked, permutations: int) -> list[str]:
    """What the figures cannot say, each in a sentence."""
    sentences = [
        "Figures describe differences between groups, not their causes: people of a group may differ in how much they "
        "did, when, and in what they like.",
        f"Groups of fewer than {asked.least} people have no figures, nor have those from which theirs could be worked "
        "out. This keeps groups from being read, not every guess about a person from being made.",
        f"Intervals are of {100 * asked.level:g}% each, for one comparison alone; the p values with Holm's correction "
        "are for all groups against their rest that were looked at together, the omnibus tests are a family of their "
        "own.",
        f"Intervals come from {asked.resamples:,} resamples of people; recommenders were not trained anew, so what "
        "another training would change is not in them.",
        f"Omnibus tests come from {permutations:,} permutations, so no p is under {1 / (permutations + 1):.1g}.",
        "The range and the ratio between groups are given without intervals: the greatest of several differences is "
        "above zero by chance alone.",
        "Crossed groups' means are also given drawn towards what their two groups alone would let expect, the more so "
        "the fewer people they have.",
    ]
    return [*sentences, _OF_SERVED if served else _OF_HELD_OUT]


def limits_of_items(result: dict[str, Any]) -> list[str]:
    """The same of what lists show, by the report's parts that are there."""
    exposure, about = result["exposure"], result["about"]
    if not exposure:
        return []
    sentences = [
        "Exposure counts a place by 1 / log₂(1 + rank), whatever people really looked at.",
        "Popularity lift compares with what people met by any way, older lists included.",
    ]
    if exposure["choices"] < FEW_CHOICES * about["items"]:
        sentences.append(
            f"Relevance is known from {exposure['choices']:,} choices among {about['items']:,} items: with so few of "
            "an item no lists could follow it closely, so compare equity of attention and AWRF between audits, not "
            "with 0 and 1."
        )
    if result["over_time"]:
        sentences.append(
            "Weeks in which less was served show fewer items, so the Gini coefficient and coverage of a week also move "
            "with how much was served in it."
        )
    return sentences


def powers(values: NDArray[np.float64], main: str, level: float) -> list[str]:
    """How often a true gap of GAP in `values` (n_people,), those of the `main` metric, would be found by size of group,
    by Φ(gap / error − z) + Φ(−gap / error − z)."""
    known = values[~np.isnan(values)]
    sizes = np.array([size for size in SIZES if 2 * size <= len(known)], dtype=np.float64)
    if not len(sizes) or known.std() == 0:
        return []
    errors = known.std() * np.sqrt(1 / sizes + 1 / (len(known) - sizes))
    found = power(GAP, errors, np.full(len(sizes), np.inf), level=level)
    told = [f"{size:,.0f} people {100 * each:.0f} times of 100" for size, each in zip(sizes, found, strict=True)]
    listed = ", ".join(told)
    return [
        f"A true gap of {_short(GAP)} in {named(main)} would be found, before any correction: in a group of {listed}."
    ]
