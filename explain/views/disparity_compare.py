"""Two audits side by side: who gained by group, and how exposure moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from explain.models import DisparityAudit
from explain.services.disparity_changes import FIGURES as PAIRED
from explain.services.disparity_changes import Changes, changes
from explain.views.disparity_figures import (
    EVERY,
    FEW,
    Drawn,
    Results,
    chosen_groupings,
    ends,
    gap_point,
    groups_of,
    has,
    height,
    named,
    number,
    shown,
    signed,
)
from explain.views.disparity_parts import name_of, seen_results
from recommender.models import Catalog, Run
from recommender.templatetags.pages import plain
from recommender.views.figures import Figure
from recommender.views.frame import page, show
from recommender.views.paging import whole


@require_safe
@page("view")
def disparity_compare(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """`a` and `b` of the address: the audits, from the first to the second; `metric`: of what."""
    done = DisparityAudit.objects.filter(catalog=catalog, status=Run.Status.SUCCEEDED).select_related("run", "catalog")
    offered = list(done.order_by("-id")[:40])
    a, b = (chosen(done, request.GET.get(name)) for name in ("a", "b"))
    b = b or next((each for each in offered if a is not None and each.pk != a.pk), None)
    crumbs = [("Disparities", reverse("disparities", args=[catalog.name]))]
    context: dict[str, Any] = {
        "offered": [(each.pk, f"#{each.pk} {name_of(each)}") for each in offered],
        "a": a,
        "b": b,
    }
    if a is not None and b is not None:
        context |= compared(request, a, b)
    return show(
        request, "explain/disparity_compare", title="Two audits compared", catalog=catalog, section="disparities",
        crumbs=crumbs, figures=a is not None and b is not None, **context,
    )  # fmt: skip


def chosen(done: Any, given: str | None) -> DisparityAudit | None:
    """The audit of the address; 404 where it names one that is not there or not done."""
    if not given:
        return None
    key = whole(given, 0)
    found = done.filter(pk=key).first() if 0 < key < 2**63 else None
    if found is None:
        raise Http404("There is no such audit with results in this catalog.")
    return found


def compared(request: HttpRequest, a: DisparityAudit, b: DisparityAudit) -> dict[str, Any]:
    first, second = (seen_results(request.user, row) for row in (a, b))
    metrics = [name for name in first["about"]["metrics"] if name in second["about"]["metrics"]]
    metric = request.GET.get("metric", "")
    metric = metric if metric in metrics else next(iter(metrics), "")
    known = {each["name"] for each in second["groupings"]}
    groupings = [each for each in chosen_groupings(first, EVERY) if each["name"] in known]
    found, why = changes(a, b, metric, groupings)
    names = (f"#{a.pk} {name_of(a)}", f"#{b.pk} {name_of(b)}")
    return {
        "names": names, "metric": metric, "metrics": [(name, named(name)) for name in metrics],
        "finding": finding(found, why), "why": why, "rows": figure_rows(first, second),
        "unlike": unlike(first, second), "change": changes_figure(found).on_page() if found else None,
        "both": beside_figure(first, second, metric, names).on_page(),
        "lorenz": curves_figure(first, second, names).on_page(),
    }  # fmt: skip


def unlike(first: Results, second: Results) -> str:
    """What keeps two audits from saying the same thing."""
    a, b = first["about"], second["about"]
    if a["source"] != b["source"]:
        return "One is of held-out data and the other of what was served: their figures do not mean the same."
    return f"Their lists have {a['k']} and {b['k']} places: compare with care." if a["k"] != b["k"] else ""


def finding(found: Changes | None, why: str) -> str:
    if found is None:
        return why
    words, mean = named(found.metric), found.mean
    more, less, same = counts_told((found.more, found.less, found.people - found.more - found.less), found.least)
    said = (
        f"Of {found.people:,} people in both, {more} have more {words} in the second, {less} less and {same} the same"
    )
    said += f"; the mean changes by {signed(mean['change'] or 0.0)}"
    if mean["low"] is not None and mean["high"] is not None:
        sure = "" if mean["low"] > 0 or mean["high"] < 0 else ", so no change is found"
        said += f" (95%: {signed(mean['low'])} to {signed(mean['high'])}{sure})"
    if not found.aside:
        return f"{said}."
    return (
        f"{said}. {found.aside} who are in both were left out by chance, so that nobody who is in one only is told of."
    )


def counts_told(counts: Sequence[int], least: int) -> list[str]:
    """Numbers of people that make up all: those under `least` are not told, nor one from which they could be worked
    out."""
    few = [0 < each < least for each in counts]
    if 0 < sum(each for each, hidden in zip(counts, few, strict=True) if hidden) < least:
        others = [at for at, hidden in enumerate(few) if counts[at] and not hidden]
        few[min(others, key=lambda at: counts[at])] = True
    return [f"{each:,}" if not hidden else f"fewer than {least}" if each < least else "the others"
            for each, hidden in zip(counts, few, strict=True)]  # fmt: skip


def changes_figure(found: Changes) -> Drawn:
    """The mean change of each group, paired by person."""
    several = len({row["grouping"] for row in found.groups}) > 1
    rows = [row | {"name": f"{row['title']}: {row['value']}" if several else str(row["value"])} for row in found.groups]
    known = [change_point(row, found.metric) for row in rows if has(row, "change")]
    points, cut = ends(known)
    told = [point for point in points if point["told"]]
    title = "Who gained, by group: "
    title += (
        f"of {len(told)} of {len(points)} groups the interval leaves 0 out"
        if told
        else "no group’s interval leaves 0 out"
    )
    figure = Figure(
        key="change", title=title,
        columns=("group", "people in both", "first", "second", "change", "low", "high", "change of its gap",
                 "low of it", "high of it", "p of it"),
        rows=[(row["name"], FEW if row["people"] is None else row["people"], *(row[name] for name in PAIRED))
              for row in rows],
        definition="Mean over the people of a group of (second − first), each person compared with themselves; 95% "
        "intervals, people drawn again. The change of its gap is the group’s change less everyone else’s. Intervals "
        "and p of many groups are not adjusted for being many. Groups that one of the audits hides are hidden here, as "
        "are those of which few people are in one of them only.",
        note=" ".join(filter(None, ("Filled marks: the interval leaves 0 out.", cut))),
        empty="No group by a declared attribute is in both audits.",
        height=height(len(points)), numeric=frozenset(range(1, 11)),
    )  # fmt: skip
    axis = "second less first, 95% intervals"
    return Drawn(figure, "whiskers", points, {"axis": axis, "middle": 0.0})


def change_point(row: dict[str, Any], metric: str) -> dict[str, Any]:
    low, high = number(row["low"]), number(row["high"])
    said = f"<b>{row['name']}</b>, {row['people'] or 0:,} people<br>{named(metric)} {signed(row['change'])}"
    return {"name": row["name"], "value": row["change"], "low": low, "high": high, "told": low > 0 or high < 0,
            "said": f"{said}<br>95% interval {signed(low)} to {signed(high)}"}  # fmt: skip


def beside_figure(first: Results, second: Results, metric: str, names: tuple[str, str]) -> Drawn:
    """The gaps of both, not paired."""
    points, rows = [], []
    for name, results in zip(names, (first, second), strict=True):
        for group, whole_, found in groups_of(chosen_groupings(results, EVERY), metric):
            if has(found, "versus_rest"):
                points.append(gap_point(group, whole_, found, metric) | {"series": name})
            rows.append(
                (name, group, *(found.get(key) for key in ("mean", "versus_rest", "rest_low", "rest_high", "p_holm")))
            )
    shared = [each for each in dict.fromkeys(point["name"] for point in points)
              if len({point["series"] for point in points if point["name"] == each}) == 2][:24]  # fmt: skip
    figure = Figure(
        key="both", title=f"{named(metric)}: each group less everyone else, in both audits",
        columns=("audit", "group", "mean", "less the rest", "low", "high", "p, Holm"), rows=rows if shared else [],
        definition="As in the reports; the two are not paired here, so intervals that overlap may still hide a change. "
        "At most 24 groups that both have are drawn.",
        empty="The two audits have no group in common.", height=60 + 34 * max(2, len(shared)),
        numeric=frozenset(range(2, 7)),
    )  # fmt: skip
    axis = "less everyone else, 95% intervals"
    return Drawn(figure, "whiskers", [each for each in points if each["name"] in shared], {"axis": axis, "middle": 0.0})


def curves_figure(first: Results, second: Results, names: tuple[str, str]) -> Drawn:
    points = [{"name": name, "x": x, "y": y} for name, results in zip(names, (first, second), strict=True)
              for x, y in results["exposure"].get("lorenz") or []]  # fmt: skip
    ginis = [results["exposure"].get("gini") for results in (first, second)]
    figure = Figure(
        key="curves", title=f"Gini coefficient of exposure: {shown(ginis[0])} and {shown(ginis[1])}",
        columns=("audit", "share of items", "share of exposure"), height=360, numeric=frozenset({1, 2}),
        rows=[(row["name"], row["x"], row["y"]) for row in points],
        definition="Lorenz curves of exposure over the items that may be shown, the least shown first; the Gini "
        "coefficient is 1 − twice the area below.",
        empty="One of the audits has no lists.",
    )  # fmt: skip
    return Drawn(figure, "lorenz", points, {"x": "items", "y": "exposure", "even": "all items alike"})


FIGURES = (
    ("Gini coefficient of exposure", "exposure", "gini", "gini_low", "gini_high"),
    ("Coverage", "exposure", "coverage", "", ""),
    ("Share of items never shown", "exposure", "never", "", ""),
    ("Equity of attention", "exposure", "equity_of_attention", "", ""),
    ("AWRF against the catalogue", "exposure", "awrf_catalogue", "", ""),
    ("AWRF against relevance", "exposure", "awrf_relevance", "", ""),
    ("Popularity lift", "popularity", "lift", "low", "high"),
    ("Distance to tastes", "calibration", "mean", "low", "high"),
)


def figure_rows(first: Results, second: Results) -> list[dict[str, str]]:
    """Single figures of both with their intervals, and the difference."""
    rows = [(name, *(results[part] for results in (first, second)), keys) for name, part, *keys in FIGURES]
    for metric in first["about"]["metrics"]:
        both = [results["people"].get(metric) or {} for results in (first, second)]
        rows.append((f"{named(metric)}, mean", *both, ["mean", "low", "high"]))
        rows.append((f"{named(metric)}, Gini over people", *both, ["gini", "gini_low", "gini_high"]))
    return [compared_row(*row) for row in rows if has(row[1], row[3][0]) and has(row[2], row[3][0])]


def compared_row(name: str, a: Any, b: Any, keys: list[str]) -> dict[str, str]:
    return {"name": name, "a": with_span(a, *keys), "b": with_span(b, *keys), "by": signed(b[keys[0]] - a[keys[0]])}


def with_span(row: Any, value: str, low: str, high: str) -> str:
    span = f" ({plain(row[low])} to {plain(row[high])})" if low and has(row, low) and has(row, high) else ""
    return plain(row[value]) + span
