"""Figures of what counts for everyone in a run, each with its finding, table and formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recommender.models import Item, Run
from recommender.templatetags.pages import plain
from recommender.views.figures import Figure, draw

Results = Mapping[str, Any]
Rows = Sequence[dict[str, Any]]
INTERVAL = "Whiskers and low to high are 95% intervals by bootstrap over people."
SHARE = (
    "Of each explained recommendation the parts φ of the score are worked out; a share is Σ|φ| of a part / Σ|φ| of "
    "all, averaged over people, so that everyone counts the same. Blue: Σφ is positive on the whole, it raises; "
    f"orange: it lowers. {INTERVAL} What fewer than 5 people have is not shown."
)
STANDING = (
    "Standing: (score − mean) / standard deviation of the scores of all items the person has not met. It is followed "
    "for the item that the person is shown first."
)
GAIN = "gain in standing over knowing nothing"
GAINED = (
    "By how much the item stands higher when only so many of the newest interactions are known than when none is, "
    "person by person."
)
TENTHS = "Dotted: one person in ten is below the lower and above the upper line, so far do people differ."
GROUPS = 6
FEW_ITEMS = 15
NAME = 24
"""Letters of a name beside a bar."""


def percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.01 or share == 0 else "under 1%"


def of_parts(results: Results) -> Figure | None:
    """Where in the history, and which fields: together all that counts."""
    rows = [row | {"name": _place(row["band"])} for row in results.get("recency", [])]
    rows += [row | {"name": row["field"]} for row in results.get("fields", [])]
    if not rows:
        return None
    newest = sum(row["share"] for row in results.get("recency", []) if row["band"] in ("1", "2", "3–5", "6–10"))
    fields = sum(row["share"] for row in results.get("fields", []))
    said = f"The newest ten items of a history carry {percent(newest)} of what counts"
    return Figure(
        key="parts",
        title=f"{said}, attributes and context {percent(fields)}" if fields else said,
        columns=("part", "share", "low", "high", "people"),
        rows=[(row["name"], row["share"], row["low"], row["high"], row["people"]) for row in rows],
        definition=f"{SHARE} Places are counted from the end of the history, 1 is the newest item.",
        json=draw("parts", rows, x_title="share of what counts", keep_order=True),
        height=90 + 32 * len(rows),
        numeric=frozenset({1, 2, 3, 4}),
    )


def _place(band: str) -> str:
    if band == "before":
        return "older items"
    return (
        "newest item" if band == "1" else f"items {band} from the end" if "–" in band else f"item {band} from the end"
    )


def of_categories(results: Results) -> Figure | None:
    rows = [row | {"name": row["category"]} for row in results.get("categories", [])[:15]]
    if not rows:
        return None
    return Figure(
        key="categories",
        title=f"What was met of {rows[0]['name']} counts most: {percent(rows[0]['share'])}",
        columns=("category", "share", "low", "high", "people"),
        rows=[(row["category"], row["share"], row["low"], row["high"], row["people"]) for row in results["categories"]],
        definition=f"{SHARE} An item of several categories counts in each, so shares sum to more than 100%. A category "
        "that much is met of counts more for that alone.",
        json=draw("parts", rows, x_title="share of what counts"),
        height=90 + 26 * len(rows),
        numeric=frozenset({1, 2, 3, 4}),
    )


def of_items(results: Results) -> Figure | None:
    """Items of histories that support recommendations most."""
    found = results.get("top_items", [])[:FEW_ITEMS]
    there = Item.objects.filter(pk__in=[row["item"] for row in found]).in_bulk()
    rows = [row | {"name": there[row["item"]].title or there[row["item"]].client_id} for row in found
            if row["item"] in there]  # fmt: skip
    if not rows:
        return None
    people = results["people"]
    return Figure(
        key="items",
        title=f"Of single items {rows[0]['name']} supports most: {rows[0]['people']} of {people:,} people have met it",
        columns=("item of the history", "people", "share where it raises", "low", "high", "times it lowers"),
        rows=[(row["name"], row["people"], row["share"], row["low"], row["high"], row["lowered"]) for row in rows],
        definition="Of each item met by at least 5 of the people drawn: the mean over all explained recommendations of "
        f"its share Σφ / Σ|φ| where it raises, so often-met items come first. {INTERVAL}",
        json=draw("parts", shortened(rows), x_title="share of what counts"),
        height=90 + 26 * len(rows),
        numeric=frozenset(range(1, 6)),
    )


def shortened(rows: Rows) -> list[dict[str, Any]]:
    """Names that leave a phone room for bars; two that become alike keep their whole."""
    short = [row["name"] if len(row["name"]) <= NAME else row["name"][: NAME - 1].rstrip() + "…" for row in rows]
    return [row | {"name": name if short.count(name) == 1 else row["name"]}
            for row, name in zip(rows, short, strict=True)]  # fmt: skip


def of_points(results: Results, csv: str) -> Figure | None:
    points = results.get("beeswarm", [])
    if not points:
        return None
    names = list(dict.fromkeys(row["feature"] for row in points))
    rows = [_spread(name, [row["value"] for row in points if row["feature"] == name]) for name in names]
    most, side = max((row[3], "raises") if row[3] >= 0.5 else (1 - row[3], "lowers") for row in rows[:1])
    both = next((row for row in rows if 0.2 <= row[3] <= 0.8), None)
    title = f"{rows[0][0]} {side} {percent(most)} of the recommendations that it is part of"
    if both:
        title = f"{both[0]} raises {percent(both[3])} of the recommendations that it is part of and lowers the rest"
    return Figure(
        key="points",
        title=title,
        columns=("feature", "points", "mean part", "share that it raises"),
        rows=rows,
        definition="A point is one recommendation: the signed share Σφ / Σ|φ| that the feature has of it (of a "
        "category, the history’s items that have it). The darker, the higher the fifth of people: how much of the "
        "history is of the category, how large the number is; grey where it is no number. Points are shuffled in each "
        f"row, so that rows cannot be joined to a person. At most {250} points a row are drawn.",
        csv=csv,
        json=draw("beeswarm", points),
        height=90 + 44 * len(names),
        numeric=frozenset({1, 2, 3}),
    )


def _spread(name: str, values: Sequence[float]) -> tuple[str, int, float, float]:
    return name, len(values), sum(values) / len(values), sum(value > 0 for value in values) / len(values)


def of_dependence(results: Results) -> list[Figure]:
    return [_dependence(at, each) for at, each in enumerate(results.get("dependence", []))]


def _dependence(at: int, one: dict[str, Any]) -> Figure:
    rows, counted = one["rows"], one["of"] in ("interactions", "popularity")
    measure = "gain" if one["of"] == "interactions" else "standing"
    options = {"x_title": one["name"], "numbers": one["numbers"], "logarithmic": counted}
    return Figure(
        key=f"dependence-{at}",
        title=_finding(one),
        columns=(one["name"], measure, "low", "high", "one in ten below", "one in ten above", "people"),
        rows=[(row["x"] if isinstance(row["x"], int | float) else str(row["x"]), row["value"], row["low"], row["high"],
               row["tenth"], row["ninth"], row["people"]) for row in rows],
        definition=f"{_defined(one)} Band: 95% interval by bootstrap over people. {TENTHS}",
        json=draw("dependence", rows, **options, **({"y_title": GAIN} if measure == "gain" else {})),
        height=300,
        numeric=frozenset(range(0 if one["numbers"] else 1, 7)),
    )  # fmt: skip


def _defined(one: dict[str, Any]) -> str:
    if one["of"] == "interactions":
        return f"{GAINED} People with fewer interactions take no part. {STANDING}"
    if one["of"] == "popularity":
        return (
            "Mean standing of the items of a band, ten bands of as many items each, by their number of interactions. "
            f"It says what goes together, not that popularity is the cause. {STANDING.partition('. ')[0]}."
        )
    return f"Everyone’s {one['name']} is set to each value in turn, all else as it is (partial dependence). {STANDING}"


def _finding(one: dict[str, Any]) -> str:
    rows = one["rows"]
    low, high = (pick(rows, key=lambda row: row["value"]) for pick in (min, max))
    if one["of"] == "interactions":
        found = next((row for row in rows if row["value"] >= 0.9 * high["value"]), high)
        if high["value"] <= 0:
            return "Recommendations do not get firmer with the history"
        several = "One interaction gives" if found["x"] == 1 else f"{found['x']:,} interactions give"
        return f"{several} nine tenths of all that the history adds"
    if one["of"] == "popularity":
        gap = rows[-1]["value"] - rows[0]["value"]
        side = "higher" if gap > 0 else "lower"
        return f"The most popular tenth of items stands {plain(abs(gap), 2)} deviations {side} than the least popular"
    if low["high"] >= high["low"]:
        return f"No dependence on {one['name']} found: intervals overlap at all values"
    return f"{one['name']}: {plain(high['value'], 2)} at {high['x']}, {plain(low['value'], 2)} at {low['x']}"


def of_groups(results: Results, attribute: str) -> Figure | None:
    """How a recommendation firms up with the history, by group; `attribute` must be one that the login may see."""
    first = next((each for each in results.get("dependence", []) if each["of"] == "interactions"), {})
    chosen = next((each for each in first.get("groups", []) if each["attribute"] == attribute), None)
    if not chosen or not chosen["rows"]:
        return None
    rows = chosen["rows"]
    sizes = {row["group"]: row["people"] for row in reversed(rows)}  # of the shortest history, which most have
    names = sorted(sizes, key=lambda name: -sizes[name])[:GROUPS]
    shown = [row for name in sorted(names) for row in rows if row["group"] == name]
    return Figure(
        key="groups",
        title=f"How recommendations firm up with the history, by {attribute}",
        columns=(attribute, "interactions known", "gain", "low", "high", "people"),
        rows=[(row["group"], row["x"], row["value"], row["low"], row["high"], row["people"]) for row in rows],
        definition=f"{STANDING} {GAINED} Groups and lengths of fewer than 20 of the people drawn are left out; of many "
        f"groups the {GROUPS} largest are drawn. Intervals are in the table.",
        json=draw("dependence_groups", shown, x_title="interactions known", y_title=GAIN),
        height=280 + 8 * len(names),
        numeric=frozenset(range(1, 6)),
    )


def group_rows(results: Results, attribute: str) -> list[dict[str, Any]]:
    """A line per group: the shares of the newest ten items, of what is before, and of fields; none where all groups
    are too small."""
    chosen = next((each for each in results.get("groups", []) if each["attribute"] == attribute), None)
    found: dict[str, dict[str, Any]] = {}
    for row in chosen["rows"] if chosen else []:
        line = found.setdefault(row["group"], {"group": row["group"], "people": row["people"]})
        line["suppressed"] = row["suppressed"]
        if not row["suppressed"]:
            line[row["kind"]] = {"value": row["share"], "low": row["low"], "high": row["high"]}
    return [] if all(line["suppressed"] for line in found.values()) else list(found.values())


def fidelity_words(found: dict[str, Any]) -> str:
    return (
        f"R² {plain(found['r2'], 2)} ({plain(found['r2_low'], 2)} to {plain(found['r2_high'], 2)})<br>"
        f"rank agreement {plain(found['agreement'], 2)} ({plain(found['agreement_low'], 2)} to "
        f"{plain(found['agreement_high'], 2)})<br>on {found['people']} people held out"
    )


def of_tree(results: Results) -> Figure | None:
    found = results.get("stand_ins", {}).get("tree", {})
    if not found.get("nodes"):
        return None
    rows = [_node(node) for node in found["nodes"]]
    top = next(node for node in found["nodes"] if node["parent"] is None)
    return Figure(
        key="tree",
        title=f"A tree of {sum(row['end'] for row in rows)} rules follows it; first it asks for “{top['feature']}”",
        columns=("node", "below", "side", "question or end", "mean standing", "share of rows", "rows"),
        rows=[(node["id"], node["parent"], "" if node["yes"] is None else "yes" if node["yes"] else "no", row["text"],
               node["mean"], node["share"], node["rows"]) for node, row in zip(found["nodes"], rows, strict=True)],
        definition=_about(results, "A regression tree of at most 3 questions in a row and 8 ends (scikit-learn)."),
        json=draw("stand_in_tree", rows, fidelity=fidelity_words(found["fidelity"])),
        height=90 + 30 * len(rows),
        numeric=frozenset({0, 1, 4, 5, 6}),
    )  # fmt: skip


def _node(node: dict[str, Any]) -> dict[str, Any]:
    end = node["feature"] is None
    signed = f"{'+' if node['mean'] >= 0 else ''}{plain(node['mean'], 2)}"
    text = f"standing {signed}, {percent(node['share'])} of items" if end else f"{_question(node)}?"
    return {
        "id": node["id"],
        "parent": node["parent"],
        "yes": node["yes"],
        "mean": node["mean"],
        "end": end,
        "text": text,
    }


def _question(node: dict[str, Any]) -> str:
    if node["kind"] == "flag":
        return f"not {node['feature']}"
    at = node["at"]
    number = f"{at:,.0f}" if abs(at) >= 10 else f"{at:.3g}"
    return f"{node['feature']} ≤ {plain(at, 3) if node['kind'] == 'share' else number}"


def of_linear(results: Results) -> Figure | None:
    found = results.get("stand_ins", {}).get("linear", {})
    rows = found.get("coefficients") or []
    if not rows:
        return None
    return Figure(
        key="linear",
        title=f"{len(rows)} weights follow it; “{rows[0]['feature']}” has the largest"
        if len(rows) > 1
        else f"One weight follows it: “{rows[0]['feature']}”",
        columns=("feature", "weight", "mean", "standard deviation"),
        rows=[(row["feature"], row["weight"], row["mean"], row["deviation"]) for row in rows],
        definition=_about(results, "The lasso’s path, stopped where at most 8 features come within .01 of the best R² "
                          "on people apart from those it is measured on. Weights are per standard deviation."),
        json=draw("stand_in_linear", rows, fidelity=fidelity_words(found["fidelity"])),
        height=150 + 30 * len(rows),
        numeric=frozenset({1, 2, 3}),
    )  # fmt: skip


def _about(results: Results, first: str) -> str:
    meanings = "; ".join(f"{name}: {words}" for name, words in results["stand_ins"]["meanings"].items())
    return (
        f"{first} Learned from the standings of 100 items of each person (90 by chance, the first 10 of the own list): "
        "(score − mean) / standard deviation over what was not met. Fidelity is on the third of the people that it has "
        f"not learned from: R², and Spearman’s rank agreement within a person, with 95% intervals. {meanings}."
    )


def of_concepts(run: Run, results: Results) -> Figure | None:
    rows = results.get("concepts")
    if not rows:
        return None
    return Figure(
        key="concepts",
        title=moved(rows),
        columns=("category", "share of people", "low", "high", "p after Holm", "by chance", "own items gain",
                 "told apart", "histories"),
        rows=[(row["concept"], row["share"], row["low"], row["high"], row["p_holm"], row["chance"], row["own"],
               row["found"], row["examples"]) for row in rows],
        definition="TCAV: in the embedded history of the network a vector points from histories by chance to those "
        "rich in a category (linear classifier, 20 draws). Shown is the share of people whose first recommendation "
        "gains on 100 items by chance along it, by the gradient. p: two-sided against 20 vectors of chance (dotted: "
        "their mean), labels permuted, Holm over categories; grey: not told from chance. “Own items gain”: the same "
        "for the category’s own items, which should be near 1 where the network knows the category. “Told apart”: "
        "accuracy of the classifier on histories left out. The vector is a direction in the network’s numbers, not an "
        "item that was met: where moving along it lowers recommendations, items of the category that were met may "
        f"raise them all the same. {INTERVAL}",
        json=draw("concepts", rows),
        height=90 + 26 * len(rows),
        numeric=frozenset(range(1, 9)),
    )  # fmt: skip


def moved(rows: Rows) -> str:
    """The category along which the fewest or the most gain, of those told from chance."""
    sure = [row for row in rows if row["p_holm"] < 0.05]
    if not sure:
        return f"No category moves first recommendations otherwise than chance does, of {len(rows)} asked"
    best = max(sure, key=lambda row: abs(row["share"] - row["chance"]))
    helps = best["share"] >= best["chance"]
    share = percent(best["share"] if helps else 1 - best["share"])
    does = "raises" if helps else "lowers"
    return f"Moving the embedded history towards {best['concept']} {does} {share} of first recommendations"
