"""What the pages of a sweep draw and list, from its results as a login may see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from explain.views import sweep_words as words
from explain.views.disparity_figures import FEW, Drawn, ends, height, number, shown, signed
from explain.views.sweep_words import Results
from recommender.templatetags.pages import plain
from recommender.views.figures import Figure, draw

EDGES = (0.05, 0.2, 0.5)
"""Changes of a person's figure between which they are counted."""
TINY = 1e-12
SURE = 0.001
CLASSES = 12
Address = Callable[[float], str]
MEANS = (
    "Every strength is measured on the same people, so changes are paired; 95% intervals over people, those of "
    "accuracy by drawing them again (multinomial weights), those of disparities by how much each person moves the "
    "figure. Holm’s p is adjusted for the strengths of this sweep. A point is dominated if another is at least as good "
    "in both, and better in one by an interval adjusted for the number of points. The sentence "
    "above names a strength only where the interval of its change leaves 0 out, adjusted for the number of strengths."
)


def pareto_figure(results: Results, key: str, address: Address, *, changes: bool = False) -> Figure:
    """Of the figures as they are, or of their `changes` against strength 0, which are paired by person."""
    name, metric = words.name_of(results, key), words.metric_of(results)
    rows = [point_row(results, point, key, address, changes) for point in results["points"]]
    drawn = [row for row in rows if row["x"] is not None and row["y"] is not None]
    hollow = sum(row["dominated"] for row in drawn)
    whiskers = "of each change, paired by person" if changes else "of each figure alone; changes are paired and surer"
    note = (
        f"{name}, {words.words_of(key).even}. Whiskers: 95% intervals {whiskers}. A square: as it is; a click opens a "
    )
    note += "point."
    if hollow:
        note += f" Hollow: another strength is at least as good both ways, and better in one beyond chance ({hollow})."
    before = "change of " if changes else ""
    columns = ("strength", metric, "low", "high", "change", "low of it", "high of it", "p, Holm", name, "low ", "high ",
               "change ", "low of it ", "high of it ", "dominated by")  # fmt: skip
    return Figure(
        key="pareto", title=f"{metric} against {words.within(name)}, by strength", columns=columns,
        rows=[cells(point, key) for point in results["points"]] if drawn else [], note=note, height=420,
        definition=f"{words.words_of(key).formula} {words.words_of(key).even}. {MEANS}",
        empty="This figure is not known of these lists.", numeric=frozenset(range(15)),
        json=draw("remedy_pareto", drawn, x=f"{before}{words.words_of(key).name}", y=f"{before}{metric}")
        if drawn else "",
    )  # fmt: skip


PARTS_OF = {False: ("value", "low", "high"), True: ("difference", "diff_low", "diff_high")}


def point_row(
    results: Results, point: Mapping[str, Any], key: str, address: Address, changes: bool
) -> dict[str, Any]:  # fmt: skip
    accuracy, bad = point["accuracy"], point["disparities"][key]
    label, strength = words.label_of(point["strength"]), point["strength"]
    said = f"<b>{'Strength ' if strength else ''}{label}</b><br>{said_of(words.metric_of(results), accuracy)}"
    said += f"<br>{said_of(words.words_of(key).name, bad)}"
    if bad["dominated_by"] is not None:
        said += f"<br>dominated by {words.label_of(bad['dominated_by'])}"
    (x, x_low, x_high), (y, y_low, y_high) = ([of[part] for part in PARTS_OF[changes]] for of in (bad, accuracy))
    return {
        "x": x, "x_low": number(x_low), "x_high": number(x_high), "y": y, "y_low": number(y_low),
        "y_high": number(y_high), "name": label, "said": said, "dominated": bad["dominated_by"] is not None,
        "base": strength == 0, "address": address(strength),
    }  # fmt: skip


def said_of(name: str, row: Mapping[str, Any]) -> str:
    """On hover: value, interval, change."""
    said = f"{name} {shown(row['value'])} ({shown(row['low'])} to {shown(row['high'])})"
    return f"{said}, {changed(row)} beside strength 0" if row["difference"] else said


def cells(point: Mapping[str, Any], key: str) -> tuple[Any, ...]:
    parts = ("value", "low", "high", "difference", "diff_low", "diff_high")
    accuracy, bad = point["accuracy"], point["disparities"][key]
    by = bad["dominated_by"]
    return (f"{point['strength']:g}", *(accuracy[part] for part in parts), accuracy["p_holm"],
            *(bad[part] for part in parts), "–" if by is None else words.label_of(by))  # fmt: skip


def table_rows(results: Results, key: str, address: Address) -> list[dict[str, Any]]:
    """The points as a list with links."""
    rows = []
    for point in results["points"]:
        accuracy, bad = point["accuracy"], point["disparities"][key]
        by = bad["dominated_by"]
        rows.append({
            "strength": point["strength"], "label": words.label_of(point["strength"]),
            "address": address(point["strength"]), "accuracy": accuracy, "bad": bad, "change": changed(accuracy),
            "p": chance(accuracy["p_holm"]),
            "bad_change": changed(bad),
            "said": "–" if bad["diff_low"] is None else "not dominated" if by is None else
            f"dominated by {words.label_of(by)}",
        })  # fmt: skip
    return rows


def chance(p: float | None) -> str:
    return "–" if p is None else "< .001" if p < SURE else plain(p)


def changed(row: Mapping[str, Any]) -> str:
    """The change against strength 0."""
    return words.moved(row["difference"])


def every_figure(results: Results) -> list[dict[str, Any]]:
    """A row per disparity: its value at each strength, and whether it changed beyond chance."""
    rows = []
    for each in results["figures"]:
        key = each["key"]
        parts = [point["disparities"][key] for point in results["points"]]
        values = [{"value": part["value"], "way": way(part)} for part in parts]
        rows.append({"key": key, "name": words.name_of(results, key), "even": words.words_of(key).even,
                     "aimed": each["aimed"], "values": values})  # fmt: skip
    return rows


def way(row: Mapping[str, Any]) -> str:
    """▲ or ▼ where a change against strength 0 is found."""
    if not words.beyond_chance(row):
        return ""
    return "▲" if row["difference"] > 0 else "▼"


def groups_figure(results: Results, strength: float, by: str) -> Drawn:
    """The mean change of each group's people, and of its distance to everyone else."""
    key, metric = f"{strength:g}", words.metric_of(results)
    groups = [group for each in results["groupings"] if each["name"] == by for group in each["groups"]]
    title = next((each["title"] for each in results["groupings"] if each["name"] == by), by)
    told = [{"name": str(group["value"]), **group["metrics"][key]} for group in groups if not group["suppressed"]]
    known = [row for row in told if row["change"] is not None]
    points, cut = ends([group_point(row, metric) for row in known])
    figure = Figure(
        key="groups", title=f"By {title}: {groups_finding(points)}",
        columns=("group", "people", "before", "after", "change", "low", "high", "change of its gap", "low of it",
                 "high of it", "p of it"),
        rows=[group_cells(group, key) for group in groups], note=groups_note(groups, points, cut),
        definition=f"Mean over the people of a group of {metric} at this strength less that at strength 0, each person "
        "compared with themselves; 95% intervals, people drawn again. The change of its gap is the group’s change less "
        "everyone else’s. Not adjusted for the number of groups.",
        empty="There are no groups by which people could be told apart.", height=height(len(points)),
        numeric=frozenset(range(1, 11)),
    )  # fmt: skip
    return Drawn(figure, "whiskers", points, {"axis": f"change of {metric}, 95% intervals", "middle": 0.0})


def groups_note(groups: Sequence[Mapping[str, Any]], points: Sequence[Mapping[str, Any]], cut: str) -> str:
    hidden = sum(group["suppressed"] for group in groups)
    filled = "Filled marks: the interval leaves 0 out." if any(point["told"] for point in points) else ""
    unsaid = f"{hidden} too small or could be worked out, and stay unsaid." if hidden else ""
    return " ".join(filter(None, (filled, cut, unsaid)))


def groups_finding(points: Sequence[Mapping[str, Any]]) -> str:
    """Which groups gain or lose beyond chance, by intervals adjusted for their number; without one, how large a change
    would still be within the intervals."""
    if not points:
        return "no group can be shown"
    rows = ({"difference": point["value"], "diff_low": point["low"], "diff_high": point["high"]} for point in points)
    found = [words.beyond_chance(row, looked_at=len(points)) for row in rows]
    told = [f"{point['name']} {signed(point['value'])}" for point, sure in zip(points, found, strict=True) if sure]
    if told:
        return f"{', '.join(told[:3])}{f' and {len(told) - 3} more' if len(told) > 3 else ''}"
    reach = max(max(abs(point["low"]), abs(point["high"])) for point in points)
    return f"no change found (one of up to {plain(reach)} may be there)"


PARTS = ("before", "after", "change", "low", "high", "gap_change", "gap_low", "gap_high", "gap_p")


def group_cells(group: Mapping[str, Any], key: str) -> tuple[Any, ...]:
    if group["suppressed"]:
        return (group["value"], FEW, *["–"] * len(PARTS))
    return (group["value"], group["people"], *(group["metrics"][key][part] for part in PARTS))


def group_point(row: Mapping[str, Any], metric: str) -> dict[str, Any]:
    low, high = number(row["low"]), number(row["high"])
    said = f"<b>{row['name']}</b><br>{metric} {shown(row['before'])} to {shown(row['after'])}<br>change "
    said += f"{signed(row['change'])} ({shown(low)} to {shown(high)})"
    return {"name": row["name"], "value": row["change"], "low": low, "high": high, "told": low > 0 or high < 0,
            "said": said}  # fmt: skip


def gains_figure(results: Results, table: pd.DataFrame | None, strength: float, why: str) -> Figure:
    """How many people lose and gain how much; none of the counts is of fewer than the least that may be shown."""
    metric, least = results["about"]["metric"], results["about"]["least"]
    rows = [] if table is None else counted(differences(table, metric, strength), least)
    total = sum(row["people"] for row in rows)
    for row in rows:
        row["said"] = f"{row['name']}: {row['people']:,} of {total:,} people"
    title = gains_finding(rows, total, least) if rows else "How people’s figures change"
    return Figure(
        key="gains", title=title, columns=("change", "people"), rows=[(row["name"], row["people"]) for row in rows],
        definition=f"People by how their own {words.metric_of(results)} changed from strength 0 to this one. Bands of "
        f"fewer than {least} people are joined to their neighbours.",
        empty=why or "There are no rows per person.", height=70 + 34 * max(2, len(rows)), numeric=frozenset({1}),
        json=draw("remedy_gains", rows) if rows else "",
    )  # fmt: skip


def gains_finding(rows: Sequence[Mapping[str, Any]], total: int, least: int) -> str:
    """How many gain and how many lose; of a side that is joined with those who stay the same, only that it is small, or
    how many they are together."""
    middle = next((row for row in rows if row["side"] == 0), {"low": 0, "high": 0, "wide": False})
    said = []
    for side, verb, far in ((1, "gain", middle["high"]), (-1, "lose", -middle["low"])):
        people = sum(row["people"] for row in rows if row["side"] == side)
        said += [f"{people:,} {verb}"] if people else []
        if far and not middle["wide"]:
            said.append(f"fewer than {least} {verb}" + (f" up to {plain(EDGES[far - 1], 2)}" if people else ""))
        elif not far and not people:
            said.append("nobody gains" if side > 0 else "nobody loses")
    said += [f"{middle['people']:,} {middle['name']}"] if middle["wide"] else []
    return f"Of {total:,} people {', '.join(said)}"


def differences(table: pd.DataFrame, metric: str, strength: float) -> np.ndarray:
    """(n_people,) of this strength less strength 0."""
    of = {each: table[np.isclose(table["strength"], each)].set_index("user")[metric] for each in (0.0, strength)}
    return (of[strength] - of[0.0]).dropna().to_numpy(dtype=np.float64)


def counted(change: np.ndarray, least: int) -> list[dict[str, Any]]:
    """Bands from those who lose most to those who gain most; too small ones are joined with the next towards 0, those
    who stay the same, where they are too few, with the next on either side (`wide`)."""
    size = np.abs(change)
    places = np.where(size <= TINY, 0, np.sign(change) * (1 + np.searchsorted(EDGES, size, side="left"))).astype(int)
    most = len(EDGES) + 1
    bands = [[at, at, int((places == at).sum())] for at in range(-most, most + 1)]
    for side in (bands[:most], bands[most + 1 :][::-1]):
        for outer, inner in zip(side, [*side[1:], bands[most]], strict=True):
            if 0 < outer[2] < least:
                _join(outer, inner)
    wide = _fill(bands, most, least)
    return [{"name": band_name(low, high), "people": people, "side": int(np.sign(low + high)) if low * high > 0 else 0,
             "low": low, "high": high, "wide": wide and low <= 0 <= high}
            for low, high, people in bands if people]  # fmt: skip


def _join(outer: list[int], inner: list[int]) -> None:
    inner[0], inner[1] = min(inner[0], outer[0]), max(inner[1], outer[1])
    inner[2] += outer[2]
    outer[2] = 0


def _fill(bands: Sequence[list[int]], middle: int, least: int) -> bool:
    """Whether those around 0 were too few, and were joined with the bands next to 0."""
    few = 0 < bands[middle][2] < least
    while 0 < bands[middle][2] < least:
        others = [band for at, band in enumerate(bands) if at != middle and band[2]]
        if not others:
            break
        _join(min(others, key=lambda band: (min(abs(band[0]), abs(band[1])), band[2])), bands[middle])
    return few


def band_name(low: int, high: int) -> str:
    """Of bands joined from `low` to `high`; −1 those who lose least, 0 those for whom nothing changes."""
    if low == high == 0:
        return "stay the same"
    if low <= 0 <= high:
        parts = [band_end("lose", -low)] * (low < 0) + ["stay the same"] + [band_end("gain", high)] * (high > 0)
        return " or ".join(parts)
    verb, near, far = ("gain", low, high) if low > 0 else ("lose", -high, -low)
    if near == 1:
        return band_end(verb, far)
    least = plain(EDGES[near - 2], 2)
    return f"{verb} more than {least}" if far > len(EDGES) else f"{verb} {least} to {plain(EDGES[far - 1], 2)}"


def band_end(verb: str, far: int) -> str:
    return verb if far > len(EDGES) else f"{verb} up to {plain(EDGES[far - 1], 2)}"


def class_rows(results: Results, strength: float) -> list[dict[str, Any]]:
    """Classes of items by how their share of exposure moved, those that moved most first."""
    names, exposure = results["classes"]["names"], results["classes"]["exposure"]
    pairs = zip(names, exposure["0"], exposure[f"{strength:g}"], strict=True)
    rows = [{"name": name, "before": before, "after": after, "change": signed(after - before),
             "by": abs(after - before)}
            for name, before, after in pairs if before is not None and after is not None]  # fmt: skip
    return sorted(rows, key=lambda row: -row["by"])[:CLASSES]


def item_rows(moved: Mapping[str, Sequence[Mapping[str, Any]]], titles: Mapping[int, Any]) -> dict[str, list[Any]]:
    """Items that gain and that lose most exposure; those deleted since are left out."""
    return {
        end: [{"item": titles[each["item"]], **{part: f"{each[part]:.3%}" for part in ("before", "after")}}
              for each in rows if each["item"] in titles]
        for end, rows in moved.items()
    }  # fmt: skip
