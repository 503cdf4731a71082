"""The parts of a health report as figures: finding, table, formula, and what it means for the recommenders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.urls import reverse

from recommender.data.health.suspects import AGAINST, BY_LOT, FEWEST, QUICK
from recommender.models import Catalog
from recommender.selectors.health import names_of
from recommender.templatetags.pages import many
from recommender.views.figures import Figure, draw

Content = dict[str, Any]
FEW = 5
"""People with fewer interactions are hard to serve personally."""
REASONS = {"lot": "items as if by lot", "speed": "quicker than people", "against": "against everyone"}


def all_figures(catalog: Catalog, content: Content) -> list[Figure]:
    """In the order of the page."""
    makers: Sequence[Callable[[Content], Figure]] = (
        sizes, repeats, gaps, ratings, over_time, mean_over_time, activity, tail, groups,
    )  # fmt: skip
    shown = [maker(content) for maker in makers] + [suspects(content, catalog)]
    return [with_csv(figure, catalog) for figure in shown]


def with_csv(figure: Figure, catalog: Catalog) -> Figure:
    address = reverse("health_csv", args=[catalog.name, figure.key]) if figure.rows else ""
    return Figure(**{**vars(figure), "csv": address})


def worth_a_look(content: Content) -> list[dict[str, str]]:
    """What an analyst should see first, each with the figure that shows it."""
    found, sizes_, again = [], content["sizes"], content["repeats"]
    if again["duplicates"]:
        found.append(("repeats", f"{many(again['duplicates'], 'row')} repeat an earlier one exactly."))
    if again["contradictions"]:
        found.append(("repeats", f"{many(again['contradictions'], 'rating')} contradict an earlier one."))
    if content["suspects"]["flagged"]:
        people = many(content["suspects"]["flagged"], "person,people")
        found.append(("suspects", f"{people} act as programs do, or against everyone."))
    if sizes_["without_time"]:
        found.append(("time", f"{many(sizes_['without_time'], 'interaction')} carry no time: their order is unknown."))
    if sizes_["idle_items"]:
        found.append(("sizes", f"Nobody has met {many(sizes_['idle_items'], 'item')}."))
    return [{"figure": key, "text": text} for key, text in found]


def percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{100 * share:.{digits}f}%"


def sizes(content: Content) -> Figure:
    given = content["sizes"]
    rows = [
        ("people", given["people"]), ("items", given["items"]), ("interactions", given["interactions"]),
        *((f"of kind {kind}", count) for kind, count in given["kinds"].items()),
        ("people without interactions", given["idle_people"]), ("items without interactions", given["idle_items"]),
        ("interactions of a person (median)", given["per_person"]),
        ("interactions with an item (median)", given["per_item"]), ("sparsity", given["sparsity"]),
    ]  # fmt: skip
    return Figure(
        key="sizes",
        title=f"{percent(given['sparsity'], 2)} of all pairs of person and item have no interaction",
        columns=("what", "value"),
        rows=rows,
        definition="Sparsity = 1 − different (person, item) pairs with an interaction / (people · items).",
        note="The sparser, the more a recommender must learn from what people have in common; above 99.9% attributes "
        "and texts of items help where shared items are few.",
        numeric=frozenset({1}),
    )


def repeats(content: Content) -> Figure:
    given = content["repeats"]
    names = {
        "duplicates": "exact duplicates", "repeated_rows": "pairs met again", "contradictions": "contradictions",
        "changed": "ratings changed later",
    }  # fmt: skip
    rows = [{"what": name, "rows": given[key]} for key, name in names.items()]
    title = f"{many(given['duplicates'], 'exact duplicate')} and {many(given['contradictions'], 'contradiction')}"
    return Figure(
        key="repeats",
        title=title,
        columns=("what", "rows"),
        rows=[(row["what"], row["rows"]) for row in rows]
        + [("pairs of person and item met more than once", given["repeated_pairs"]),
           ("pairs with a contradiction", given["contradicting_pairs"])],
        definition="Exact duplicate: equal to an earlier row in person, item, kind, value and time (two unknown times "
        "are equal). Contradiction: a rating whose value differs from all earlier ones of the same person, item and "
        "time; a rating changed later, at another time, is no contradiction. Nothing is dropped by the import.",
        note="Duplicates count a person's taste twice and can put an item into training and test alike; contradictions "
        "are noise no recommender can explain. A run's preparation can drop both.",
        json=draw("bars", rows, label="what", value="rows", unit="rows") if any(row["rows"] for row in rows) else "",
        height=210,
        numeric=frozenset({1}),
    )  # fmt: skip


def gaps(content: Content) -> Figure:
    rows = [
        {"column": f"{row['of']}: {row['column']}", "missing": row["missing"], "share": row["missing"] / row["rows"]}
        for row in content["gaps"]
    ]
    worst = sorted(rows, key=lambda row: -row["share"])
    full = sum(row["missing"] == 0 for row in rows)
    return Figure(
        key="gaps",
        title=f"{full} of {len(rows)} columns are complete" if rows else "Gaps",
        columns=("column", "missing", "share"),
        rows=[(row["column"], row["missing"], row["share"]) for row in worst],
        definition="Missing = rows whose column is empty or absent; share = missing / rows.",
        note="Recommenders that read attributes or texts (content, factorisation machines) can only use what is there; "
        "those that learn from interactions alone do not mind.",
        json=draw("gaps", worst[:30]) if rows else "",
        empty="No people, items or interactions yet. Import a file on the page Data.",
        height=60 + 26 * min(30, len(rows)),
        numeric=frozenset({1, 2}),
    )


def ratings(content: Content) -> Figure:
    rows = content["ratings"]
    total = sum(row["count"] for row in rows)
    top = max(rows, key=lambda row: row["count"]) if rows else None
    return Figure(
        key="ratings",
        title=f"{percent(top['count'] / total, 0)} of ratings are {top['value']}" if top else "Ratings",
        columns=("value", "ratings"),
        rows=[(row["value"], row["count"]) for row in rows],
        definition="How many ratings have each value; more than twenty values are put into twenty bins of equal width.",
        note="Where nearly all ratings are high, they say little beyond that something was met; recommenders that rank "
        "by what was met then lose nothing.",
        json=draw("histogram", rows, value="value", count="count", x_title="rating", y_title="ratings") if rows else "",
        empty="No ratings with values. Interactions of the kind rating with a value show here.",
        height=240,
        numeric=frozenset({1}),
    )


def over_time(content: Content) -> Figure:
    rows = content["time"]
    busiest = max(rows, key=lambda row: row["interactions"]) if rows else None
    total = sum(row["interactions"] for row in rows)
    title = "Activity over time"
    if busiest:
        title = f"{percent(busiest['interactions'] / total, 0)} of interactions fall into the busiest period"
    return Figure(
        key="time",
        title=title,
        columns=("period", "interactions", "people"),
        rows=[(row["period"], row["interactions"], row["people"]) for row in rows],
        definition="Interactions per day, or per month where they span 120 days or more (UTC); people who did "
        "something in each. Rows of a source without a clock are left out.",
        note="Splits by time, recency and sequence models lean on these times; where most rows come from one moment, "
        "the order within a person says little.",
        json=draw("over_time", rows) if rows else "",
        empty="No interaction carries a time. Import with a column timestamp to see activity over time.",
        height=240,
        numeric=frozenset({1, 2}),
    )


def mean_over_time(content: Content) -> Figure:
    rows = [row for row in content["time"] if row["mean"] is not None]
    title = "Mean rating over time"
    if len(rows) > 1:
        title = f"The mean rating went from {rows[0]['mean']:.2f} to {rows[-1]['mean']:.2f}"
    return Figure(
        key="mean",
        title=title,
        columns=("period", "mean rating"),
        rows=[(row["period"], row["mean"]) for row in rows],
        definition="Mean of the ratings' values in each period that has any.",
        note="A drift means that one value meant something else then and now: rating predictors judged on the newest "
        "ratings look worse than they are.",
        json=draw("mean_over_time", rows) if rows else "",
        empty="No ratings that carry a time.",
        height=240,
        numeric=frozenset({1}),
    )


def activity(content: Content) -> Figure:
    rows, total = content["activity"], max(1, content["sizes"]["people"])
    few = sum(row["people"] for row in rows if row["bin"] in ("0", "1", f"2–{FEW - 1}"))
    return Figure(
        key="activity",
        title=f"{percent(few / total, 0)} of people have fewer than {FEW} interactions",
        columns=("interactions", "people"),
        rows=[(row["bin"], row["people"]) for row in rows],
        definition="How many people have so many interactions, repeated ones included.",
        note="People with few interactions get lists close to the popular ones; adaptation to new people is measured "
        "for them.",
        json=draw("histogram", rows, value="bin", count="people", x_title="interactions", y_title="people"),
        height=240,
        numeric=frozenset({1}),
    )


def tail(content: Content) -> Figure:
    given = content["tail"]
    return Figure(
        key="tail",
        title=f"{percent(given['half'])} of items hold half of all interactions" if given["curve"] else "The long tail",
        columns=("share of items", "share of interactions"),
        rows=[(row["items"], row["interactions"]) for row in given["curve"]],
        definition="Lorenz curve: items sorted from the least met; Gini G = Σ (2 i − n − 1) x_i / (n Σ x_i) over n "
        "items with x_1 ≤ … ≤ x_n interactions: 0 where all are met alike, near 1 where one has everything."
        + (f" Here G = {given['gini']:.3f}." if given["curve"] else ""),
        note="The steeper the end, the better the popular list scores and the less is known of the rest: compare "
        "coverage beside accuracy, and recommenders with popularity.",
        json=draw("lorenz", given["curve"], gini=given["gini"]) if given["curve"] else "",
        empty="No interactions yet. The curve shows how unevenly items are met.",
        height=320,
        numeric=frozenset({0, 1}),
    )


def groups(content: Content) -> Figure:
    rows = content["groups"]
    named = [row for row in rows if row["people"] is not None]
    return Figure(
        key="groups",
        title=f"The largest group of people: {named[0]['name']}" if named else "Groups of people",
        columns=("group", "people", "interactions each", "mean rating", "off the beaten track"),
        rows=[
            (row["name"], row["people"] if row["people"] is not None else "fewer than 10", row["activity"],
             row["rating"], row["breadth"])
            for row in rows
        ],
        definition="k-means, k = 4, on three standardised features of everyone with interactions: log(1 + "
        "interactions), mean rating, and the share of interactions with items outside the tenth that is met most. "
        "A word is given where a group lies half a standard deviation from the mean. Groups of fewer than ten are "
        "shown without size.",
        note="A recommender that serves the largest group well may fail a small one: compare metrics by segment before "
        "deploying.",
        json=draw("people_groups", rows) if named else "",
        empty="Fewer than 40 people have interactions; groups would be a handful each.",
        height=320,
        numeric=frozenset({1, 2, 3, 4}),
    )  # fmt: skip


def suspects(content: Content, catalog: Catalog) -> Figure:
    given = content["suspects"]
    names = names_of(catalog=catalog, keys=[row["user"] for part in ("people", "points") for row in given[part]])
    points = [
        {**row, "person": names[row["user"]], "flagged": bool(row["reasons"])}
        for row in given["points"]
        if row["user"] in names
    ]
    return Figure(
        key="suspects",
        title=suspects_finding(given),
        columns=("person", "why", "interactions", "choice", "deviation", "most in a minute"),
        rows=[
            (names[row["user"]], ", ".join(REASONS[each] for each in row["reasons"]), row["interactions"],
             row["choice"], row["deviation"], row["burst"])
            for row in given["people"]
            if row["user"] in names
        ],
        definition=f"Judged are people with {FEWEST} interactions or more. Choice: mean of log(p · M) over what a "
        f"person met, p the item's share of interactions, M the number of items; below {BY_LOT} as if drawn by lot. "
        f"Deviation: mean |rating − mean of the others| in robust standard deviations; above {AGAINST:g} against "
        f"everyone. Speed: {QUICK} or more interactions within a minute. At most 500 people are listed, 2,000 drawn.",
        note="Planted profiles push or bury items in every recommender that learns from neighbours or means. Niche "
        "tastes look alike: see what a person did before you erase anything.",
        json=draw("suspects", points, by_lot=BY_LOT) if points and given["people"] else "",
        empty=f"Nobody stands out among {many(given['judged'], 'judged person,judged people')}.",
        height=340,
        numeric=frozenset({2, 3, 4, 5}),
    )  # fmt: skip


def suspects_finding(given: dict[str, Any]) -> str:
    if not given["flagged"]:
        return "No suspicious people"
    parts = [f"{count} {REASONS[name]}" for name, count in given["counts"].items() if count]
    return f"{many(given['flagged'], 'suspicious person,suspicious people')}: {', '.join(parts)}"
