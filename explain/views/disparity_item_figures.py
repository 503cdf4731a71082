"""What the report of an audit draws of items: exposure, classes, popularity, calibration, and weeks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from explain.views.disparity_figures import (
    EVERY,
    MOST,
    Drawn,
    Results,
    chosen_groupings,
    ends,
    has,
    height,
    interval_point,
    named,
    number,
    shown,
    signed,
    wider,
)
from recommender.views.figures import Figure

NOT_LOOKED_AT = "This audit did not look at it."


def exposure_figure(results: Results) -> Drawn:
    """The Lorenz curve of catalogue against exposure, items that were never shown included."""
    found = results["exposure"]
    curve = found.get("lorenz") or []
    span = (
        f" (95%: {shown(found.get('gini_low'))} to {shown(found.get('gini_high'))})" if has(found, "gini_low") else ""
    )
    title = f"Gini coefficient of exposure {shown(found.get('gini'))}{span}"
    if has(found, "half"):
        title += f"; {found['half']:.1%} of items get half of it"
    if has(found, "never"):
        title += f", {found['never']:.0%} are in nobody’s list"
    figure = Figure(
        key="exposure", title=title, columns=("share of items, the least shown first", "share of exposure"),
        rows=[tuple(each) for each in curve], height=360, numeric=frozenset({0, 1}),
        definition="Exposure of an item: E_i = Σ 1 / log₂(rank + 1) over the lists it stands in; items that may be "
        "shown and never are count with 0. The curve gives the share of all exposure that the least shown items have "
        "together; the Gini coefficient is 1 − twice the area below it: 0 where all get the same, near 1 where few get "
        "everything.",
        empty="No list holds any item, so there is no exposure." if found else NOT_LOOKED_AT,
    )  # fmt: skip
    points = [{"name": "exposure", "x": x, "y": y} for x, y in curve]
    return Drawn(figure, "lorenz", points, {"x": "items", "y": "exposure", "even": "all items alike"})


def lift_figure(results: Results, by: str) -> Drawn:
    """How much more popular lists are than what their people knew before, by group."""
    everyone = results["popularity"]
    rows = [{"name": "everyone", **everyone}] if has(everyone, "lift") else []
    rows += by_group(results, by, "popularity", "lift")
    points, cut = cut_points([row | {"value": row["lift"]} for row in rows], "popularity lift")
    figure = Figure(
        key="lift", title=lift_finding(everyone),
        columns=("group", "popularity known before", "of lists", "lift", "low", "high"),
        rows=[(row["name"], row["profile"], row["lists"], row["lift"], row["low"], row["high"]) for row in rows],
        definition="GAP = mean share of people who had met the items; lift = (GAP of lists − GAP of profiles) / GAP of "
        "profiles. 0: as popular as what people chose themselves; 1: twice as popular. 95% intervals, people drawn "
        "again.",
        note=cut,
        empty="Nothing was known of anyone before, so there is nothing to compare with." if everyone else NOT_LOOKED_AT,
        height=height(len(points)), numeric=frozenset({1, 2, 3, 4, 5}),
    )  # fmt: skip
    return Drawn(figure, "whiskers", points, {"axis": "popularity lift, 95% intervals", "middle": 0.0})


def lift_finding(everyone: Mapping[str, Any]) -> str:
    """Whether lists are more or less popular, where the interval leaves no doubt of the side."""
    if not has(everyone, "lift"):
        return "Popularity lift"
    lift, low, high = everyone["lift"], number(everyone.get("low")), number(everyone.get("high"))
    if low > 0 or high < 0:
        how = "more" if lift > 0 else "less"
        return f"Lists are {abs(lift):.0%} {how} popular than what their people knew before"
    span = "" if math.isnan(low) else f" (95%: {signed(low)} to {signed(high)})"
    return (
        f"Lists are not found to be more or less popular than what their people knew before: lift {signed(lift)}{span}"
    )


def calibration_figure(results: Results, by: str) -> Drawn:
    """How far the classes in lists are from those a person chose, by group."""
    everyone, classes = results["calibration"], results["calibration"].get("classes")
    rows = [{"name": "everyone", **everyone}] if has(everyone, "mean") else []
    rows += by_group(results, by, "calibration", "mean")
    points, cut = cut_points([row | {"value": row["mean"]} for row in rows], "distance to tastes")
    of = f" by {classes}" if classes else ""
    figure = Figure(
        key="calibration", title=f"Distance of lists to tastes{of}: {shown(everyone.get('mean'))} for everyone",
        columns=("group", "distance", "low", "high"), note=cut,
        rows=[(row["name"], row["mean"], row["low"], row["high"]) for row in rows],
        definition="Miscalibration (Steck 2018): KL(p ‖ q̃) = Σ p log(p / q̃), p the shares of classes in what a person "
        "chose, q those in the list, q̃ = .99 q + .01 p; the mean over people. 0: the list mirrors the tastes. 95% "
        "intervals, people drawn again.",
        empty="Items have no classes by which tastes could be compared." if everyone else NOT_LOOKED_AT,
        height=height(len(points)), numeric=frozenset({1, 2, 3}),
    )  # fmt: skip
    return Drawn(figure, "whiskers", points, {"axis": "distance to tastes, 95% intervals", "zero": True})


def by_group(results: Results, by: str, part: str, key: str) -> list[dict[str, Any]]:
    """Rows of a part of the chosen groupings that have a figure, named by group."""
    return [
        {**row, "name": f"{each['title']}: {row['value']}" if by == EVERY else str(row["value"])}
        for each in chosen_groupings(results, by) for row in each.get(part) or [] if has(row, key)
    ]  # fmt: skip


def cut_points(rows: list[dict[str, Any]], words: str) -> tuple[list[dict[str, Any]], str]:
    """What is drawn: everyone on top, then groups."""
    everyone = [interval_point(row, words) for row in rows if row["name"] == "everyone"]
    points, cut = ends([interval_point(row, words) for row in rows if row["name"] != "everyone"])
    return [*everyone, *points], cut


def classes_of(results: Results, name: str) -> Mapping[str, Any]:
    return next((each for each in results["classes"] if each["name"] == name), {"rows": [], "title": name})


CLASSES = ("class", "items", "of the catalogue", "of exposure", "low", "high", "of what people chose",
           "exposure by relevance", "low of it", "high of it", "lists it is in")  # fmt: skip


def classes_figure(results: Results, name: str) -> Drawn:
    """Exposure of classes of items beside their share of the catalogue and of what people chose."""
    found = classes_of(results, name)
    rows = sorted(found["rows"], key=lambda row: -(row["exposure_share"] or 0.0))
    points = [class_point(row) for row in rows if has(row, "exposure_share")][:MOST]
    keys = ("items", "catalogue_share", "exposure_share", "low", "high", "relevance_share", "ratio", "ratio_low",
            "ratio_high", "shown")  # fmt: skip
    figure = Figure(
        key="classes", title=classes_finding(found), columns=CLASSES,
        rows=[(row["value"], *(row.get(key) for key in keys)) for row in rows],
        definition="Share of exposure of a class: Σ E_i of its items / Σ E of all. Exposure by relevance divides it by "
        "the share of what people chose that is of the class (held out, or, of answers that were served, met before); "
        "1 where exposure follows what is wanted. Disparate exposure of two classes is the ratio of theirs: (E_g / R_g)"
        " / (E_h / R_h); that of the most and the least exposed class is above 1 by chance alone. An item of several "
        "classes counts in each by an equal part; items without one are left out. 95% intervals, people drawn again, "
        "of each class alone; the sentence above names one only where its interval, adjusted for the number of "
        "classes, lies below 1.",
        note=classes_note(found, len(rows)),
        empty=found.get("problem") or ("Items have no classes." if results["exposure"] else NOT_LOOKED_AT),
        height=height(len(points)) + 40, numeric=frozenset(range(1, len(CLASSES))),
    )  # fmt: skip
    return Drawn(figure, "shares", points)


def classes_note(found: Mapping[str, Any], rows: int) -> str:
    """What of the classes together is one figure, and that not all of them are drawn."""
    named_ones = (
        ("Disparate exposure of the most and the least exposed class", "disparate_exposure"),
        ("AWRF of the classes against relevance", "awrf"),
        ("Equity of attention of the classes", "equity_of_attention"),
    )
    said = "; ".join(f"{name}: {shown(found[key])}" for name, key in named_ones if has(found, key))
    cut = f"The {MOST} classes with most exposure of {rows:,} are drawn; the table has all of them."
    return " ".join(filter(None, (f"{said}." if said else "", cut if rows > MOST else "")))


def class_point(row: Mapping[str, Any]) -> dict[str, Any]:
    exposure, catalogue = row["exposure_share"], number(row.get("catalogue_share"))
    relevance = number(row.get("relevance_share"))
    said = (
        f"<b>{row['value']}</b><br>{exposure:.1%} of exposure ({number(row['low']):.1%} to {number(row['high']):.1%})"
    )
    said += f"<br>{catalogue:.1%} of the catalogue" + (
        "" if math.isnan(relevance) else f"<br>{relevance:.1%} of what people chose"
    )
    return {"name": str(row["value"]), "exposure": exposure, "low": number(row["low"]), "high": number(row["high"]),
            "catalogue": catalogue, "relevance": relevance, "said": said}  # fmt: skip


def classes_finding(found: Mapping[str, Any]) -> str:
    """The class whose exposure is the farthest below its relevance, where its interval says so although all classes
    were looked at: it is the wider, the more they are, on the scale of logarithms."""
    title = found.get("title") or "Classes"
    known = [row for row in found["rows"] if has(row, "ratio") and has(row, "ratio_high")]
    by = wider(len(known))
    below = [row for row in known if row["ratio"] * (row["ratio_high"] / row["ratio"]) ** by < 1]
    if below:
        row = min(below, key=lambda row: row["ratio"])
        return (
            f"{title}: {row['value']} gets {row['ratio']:.2f} times the exposure that what people chose would give it"
        )
    if known:
        return f"{title}: no class is found to get less exposure than what people chose would give it"
    return f"{title}: exposure beside the catalogue"


def parity_figure(results: Results, by: str, name: str, kind: str) -> Drawn:
    """Classes in the lists of groups: their share (demographic parity) or how many of what people chose of them is
    found (equal opportunity)."""
    groupings = chosen_groupings(results, by)
    each = groupings[0] if groupings else {"title": "", kind: []}
    rows = [row for row in each.get(kind) or [] if row["classes"] == name]
    title = {"parity": "Demographic parity: what lists are made of", "opportunity":
             "Equal opportunity: how many of what people chose is in their lists"}[kind]  # fmt: skip
    shares = [row["share"] for row in rows if has(row, "share")]
    if shares:
        title = f"{title}, by {each['title']} and {classes_of(results, name)['title']}"
    points = [
        {"row": row["class"], "column": row["value"], "value": number(row["share"]), "said": share_said(row)}
        for row in rows
    ]
    columns = ("class", "group", "share", "low", "high")
    figure = Figure(
        key=kind, title=title, columns=columns, definition=PARITY[kind], empty="Nothing can be said by these groups.",
        rows=[(row["class"], row["value"], row["share"], row["low"], row["high"]) for row in rows] if shares else [],
        height=170 + 28 * len({row["class"] for row in rows}), numeric=frozenset({2, 3, 4}),
    )  # fmt: skip
    drawn = few_columns(points) if shares else []
    return Drawn(figure, "matrix", drawn, {"what": "share", "share": True})


PARITY = {
    "parity": "Share of the places in the lists of a group that a class of items takes, the mean over its people; "
    "demographic parity asks that it be the same for all groups. Groups that choose differently get different lists "
    "from any recommender that listens, so a difference is no fault by itself. 95% intervals, people drawn again.",
    "opportunity": "Of what people of a group chose of a class in the held-out data, the share that was in their lists "
    "(recall); equal opportunity asks that it be the same for all groups. 95% intervals, people drawn again.",
}


def few_columns(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    columns = list(dict.fromkeys(point["column"] for point in points))[:MOST]
    rows = list(dict.fromkeys(point["row"] for point in points))[:MOST]
    return [point for point in points if point["column"] in columns and point["row"] in rows]


def share_said(row: Mapping[str, Any]) -> str:
    where = f"<b>{row['class']}</b>, {row['value']}<br>"
    if not has(row, "share"):
        return f"{where}too few people to say anything"
    return f"{where}{row['share']:.1%} (95%: {number(row['low']):.1%} to {number(row['high']):.1%})"


EVEN = {"gini": "Gini coefficient", "coverage": "coverage", "new_share": "share of new items"}


def weeks_figures(results: Results, metric: str, by: str) -> list[Drawn]:
    """Exposure, quality and gaps by the week of the answers; none for held-out data."""
    over = results.get("over_time")
    if not over:
        return []
    trends = {row["figure"]: row for row in over.get("trends") or []}
    even = [point(EVEN[key], week, week.get(key)) for week in over["weeks"] for key in EVEN if has(week, key)]
    quality = [point(named(metric), week, **week["quality"][metric]) for week in over["weeks"]
               if has(week["quality"].get(metric) or {}, "mean")]  # fmt: skip
    gaps = [point(str(value), week, gap) for week in over["weeks"]
            for value, gap in (week["gaps"].get(by) or {}).items() if gap is not None]  # fmt: skip
    return [
        week_figure("weeks-exposure", "Exposure by week", even, "exposure", trend_words(trends.get("gini"), "Gini")),
        week_figure("weeks-quality", f"{named(metric)} by week", quality, named(metric),
                    trend_words(trends.get(metric), named(metric))),
        week_figure("weeks-gaps", f"Gaps of {named(results['about']['main'])} by week", gaps[: 5 * 400],
                    "group less everyone else", ""),
    ]  # fmt: skip


def point(
    series: str, week: Mapping[str, Any], mean: float | None = None, low: Any = None, high: Any = None
) -> dict[str, Any]:
    return {"series": series, "week": week["week"], "value": number(mean), "low": number(low), "high": number(high)}


def trend_words(trend: Mapping[str, Any] | None, what: str) -> str:
    if trend is None or trend.get("per_week") is None:
        return ""
    span = f"{signed(trend['per_week'])} a week (95%: {shown(trend['low'])} to {shown(trend['high'])})"
    flat = trend["low"] is None or trend["low"] <= 0 <= trend["high"]
    return f"{what}: {span}, so no trend is found." if flat else f"{what}: {span}."


def week_figure(key: str, title: str, points: list[dict[str, Any]], what: str, note: str) -> Drawn:
    names = list(dict.fromkeys(row["series"] for row in points))[:5]
    kept = [row for row in points if row["series"] in names]
    bare = [(row["series"], row["week"], row["value"], *(None if math.isnan(row[end]) else row[end]
             for end in ("low", "high"))) for row in points]  # fmt: skip
    figure = Figure(
        key=key, title=title, columns=("what", "week of", "value", "low", "high"), rows=bare, note=note,
        definition="Of the answers served in each week (from Monday, UTC), as the figures above. Bands are 95% "
        "intervals, people drawn again; weeks with too few people are left out. At most five lines are drawn.",
        empty="No week has enough people.", height=280, numeric=frozenset({2, 3, 4}),
    )  # fmt: skip
    return Drawn(figure, "weeks", kept, {"what": what})
