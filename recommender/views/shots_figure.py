"""Quality by the number of interactions known: its rows, what they allow to say, the picture and the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from recommender.evaluation.cold_start.against import ALPHA, best, chance
from recommender.models import Catalog, Measurement
from recommender.templatetags.pages import metric_name, plain
from recommender.views.figures import Figure, draw
from recommender.views.lab_scenarios import FALL, FLOORS, PEOPLE, Scenario
from recommender.views.metric_words import defined, falls

COLUMNS = ("recommender", "interactions known", "value", "low", "high", "people", "seed")
CELLS = ("label", "shots", "value", "low", "high", "people", "seed")
BEST = "best floor"
TO_DO = {
    True: "Choose recommenders below and measure them.",
    False: "Train recommenders that adapt, and popularity to compare with; then they can be measured here.",
}


def shots_figure(
    catalog: Catalog, rows: Sequence[Measurement], metric: str, scenario: Scenario, *, offered: bool = True
) -> Figure:
    """`offered`: there are recommenders to measure."""
    found = table(rows, metric)
    where = reverse("cold_start_shots_csv", args=[catalog.name])
    name, down = metric_name(metric), falls(metric)
    columns, cells = matrix(found)
    return Figure(
        key="shots",
        title=finding(found, metric, scenario),
        columns=columns,
        rows=cells,
        definition=f"{name}: {defined(metric)}. {scenario.about} {floor_words(found)}{picked_words(found)}{FALL}",
        csv=f"{where}?{urlencode({'scenario': scenario.key, 'metric': metric})}",
        json=draw("by_shots", found, metric=name, axis=scenario.axis, falling=down) if found else "",
        empty=f"Nothing measured yet with {scenario.of} new. {TO_DO[offered]}",
        height=380,
        numeric=frozenset(range(1, len(columns))),
    )  # fmt: skip


def floor_words(found: Sequence[Mapping[str, Any]]) -> str:
    """What is drawn in grey beside the runs that were measured."""
    names = dict.fromkeys(row["name"] for row in found if row["run"] is None)
    if any(name.startswith(BEST) for name in names):
        return "Best floor: at each number the simple model with the best figure; measurements' pages show all. "
    return f"In grey, the strongest measured along with the runs at each number: {', '.join(names)}. " if names else ""


def picked_words(found: Sequence[Mapping[str, Any]]) -> str:
    """What the heading leaves out: it names the best of several runs as if it had been the only one."""
    if len({row["run"] for row in found if not row["floor"]}) < 2:
        return ""
    return (
        "The heading names the best of several runs, picked on the same people on whom it is compared, and a floor of "
        "its own seed; p is corrected for the floors only, not for picking the run. "
    )


def table(rows: Sequence[Measurement], metric: str) -> list[dict[str, Any]]:
    """A row per recommender and number of interactions, the best (by the mean over numbers) first."""
    found = [
        {
            "name": str(row.run), "label": str(row.run), "algorithm": row.run.algorithm, "run": row.run_id,
            "shots": row.shots, "people": row.people, "seed": row.run.seed, "floor": row.run.algorithm in FLOORS,
            "against": of_floors(row, metric), **{part: row.metrics[metric].get(part) for part in PARTS},
        }
        for row in rows if metric in row.metrics
    ]  # fmt: skip
    there = {(each["algorithm"], each["seed"]): each for each in found}
    also = told_apart([named(each, there) for each in strongest(rows, metric)])
    found += [each for each in also if not known(each, found)]
    means: dict[str, list[float]] = {}
    for each in found:
        means.setdefault(each["name"], []).append(each["value"])
    sign = 1 if falls(metric) else -1
    order = {name: sign * sum(values) / len(values) for name, values in means.items()}
    return sorted(found, key=lambda row: (order[row["name"]], row["name"], row["shots"]))


PARTS = ("value", "low", "high")


def of_floors(row: Measurement, metric: str) -> dict[str, Any]:
    """By name of the floor, how the run compares with it."""
    there = [each for each in row.details.get("floors", []) if metric in each["metrics"]]
    return {each["floor"]: each["metrics"][metric] for each in there}


def strongest(rows: Sequence[Measurement], metric: str) -> list[dict[str, Any]]:
    """Of each floor, number of interactions and seed (whose people they are) the best that any measurement brought:
    what one run is not given (texts) its floors are not given either, and another's are."""
    sign, found = 1 if falls(metric) else -1, dict[tuple[str, int, int], dict[str, Any]]()
    for each in (each for row in rows for each in along(row, metric)):
        at = (each["name"], each["shots"], each["seed"])
        if at not in found or sign * each["value"] < sign * found[at]["value"]:
            found[at] = each
    return list(found.values())


def along(row: Measurement, metric: str) -> Iterator[dict[str, Any]]:
    """The floors measured along with a run: all of lists, of ratings the best alone."""
    floors = row.details.get("floors", [])
    of_ratings = best(floors, "ratings", metric)
    lists = [each for each in floors if each["of"] == "lists" and metric in each["metrics"]]
    for each in [of_ratings] if of_ratings else lists:
        name, cell = each["floor"], each["metrics"][metric]
        yield {
            "name": BEST if of_ratings else name, "label": f"{BEST} ({name})" if of_ratings else name,
            "algorithm": name, "run": None, "shots": row.shots, "people": cell["people"], "seed": row.run.seed,
            "floor": True, "against": {}, **{part: cell[part] for part in PARTS},
        }  # fmt: skip


def named(floor: dict[str, Any], there: Mapping[tuple[str, int], Mapping[str, Any]]) -> dict[str, Any]:
    """A floor that was measured as a run too, with the same seed, is the same line."""
    run = there.get((floor["algorithm"], floor["seed"])) if floor["name"] != BEST else None
    return floor | {part: run[part] for part in ("name", "label", "run", "floor")} if run else floor


def told_apart(floors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line per seed where floors of several seeds stand beside the runs: they are of different people."""
    if len({each["seed"] for each in floors if each["run"] is None}) < 2:
        return floors
    return [
        each | {part: f"{each[part]}, seed {each['seed']}" for part in ("name", "label")}
        if each["run"] is None
        else each
        for each in floors
    ]


def known(floor: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the run itself was measured with that number of interactions."""
    return any((row["name"], row["shots"]) == (floor["name"], floor["shots"]) for row in found)


def matrix(found: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[tuple[Any, ...]]]:
    """A row per recommender, a column per number of interactions, and how many people were asked with each."""
    shots = sorted({row["shots"] for row in found})
    cells = {(row["name"], row["shots"]): {part: row[part] for part in PARTS} for row in found}
    rows: list[tuple[Any, ...]] = [
        (name, *(cells.get((name, number)) for number in shots)) for name in dict.fromkeys(row["name"] for row in found)
    ]
    if rows:
        rows.append(("people asked", *(asked(found, number) for number in shots)))
    return ["recommender", *(f"{number} known" for number in shots)], rows


def asked(found: Sequence[Mapping[str, Any]], shots: int) -> Any:
    people = {row["people"] for row in found if row["shots"] == shots}
    return people.pop() if len(people) == 1 else f"{min(people):,} to {max(people):,}"


def finding(rows: Sequence[Mapping[str, Any]], metric: str, scenario: Scenario = PEOPLE) -> str:
    """What the most interactions, up to five, at which a recommender and a floor of its seed were both measured allow
    to say."""
    sign = 1 if falls(metric) else -1
    ranked = sorted(rows, key=lambda row: sign * row["value"], reverse=True)  # the best comes last and is kept
    floors = {(row["shots"], row["seed"]): row for row in ranked if row["floor"]}
    shared = [row for row in ranked if not row["floor"] and (row["shots"], row["seed"]) in floors]
    if not shared:
        return f"{metric_name(metric)} by {scenario.by}"
    shots = max((row["shots"] for row in shared if row["shots"] <= 5), default=min(row["shots"] for row in shared))
    first = [row for row in shared if row["shots"] == shots][-1]
    floor = floors[shots, first["seed"]]
    pair = f"{first['name']} has {plain(first['value'])}, {floor['label']} {plain(floor['value'])}"
    return f"{scenario.begun(shots)}, {pair}; {apart(first, floor)}"


def apart(first: Mapping[str, Any], floor: Mapping[str, Any]) -> str:
    """By the paired comparison where the floor was measured along with the run, else by their intervals."""
    cell = first.get("against", {}).get(floor["algorithm"])
    if cell and cell["p_holm"] is not None and abs(cell["value"] - floor["value"]) < 1e-9:
        said = "the difference is beyond chance" if cell["p_holm"] < ALPHA else "no difference found"
        return f"{said}, {chance(cell['p_holm'])}"
    known = all(row[part] is not None for row in (first, floor) for part in ("low", "high"))
    over = known and (first["low"] > floor["high"] or first["high"] < floor["low"])
    return f"the intervals {'do not overlap' if over else 'overlap'}"
