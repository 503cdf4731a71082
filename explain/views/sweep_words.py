"""What the figures of a sweep are called, and what a sweep found, in sentences that are no surer than it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explain.views.disparity_figures import signed, wider
from recommender.templatetags.pages import metric_name, plain

Results = Mapping[str, Any]
PRICE = 0.03
"""Share of accuracy that is named as a price one may think about."""
SHOWN = 0.001
BASE = "as it is"
TO_ONE = ("coverage", "classes")
"""Figures that are even at 1."""


@dataclass(frozen=True)
class Words:
    """`name` of a figure, which way is `even`, and its `formula`."""

    name: str
    even: str
    formula: str


FIGURES: dict[str, Words] = {
    "gini": Words(
        "Gini coefficient of exposure", "0: all items alike",
        "Σᵢ (2i − m − 1) E₍ᵢ₎ / (m ΣE) over the m items that may be shown, E the exposure of an item, each place 1 / "
        "log₂(1 + rank).",
    ),
    "coverage": Words(
        "Coverage", "1: every item is in somebody’s list",
        "Share of the items that may be shown which are in somebody’s list.",
    ),
    "lift": Words(
        "Popularity lift", "0: as popular as what people met",
        "(P − H) / H, P the mean popularity of lists, H that of histories.",
    ),
    "calibration": Words(
        "Distance to tastes", "0: mixed as the history is",
        "Mean over people of KL(p ‖ q̃) of the classes of their history and their list (Steck, 2018).",
    ),
    "classes": Words(
        "Disparate exposure", "1: exposure follows what people chose",
        "(E_g / R_g) / (E_h / R_h): exposure by held-out choices of the class that had least of it at strength 0, and "
        "of all other items.",
    ),
    "gap": Words(
        "Gap of the worst group", "0: as everyone else",
        "Mean of the group that was furthest below everyone else at strength 0, less the mean of the others. It was "
        "chosen for being lowest, so part of its gap there may be chance, and other lists may narrow it by chance; the "
        "interval of its change is therefore one that holds for all groups together (Bonferroni).",
    ),
    "range": Words(
        "Range between groups", "0: all groups alike",
        "Highest less lowest mean of the groups that are shown, with an interval of at least 95% from all pairs "
        "together (Tukey). It is above 0 by chance alone; of its change no interval is known.",
    ),
}  # fmt: skip


def words_of(key: str) -> Words:
    return FIGURES[key.partition(":")[0]]


def name_of(results: Results, key: str) -> str:
    """With the grouping or the class it is of."""
    kind, _, grouping = key.partition(":")
    row = figure_row(results, key)
    titles = {each["name"]: each["title"] for each in results["groupings"]}
    if grouping:
        followed = f" ({row['followed']})" if row["followed"] else ""
        return f"{FIGURES[kind].name} by {titles.get(grouping, grouping)}{followed}"
    return f"{FIGURES[kind].name} of {row['followed']}" if row["followed"] else FIGURES[kind].name


def within(name: str) -> str:
    """A figure's name within a sentence."""
    return name if name.startswith("Gini") else f"{name[0].lower()}{name[1:]}"


def figure_row(results: Results, key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in results["figures"] if each["key"] == key)
    return found


def chosen(results: Results, given: str) -> str:
    """The figure of the address, else the first that the remedy is meant to lower; "" where there is none."""
    keys = [each["key"] for each in results["figures"]]
    if given in keys:
        return given
    aimed = [each["key"] for each in results["figures"] if each["aimed"]]
    return next(iter([*aimed, *keys]), "")


def metric_of(results: Results) -> str:
    return metric_name(results["about"]["metric"])


def label_of(strength: float) -> str:
    return BASE if strength == 0 else f"{strength:g}"


def span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"95%: {moved(low)} to {moved(high)}"


def beyond_chance(row: Mapping[str, Any], *, looked_at: int = 1) -> bool:
    """Whether the interval of a change leaves 0 out; of several that were looked at, one that is wider as they are more
    (Bonferroni), each side of it as a normal one is."""
    low, high, change = row.get("diff_low"), row.get("diff_high"), row.get("difference")
    if low is None or high is None or change is None:
        return False
    by = wider(looked_at)
    return bool(change - by * (change - low) > 0 or change + by * (high - change) < 0)


def badness(key: str, value: float | None) -> float:
    """How far a figure is from even; of coverage from 1."""
    if value is None:
        return float("inf")
    return abs(1 - value) if key.partition(":")[0] in TO_ONE else abs(value)


def best(results: Results, key: str) -> dict[str, Any] | None:
    """The point that is most even by a figure, beyond chance though the best of all strengths is looked for, for a loss
    of at most PRICE of the accuracy."""
    tried = len(results["points"]) - 1
    before = badness(key, results["points"][0]["disparities"][key]["value"])
    able = [
        point for point in cheap(results)
        if beyond_chance(point["disparities"][key], looked_at=tried)
        and badness(key, point["disparities"][key]["value"]) < before
    ]  # fmt: skip
    return min(able, key=lambda point: badness(key, point["disparities"][key]["value"])) if able else None


def finding(results: Results, key: str) -> str:
    """The sentence above a sweep's curve."""
    name, metric, first = name_of(results, key), metric_of(results), results["points"][0]
    if len(results["points"]) < 2:
        return "No strength but 0 could be measured."
    if key.startswith("range"):
        return (
            f"{name}: {plain(first['disparities'][key]['value'] or 0.0)} as it is; of its change no interval is known."
        )
    point = best(results, key)
    if point is None:
        return (
            f"{name}: no strength brings it nearer to even beyond chance for a loss of at most {PRICE:.0%} of {metric}"
            f"{unseen(results, key)}."
        )
    changed, accuracy = point["disparities"][key], point["accuracy"]
    price = accuracy["difference"] or 0.0
    sure = "" if beyond_chance(accuracy) else ", no change found"
    part = price / first["accuracy"]["value"] if first["accuracy"]["value"] else 0.0
    return (
        f"{name} goes from {plain(first['disparities'][key]['value'])} to {plain(changed['value'])} at strength "
        f"{point['strength']:g} ({span(changed['diff_low'], changed['diff_high'])}), for {moved(price)} {metric} "
        f"({share(part)}; {span(accuracy['diff_low'], accuracy['diff_high'])}{sure}): the most even of those that cost "
        f"at most {PRICE:.0%}."
    )


def cheap(results: Results) -> list[dict[str, Any]]:
    """The points that cost at most PRICE of the accuracy."""
    floor = (1 - PRICE) * (results["points"][0]["accuracy"]["value"] or 0.0)
    return [point for point in results["points"][1:] if (point["accuracy"]["value"] or 0.0) >= floor]


def unseen(results: Results, key: str) -> str:
    """How much nearer to even a figure may be all the same, by its intervals."""
    before = results["points"][0]["disparities"][key]["value"]
    even, least = 1.0 if key.partition(":")[0] in TO_ONE else 0.0, badness(key, before)
    for row in (point["disparities"][key] for point in cheap(results)):
        if row["diff_low"] is not None and row["diff_high"] is not None:
            nearest = min(max(even, before + row["diff_low"]), before + row["diff_high"])
            least = min(least, badness(key, nearest))
    nearer = badness(key, before) - least
    return f" (by up to {plain(nearer)} it may be nearer all the same)" if nearer >= SHOWN / 2 else ""


def moved(value: float | None) -> str:
    """A change with its sign, where it has one in three digits."""
    if value is None:
        return "–"
    return signed(value) if abs(value) >= SHOWN / 2 else plain(0.0)


def share(part: float) -> str:
    return f"{'+' if part > 0 else '−' if part < 0 else ''}{abs(part):.1%}"
