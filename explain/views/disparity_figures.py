"""What the report of an audit draws of people and of groups of them, from its results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from explain.views import disparity_sketch
from explain.views.trust_figures import MEASURES
from recommender.templatetags.pages import metric_name, plain
from recommender.views.figures import Figure, draw

Results = Mapping[str, Any]
EVERY = "every"
"""As the choice of a grouping: all that are not crossed."""
CROSSED = "crossed"
MOST = 40
"""Rows that are drawn; the table holds all."""
TOLD = 0.05
NAN = float("nan")
FEW = "too few"
NORMAL = NormalDist()


@dataclass(frozen=True)
class Drawn:
    """A figure with what it is drawn of: `points` and `options` of explain.figures and of disparity_sketch."""

    figure: Figure
    kind: str = "whiskers"
    points: Sequence[Mapping[str, Any]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def on_page(self) -> Figure:
        """Drawn by the page's script; where nothing can be drawn, the table alone."""
        json = draw(f"disparity_{self.kind}", map(dict, self.points), **self.options) if self.points else ""
        return replace(self.figure, json=json)

    @property
    def sketch(self) -> SafeString:
        return mark_safe(disparity_sketch.sketch(self.kind, self.points, self.options, self.figure.title))


def named(metric: str) -> str:
    if not metric:
        return "No metric"
    return "Share of answers followed" if metric == "response" else metric_name(metric)


def number(value: float | None) -> float:
    return NAN if value is None else float(value)


def shown(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else plain(value)


def signed(value: float) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{plain(abs(value))}"


def wider(looked_at: int) -> float:
    """By how much an interval of 95% becomes wider so that `looked_at` of them hold together (Bonferroni), as a normal
    one does."""
    return NORMAL.inv_cdf(1 - 0.025 / max(1, looked_at)) / NORMAL.inv_cdf(0.975)


def chosen_groupings(results: Results, by: str) -> list[dict[str, Any]]:
    """Those of a name, or all that are not crossed; without those nobody is in."""
    rows = [each for each in results["groupings"] if each["groups"]]
    return [each for each in rows if (each["kind"] != CROSSED if by == EVERY else each["name"] == by)]


def ends(rows: Sequence[dict[str, Any]], key: str = "value") -> tuple[list[dict[str, Any]], str]:
    """The rows that are drawn, the lowest first, and a sentence where that is not all of them."""
    ordered = sorted(rows, key=lambda row: row[key])
    if len(ordered) <= MOST:
        return ordered, ""
    half = MOST // 2
    kept = f"The {half} lowest and the {half} highest of {len(rows):,} groups are drawn; the table has all of them."
    return [*ordered[:half], *ordered[-half:]], kept


def height(rows: int) -> int:
    return 96 + 28 * max(2, rows)


def groups_of(groupings: Iterable[dict[str, Any]], metric: str) -> Iterable[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, group and its figures of a metric ({} where it is suppressed); the name tells the grouping apart."""
    known = list(groupings)
    for grouping in known:
        for group in grouping["groups"]:
            name = str(group["value"]) if len(known) == 1 else f"{grouping['title']}: {group['value']}"
            yield name, group, {} if group["suppressed"] else group.get("metrics", {}).get(metric) or {}


GAPS = ("group", "people", "mean", "low", "high", "bias", "less the rest", "low of it", "high of it", "p", "p, Holm",
        "gap seen 8 times of 10", "power for .03", "shrunk mean")  # fmt: skip


def gaps_figure(results: Results, metric: str, by: str) -> Drawn:
    """The forest plot: each group less everyone else."""
    groupings = chosen_groupings(results, by)
    every = list(groups_of(groupings, metric))
    known = [gap_point(name, group, found, metric) for name, group, found in every if has(found, "versus_rest")]
    points, cut = ends(known)
    hidden = sum(group["suppressed"] for _, group, _ in every)
    few = f"{count(hidden, 'group')} with fewer than {results['about']['least']} people, or that could be worked out "
    marks = "Filled marks: a difference is found." if any(point["told"] for point in points) else ""
    note = " ".join(filter(None, (marks, cut, f"{few}from others, stay unsaid." if hidden else "")))
    axis = "less everyone else, 95% intervals"
    figure = Figure(
        key="gaps", title=gaps_finding(results, metric, every, mirrored(groupings)), columns=GAPS,
        rows=[gap_cells(name, group, found) for name, group, found in every], definition=GAPS_MEAN, note=note,
        empty="There are no groups to compare: nothing is known by which people could be told apart.",
        height=height(len(points)), numeric=frozenset(range(1, len(GAPS))),
    )  # fmt: skip
    return Drawn(figure, "whiskers", points, {"axis": axis, "middle": 0.0})


GAPS_MEAN = (
    "Δ_g = mean of the people in the group − mean of all others whose group is known. Bias per group = mean of the "
    "group − mean of everyone. Intervals are of 95% each: people are drawn again (multinomial weights), and the spread "
    "is taken at each mean that is asked about, so that they hold for small groups. p is of no difference to everyone "
    "else; Holm’s p is adjusted for all that was looked at in this audit, and a difference counts as found where it is "
    "under .05. The gap seen 8 times of 10 is the smallest true gap a group of this size would show with power .8; "
    "beside it stands the power for a true gap of .03. The shrunk mean is drawn towards everyone’s, the more, the "
    "fewer people there are and the less groups differ."
)


def has(found: Mapping[str, Any], key: str) -> bool:
    return found.get(key) is not None


def gap_point(name: str, group: Mapping[str, Any], found: Mapping[str, Any], metric: str) -> dict[str, Any]:
    low, high = number(found.get("rest_low")), number(found.get("rest_high"))
    told = has(found, "p_holm") and found["p_holm"] < TOLD
    said = (
        f"<b>{name}</b>, {group['people'] or 0:,} people<br>{named(metric)} {shown(found.get('mean'))}, everyone else "
    )
    said += f"{signed(-found['versus_rest'])} beside it<br>the difference: {shown(low)} to {shown(high)} (95%)"
    holm = f"<br>p by Holm {shown(found['p_holm'])}" if has(found, "p_holm") else ""
    return {"name": name, "value": found["versus_rest"], "low": low, "high": high, "told": told, "said": said + holm}


def gap_cells(name: str, group: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[Any, ...]:
    if not found:
        return (name, FEW, *["–"] * (len(GAPS) - 2))
    keys = ("mean", "low", "high", "bias", "versus_rest", "rest_low", "rest_high", "p", "p_holm", "detectable",
            "power_03", "shrunk")  # fmt: skip
    return (name, group["people"], *(found.get(key) for key in keys))


def mirrored(groupings: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The second of every two groups that are everyone: the first is its rest, so that their gap is one."""
    pairs = [each["groups"] for each in groupings if each["missing"] is not None and len(each["groups"]) == 2]
    return [second for first, second in pairs if not (first["suppressed"] or second["suppressed"])]


def gaps_finding(
    results: Results, metric: str, every: Sequence[tuple[str, Any, Mapping[str, Any]]], twins: Sequence[Any]
) -> str:
    if not metric:
        return "Groups are not compared: no metric is known of people"
    known = [(name, found) for name, _, found in every if has(found, "versus_rest")]
    words = named(metric)
    if len(known) < 2:
        return f"{words} by group: there are no two groups large enough to compare"
    told = [(name, found) for name, group, found in every if has(found, "versus_rest") and has(found, "p_holm")
            and found["p_holm"] < TOLD and not any(group is each for each in twins)]  # fmt: skip
    if told:
        name, found = max(told, key=lambda each: abs(each[1]["versus_rest"]))
        more = f", and {count(len(told) - 1, 'other group')}" if len(told) > 1 else ""
        return f"{words}: {name} differs from everyone else by {signed(found['versus_rest'])}{more}"
    if metric != results["about"]["main"]:
        return f"{words} by group; what was looked at together is tested for {named(results['about']['main'])} alone"
    seen = [found["detectable"] for _, found in known if has(found, "detectable")]
    least = f" (a gap under {plain(min(seen))} would seldom have been seen in any group)" if seen else ""
    return f"{words}: no difference found{least}"


def count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def sizes_figure(results: Results, by: str) -> Drawn:
    """How many people each group has, and of how many the group is not known."""
    groupings, least = chosen_groupings(results, by), results["about"]["least"]
    every = [(name, group["people"] if not group["suppressed"] else None)
             for name, group, _ in groups_of(groupings, "")]  # fmt: skip
    known = sorted((row for row in every if row[1] is not None), key=lambda row: -row[1])
    missing = [(each["title"], each["missing"]) for each in groupings]
    said = "; ".join(f"{title}: not known of {FEW if gone is None else f'{gone:,}'}" for title, gone in missing)
    title = f"{count(len(known), 'group')} with at least {least} people"
    rows = [*((name, FEW if people is None else people) for name, people in every),
            *((f"{title}: not known", FEW if gone is None else gone) for title, gone in missing)]  # fmt: skip
    points = [{"name": name, "value": people} for name, people in known[:MOST]]
    figure = Figure(
        key="sizes", title=title, columns=("group", "people"), rows=rows if every else [],
        definition=f"People of whom the figures are known, by group. Fewer than {least} people are neither counted nor "
        "shown, and neither is a group whose size or figures could be worked out by subtracting others.",
        empty="There are no groups.", note=said, height=height(len(points)), numeric=frozenset({1}),
    )  # fmt: skip
    return Drawn(figure, "bars", points, {"axis": "people"})


def spread_rows(results: Results, metric: str) -> list[dict[str, Any]]:
    """A line per grouping: how far its groups are apart, and whether anything but chance is needed for it."""
    rows = []
    for each in results["groupings"]:
        groups = each["groups"]
        hidden = sum(group["suppressed"] for group in groups)
        rows.append({**each, "shown": len(groups) - hidden, "hidden": hidden,
                     "of": each["spread"].get(metric) or {}, "test": each["omnibus"].get(metric) or {}})  # fmt: skip
    return rows


def crossed_figure(results: Results, metric: str, name: str) -> Drawn:
    """The heatmap of two groupings crossed, by shrunk means."""
    found = next((each for each in results["groupings"] if each["kind"] == CROSSED and each["name"] == name), None)
    groups = found["groups"] if found else []
    rows = []
    for group in groups:
        row, column = sides(str(group["value"]), found, results)
        of_it = {} if group["suppressed"] else group["metrics"].get(metric) or {}
        rows.append({"row": row, "column": column, "value": number(of_it.get("shrunk")), "mean": of_it.get("mean"),
                     "people": FEW if group["suppressed"] else group["people"]})  # fmt: skip
    points = [{"row": row["row"], "column": row["column"], "value": row["value"], "said": cell_said(row, metric)}
              for row in rows]  # fmt: skip
    mean = (results["people"].get(metric) or {}).get("mean")
    known = [row for row in rows if not math.isnan(row["value"])]
    figure = Figure(
        key="crossed", title=crossed_finding(known, metric, found, len(rows)), empty="No two groupings were crossed.",
        columns=("rows", "columns", "people", "mean", f"{named(metric)}, shrunk"),
        rows=[(row["row"], row["column"], row["people"], row["mean"],
               FEW if math.isnan(row["value"]) else row["value"]) for row in rows],
        definition="Mean of each combination, drawn towards what its two groups alone would make one expect the more, "
        "the fewer people there are (empirical Bayes). Blue: above everyone’s mean; orange: below it; crossed out: too "
        "few people to say anything, or to be worked out from others.",
        height=150 + 30 * len({row["row"] for row in rows}), numeric=frozenset({2, 3, 4}),
    )  # fmt: skip
    return Drawn(figure, "matrix", points if known else [], {"what": named(metric), "middle": mean})


def sides(name: str, grouping: Any, results: Results) -> tuple[str, str]:
    """The two groups of a combination, whose names may hold what joins them."""
    parts = [{str(group["value"]) for each in results["groupings"] if each["name"] == part for group in each["groups"]}
             for part in grouping["parts"]]  # fmt: skip
    pieces = name.split(JOINED)
    for at in range(1, len(pieces)):
        first, second = JOINED.join(pieces[:at]), JOINED.join(pieces[at:])
        if len(parts) == 2 and first in parts[0] and second in parts[1]:
            return first, second
    return pieces[0], JOINED.join(pieces[1:]) or "all"


JOINED = ", "


def cell_said(row: Mapping[str, Any], metric: str) -> str:
    where = f"<b>{row['row']}, {row['column']}</b><br>"
    if math.isnan(row["value"]):
        return f"{where}too few people to say anything"
    means = f"{named(metric)}, shrunk {shown(row['value'])}, mean {shown(row['mean'])}"
    return f"{where}{row['people'] or 0:,} people<br>{means}"


def crossed_finding(known: Sequence[Mapping[str, Any]], metric: str, grouping: Any, cells: int) -> str:
    if grouping is None:
        return "Groups crossed"
    if len(known) < 2:
        return f"{grouping['title']}: there are no two combinations with enough people"
    least, most = (pick(known, key=lambda row: row["value"]) for pick in (min, max))
    return (
        f"{grouping['title']}: {named(metric)} from {plain(least['value'])} ({least['row']}, {least['column']}) to "
        f"{plain(most['value'])} ({most['row']}, {most['column']}), {len(known):,} of {cells:,} combinations shown"
    )


def people_figure(results: Results, metric: str) -> Drawn:
    """How unevenly a metric is spread over people, whatever their groups: its Lorenz curve and Gini coefficient."""
    found = results["people"].get(metric) or {}
    curve = found.get("lorenz") or []
    gini = found.get("gini")
    span = (
        f" (95%: {shown(found.get('gini_low'))} to {shown(found.get('gini_high'))})" if has(found, "gini_low") else ""
    )
    half = next((y for x, y in curve if x >= 0.5), None)
    said = f"; the lower half of people has {half:.0%} of it" if half is not None else ""
    title = f"{named(metric)} over people: Gini coefficient {shown(gini)}{span}{said}"
    options = {"x": "people", "y": named(metric), "even": "everyone alike"}
    figure = Figure(
        key="people", title=title, columns=("share of people, the lowest first", f"share of {named(metric)}"),
        rows=[tuple(each) for each in curve], height=360, numeric=frozenset({0, 1}),
        definition="Lorenz curve of the metric over people, and its Gini coefficient: 1 − twice the area below the "
        "curve; 0 where all get the same. Of a metric that is 0 for most people it is high whatever the recommender.",
        empty="The metric is 0 for everyone or not known, so there is no share to show.",
    )  # fmt: skip
    return Drawn(figure, "lorenz", [{"name": named(metric), "x": x, "y": y} for x, y in curve], options)


def explanations_figure(results: Results, by: str, figure: str) -> Drawn:
    """How good explanations are for each group, where they were examined."""
    words, _, formula = dict(MEASURES).get(figure, (figure, False, ""))
    rows = [
        row | {"name": row["value"] if by != EVERY else f"{each['title']}: {row['value']}", "value": row["mean"]}
        for each in chosen_groupings(results, by) for row in each.get("explanations") or []
        if row["figure"] == figure and row["mean"] is not None
    ]  # fmt: skip
    points, cut = ends([interval_point(row, words) for row in rows])
    drawn = Figure(
        key="explanations", title=f"Explanations by group: {words}", columns=("group", words, "low", "high"),
        rows=[(row["name"], row["mean"], row["low"], row["high"]) for row in rows], note=cut,
        definition=f"{formula} The mean over the people of a group who were explained; 95% "
        "intervals, people drawn again. Overlapping intervals tell no difference.",
        empty="Nobody’s explanations were examined with this run, or too few people’s in each group.",
        height=height(len(points)), numeric=frozenset({1, 2, 3}),
    )  # fmt: skip
    return Drawn(drawn, "whiskers", points, {"axis": f"{words}, 95% intervals", "zero": True})


def interval_point(row: Mapping[str, Any], words: str, more: str = "") -> dict[str, Any]:
    """Of {"name", "value", "low", "high"}."""
    low, high = number(row["low"]), number(row["high"])
    said = f"<b>{row['name']}</b><br>{words} {shown(row['value'])}<br>95% interval {shown(low)} to {shown(high)}{more}"
    return {"name": row["name"], "value": row["value"], "low": low, "high": high, "told": True, "said": said}
