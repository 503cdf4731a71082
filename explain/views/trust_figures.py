"""What the page of trust draws and says, from the results of an examination."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from recommender.evaluation.segments import LEAST, bands, segments
from recommender.models import Attribute, Catalog
from recommender.selectors import pages
from recommender.templatetags.pages import plain
from recommender.views.figures import Figure, draw
from recommender.views.segments import cells, number, suppressed

RANDOM, GREEDY = "random order", "greedy removal"
LOWER, HIGHER = True, False
MEASURES: tuple[tuple[str, tuple[str, bool, str]], ...] = (
    ("cdcg", ("CDCG after removal", LOWER, "1 / log₂(1 + rank of the item after its strongest units are really "
              "taken away). 1: it stays first.")),
    ("pos@5", ("POS@5 after removal", LOWER, "Share of people whose item is still in the top 5 after its strongest "
               "units are really taken away.")),
    ("pos@20", ("POS@20 after removal", LOWER, "Share of people whose item is still in the top 20 after its strongest "
                "units are really taken away.")),
    ("ins", ("INS", HIGHER, "The item’s score from its strongest units alone, as a part of its whole score.")),
    ("del", ("DEL", LOWER, "The item’s score without its strongest units, as a part of its whole score.")),
    ("deletion_area", ("area under deletion", LOWER, "Area under the curve of what is left of the score as units are "
                       "taken away, the strongest first.")),
    ("insertion_area", ("area under insertion", HIGHER, "Area under the curve of what there is of the score as units "
                        "are put back into nothing, the strongest first.")),
    ("infidelity", ("infidelity", LOWER, "Σ (β Σ φ − Δ)² / Σ Δ² over random subsets of units taken away, Δ being what "
                    "the explained figure loses and φ what was said; β the scale that fits best. 1: says nothing.")),
    ("sensitivity", ("sensitivity", LOWER, "How much an attribution moves at most, ‖φ′ − φ‖ / ‖φ‖, when one old "
                     "interaction had never been.")),
    ("randomised", ("agreement with shuffled weights", LOWER, "Rank correlation with the attributions of the same "
                    "recommender whose weights were shuffled. Near 0: the method reads what was learned.")),
    ("retrained", ("agreement with another seed", HIGHER, "Rank correlation with the attributions of the same "
                   "configuration trained with another seed.")),
    ("sparsity", ("share of units that hold 90%", LOWER, "The least share of the units that hold 90% of Σ |φ|.")),
)  # fmt: skip
CURVES = ("deletion_by_share", "insertion_by_share")
NARROW = "\u00a0"
SHOWN_CURVES = 5
"""Lines of methods in one figure; the table holds all."""


def ways_of(results: Mapping[str, Any]) -> dict[str, str]:
    """Ways that explained someone, by key, with their titles."""
    return {row["way"]: row["title"] for row in results["ways"] if row["way"] not in (RANDOM, GREEDY)}


def finding(results: Mapping[str, Any]) -> str:
    """The sentence above everything: which method is the most faithful, and which may not be believed."""
    judged = [row for row in results["ways"] if row.get("decided")]
    if not judged:
        return f"Fewer than {LEAST} people were explained, which is too few to say how far explanations can be trusted."
    best = max(judged, key=share_closed)
    closed = (best["closed"].get("cdcg") or {}).get("value")
    share = "" if closed is None else f" It closes {100 * closed:.0f}% of the gap between chance and really re-ranking."
    bad = [row["title"] for row in judged if row["faults"]]
    rest = f" Not to be believed here: {', '.join(bad)}." if bad else " Every method beats random order."
    return f"Most faithful: {best['title']}.{share}{rest}"


def share_closed(row: Mapping[str, Any]) -> float:
    """By which methods are ordered, since not all explained the same people."""
    closed = (row.get("closed") or {}).get("cdcg")
    return float(closed["value"]) if closed else float("-inf")


def method_rows(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line of the table per method, the most faithful first: verdict in words, share closed, other figures."""
    rows = [row for row in results["ways"] if row["way"] not in (RANDOM, GREEDY)]
    rows.sort(key=share_closed, reverse=True)
    return [
        {**row, "verdict": verdict(row), "said": [row["figures"].get(name) for name in COLUMNS],
         "closed_share": (row.get("closed") or {}).get("cdcg"), "ms": 1000 * row["figures"]["seconds"]["value"]}
        for row in rows
    ]  # fmt: skip


COLUMNS = ("infidelity", "sensitivity", "randomised", "retrained", "sparsity", "gap")


def verdict(row: Mapping[str, Any]) -> str:
    if not row.get("decided"):
        return "too few people"
    return ("not reliable here" if row["faults"] else "beats chance").replace(" ", NARROW)


def faithful_figure(results: Mapping[str, Any], measure: str, csv: str) -> Figure:
    words, falling, formula = dict(MEASURES)[measure]
    rows = []
    for row in results["ways"]:
        of_it = row["figures"].get(measure)
        if of_it and of_it["value"] is not None:
            value, low, high = of_it["value"], of_it["low"], of_it["high"]
            rows.append({"name": row["title"], "value": value, "low": value if low is None else low,
                         "high": value if high is None else high, "people": of_it["people"],
                         "reference": row["way"] in (RANDOM, GREEDY)})  # fmt: skip
    methods = [row for row in rows if not row["reference"]]
    better = "lower" if falling else "higher"
    return Figure(
        key="faithful", title=faithful_finding(rows, words, falling),
        columns=("method", words, "low", "high", "people"),
        rows=[(row["name"], row["value"], row["low"], row["high"], row["people"]) for row in rows] if methods else [],
        definition=f"{formula} {better.capitalize()} is better. {results.get('removed', 5)} units are taken away. "
        "Random order is the mean of several draws; greedy removal takes away, one at a time, the unit without which "
        "the recommender really ranks the item lowest. Whiskers and bands are 95% intervals, people resampled.",
        csv=csv, json=draw("trust_faithful", rows, measure=words, falling=falling) if methods else "",
        empty="This figure was not found for anyone: it asks for a second recommender, or for more that is known.",
        height=110 + 34 * max(2, len(methods)), numeric=frozenset({1, 2, 3, 4}),
    )  # fmt: skip


def faithful_finding(rows: list[dict[str, Any]], words: str, falling: bool) -> str:
    methods = [row for row in rows if not row["reference"]]
    if not methods:
        return words.capitalize()
    best = (min if falling else max)(methods, key=lambda row: row["value"])
    chance = next((row for row in rows if row["name"] == RANDOM.capitalize()), None)
    beside = f", {plain(chance['value'])} by chance" if chance else ""
    return f"{words}: {plain(best['value'])} by “{best['name']}”{beside}"


def curve_figure(results: Mapping[str, Any], curve: str) -> Figure:
    """The curve of every way on the score, the best five drawn, beside chance."""
    deleting = curve.startswith("deletion")
    titles = {row["way"]: row["title"] for row in results["ways"]}
    found = {row["way"]: row for row in results["curves"] if row["curve"] == curve and row["value"]}
    areas = {way: float(np.trapezoid(row["value"], row["at"])) for way, row in found.items()}
    methods = sorted((way for way in found if way != RANDOM), key=lambda way: areas[way] if deleting else -areas[way])
    shown = [*drawn_ways(results), *([RANDOM] if RANDOM in found else [])]
    told = [*methods, *(way for way in shown if way == RANDOM)] if methods else []
    what = "taken away" if deleting else "put back"
    points = [point | {"place": place} for place, way in enumerate(shown)
              for point in _points(found[way], titles.get(way, way), way == RANDOM)]  # fmt: skip
    return Figure(
        key=curve, title=curve_finding(found, methods, titles, deleting),
        columns=("method", f"share {what}", "left of the score", "low", "high"),
        rows=[(titles.get(way, way), *cells) for way in told for cells in _cells(found[way])],
        definition=f"(v(S) − v(∅)) / (v(N) − v(∅)) of the item’s score v after a share of the units was {what}, the "
        "strongest first. It leaves 0 to 100% where units that speak against the item go or come last. Bands are 95% "
        f"intervals, people resampled. At most {SHOWN_CURVES} methods are drawn, those with the best area.",
        json=draw("trust_left", points, what=what) if methods else "",
        empty="Nothing was explained, so nothing can be taken away.", note=left_out(results),
        height=340, numeric=frozenset({1, 2, 3, 4}),
    )  # fmt: skip


def left_out(results: Mapping[str, Any]) -> str:
    """How many people the curves leave out: what is left of nothing is no share."""
    chance = next((row for row in results["ways"] if row["way"] == RANDOM), None)
    if chance is None:
        return ""
    out = chance["people"] - chance["figures"].get("deletion_area", {"people": 0})["people"]
    why = "their item’s score is no higher than the baseline, so there is nothing of which a share could be left"
    return f"{out:,} of {chance['people']:,} people are left out: {why}." if out else ""


def drawn_ways(results: Mapping[str, Any]) -> list[str]:
    """Ways whose curves are drawn, the same in both figures: those that lose most when units go and keep most when they
    come."""
    good: dict[str, float] = {}
    for row in results["curves"]:
        if row["curve"] in CURVES and row["value"] and row["way"] != RANDOM:
            area = float(np.trapezoid(row["value"], row["at"]))
            good[row["way"]] = good.get(row["way"], 0.0) + (-area if row["curve"] == CURVES[0] else area)
    return sorted(good, key=lambda way: -good[way])[:SHOWN_CURVES]


def _points(row: Mapping[str, Any], name: str, chance: bool) -> list[dict[str, Any]]:
    return [{"name": name, "at": at, "value": value, "low": low, "high": high, "reference": chance}
            for at, value, low, high in _cells(row)]  # fmt: skip


def _cells(row: Mapping[str, Any]) -> list[tuple[float, float, float, float]]:
    return list(zip(row["at"], row["value"], row["low"], row["high"], strict=True))


def curve_finding(found: Mapping[str, Any], methods: list[str], titles: Mapping[str, str], deleting: bool) -> str:
    if not methods:
        return "Taking away" if deleting else "Putting back"
    best = found[methods[0]]
    at = next(place for place, share in enumerate(best["at"]) if share >= 0.1)
    value, what = 100 * best["value"][at], "Without" if deleting else "From"
    return f"{what} its strongest tenth, {value:.0f}% of the score is {'left' if deleting else 'there'}"


def agreement_figure(results: Mapping[str, Any]) -> Figure:
    titles = ways_of(results)
    rows = [{**row, "a": titles.get(row["a"], row["a"]), "b": titles.get(row["b"], row["b"])}
            for row in results["agreement"]]  # fmt: skip
    least = min(rows, key=lambda row: row["value"], default=None)
    title = "Do the methods agree" if least is None else (
        f"Least agreement: {plain(least['value'])} between “{least['a']}” and “{least['b']}”"
    )  # fmt: skip
    return Figure(
        key="agreement", title=title, columns=("method", "other method", "rank correlation", "people"),
        rows=[(row["a"], row["b"], row["value"], row["people"]) for row in rows],
        definition="Spearman’s rank correlation of two methods’ values of the same units, the mean over the people "
        "both explained. 1: the same order; 0: none in common. That methods agree does not make them right.",
        json=draw("trust_agreement", rows) if rows else "",
        empty="Fewer than two methods could explain the same people.",
        height=160 + 44 * len({name for row in rows for name in (row["a"], row["b"])}), numeric=frozenset({2, 3}),
    )  # fmt: skip


def groups_figure(
    catalog: Catalog, table: pd.DataFrame, *, way: str, title: str, attribute: Attribute | None, algorithm: str
) -> Figure:
    """How faithful one way is to groups of people: CDCG after removal."""
    mine = table[table["way"] == way]
    names, order = groups(catalog, mine, attribute)
    rows = segments(names, mine["cdcg"].to_numpy(dtype=np.float64), order)
    shown = [row for row in rows if row.value is not None]
    overall = float(mine["cdcg"].mean()) if len(mine) else 0.0
    words = "CDCG after removal"
    look = {"metric": words, "overall": overall, "algorithm": algorithm}
    return Figure(
        key="groups", title=groups_finding(shown, title),
        columns=("group", "people", words, "low", "high"), rows=[(row.name, row.people, *cells(row)) for row in rows],
        definition=f"{dict(MEASURES)['cdcg'][2]} Lower is better: what was named mattered. Whiskers are 95% intervals, "
        f"people resampled; groups under {LEAST} people are not shown.",
        json=draw("segments", [vars(row) for row in shown], **look) if shown else "",
        empty="This method explained nobody.", note=suppressed(rows), height=80 + 34 * max(2, len(shown)),
        numeric=frozenset({1, 2, 3, 4}),
    )  # fmt: skip


def groups(catalog: Catalog, table: pd.DataFrame, attribute: Attribute | None) -> tuple[list[str], list[str]]:
    """The group of each row: bands of what is known of a person, or a declared attribute as the data say now."""
    if attribute is None:
        return bands(table["units"].to_numpy(dtype=np.float64), max(1, min(4, len(table) // LEAST)))
    values = pages.attribute_of_people(catalog, attribute.name)
    found = [values.get(key) for key in table["user"].tolist()]
    if attribute.type == Attribute.Type.NUMBER:
        return bands(np.array([number(value) for value in found]))
    return ["not known" if value in (None, "") else str(value) for value in found], []


def groups_finding(shown: list[Any], title: str) -> str:
    if len(shown) < 2:
        return f"{title}: there are no two groups large enough to compare"
    most, least = (pick(shown, key=lambda row: row.value) for pick in (max, min))
    apart = least.high < most.low
    said = f"{title}: most faithful to {least.name} ({plain(least.value)}), least to {most.name} ({plain(most.value)})"
    return said if apart else f"{said}; their intervals overlap, so no difference was found"


def cannot_words(results: Mapping[str, Any]) -> list[str]:
    """Which methods explained nobody, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for title, why in results.get("cannot", {}).items():
        by_reason.setdefault(why, []).append(title)
    return [f"{' · '.join(titles)}: {why}" for why, titles in by_reason.items()]
