"""An audit: who gets worse lists and what of the catalogue is shown, as one report that can be kept as JSON."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from explain.fairness import consumer, suppression
from explain.fairness.base import Asked, Grouping, Material, number
from explain.fairness.comparing import FIGURES, Compared, compare_groups
from explain.fairness.groups import sizes
from explain.fairness.resampling import permuted
from explain.fairness.summary import limits, summary
from recommender.evaluation.significance import holm, metric_columns

Values = NDArray[np.float64]


def audit(material: Material, asked: Asked) -> dict[str, Any]:
    """The whole report, without what only the caller knows (`about.data`, what the run was allowed to read).

    Nothing about the data raises: what cannot be said is a sentence among `problems` and the rest is there.
    """
    started = time.perf_counter()
    metrics, values, problems = measured(material, asked)
    enough = material.n_people >= asked.least
    if not enough:
        problems.append(_too_few(material.n_people, asked.least))
        metrics, values = [], values[:, :0]
    groupings = list(material.groupings) if enough else []
    influence = np.stack([consumer.gini_influence(column) for column in values.T] or [np.empty(len(values))], axis=1)
    compared = compare_groups(values, groupings, asked, influence[:, : len(metrics)])
    omnibus, permutations = _omnibus(values, groupings, compared, asked)
    result: dict[str, Any] = {
        "about": _about(material, asked, metrics, permutations),
        "groupings": [
            _grouping(grouping, place, metrics, compared, omnibus, material, asked)
            for place, grouping in enumerate(groupings)
        ],
        "people": _people(values, metrics, compared, asked),
        "exposure": {},
        "popularity": {},
        "calibration": {},
        "classes": [],
        "over_time": None,
    }
    result["groupings"] += [_unformed(name, why) for name, why in material.problems.items()]
    _explanations(result, material, groupings, compared.shown, asked)
    result["tests"] = _tests(result, material, asked)
    result["summary"] = summary(result)
    result["limits"] = limits(material, asked, permutations)
    result["problems"] = problems
    result["about"]["seconds"] = round(time.perf_counter() - started, 3)
    return result


def measured(material: Material, asked: Asked) -> tuple[list[str], Values, list[str]]:
    """Names of metrics, the one that is tested first; their values (n_people, n_metrics); and what is amiss."""
    names = metric_columns(material.quality)
    main = f"ndcg@{asked.k}"
    names = sorted(names, key=lambda name: name != main) if main in names else names
    columns = [pd.to_numeric(material.quality[name], errors="coerce") for name in names]
    table = np.array(columns, dtype=np.float64).reshape(len(names), material.n_people).T
    values, problems = _finite(table), _list_problems(material, asked)
    kept = []
    for at, name in enumerate(names):
        known = values[~np.isnan(values[:, at]), at]
        if not len(known):
            problems.append(f"{name} is not known of anybody, so it is left out.")
            continue
        kept.append(at)
        if len(known) < len(values):
            problems.append(f"{name} is not known of everyone; those of whom it is not take no part in its figures.")
        if known.min() == known.max():
            problems.append(f"{name} is the same for everyone, so no two groups can differ by it.")
    if not names:
        problems.append("There is no metric per person, so groups cannot be compared.")
    return [names[at] for at in kept], values[:, kept], problems


def _finite(table: Values) -> Values:
    return np.where(np.isfinite(table), table, np.nan)


def _list_problems(material: Material, asked: Asked) -> list[str]:
    if not len(material.lists):
        return ["There are no lists to look at."]
    there = (material.lists[:, : asked.k] >= 0).sum(axis=1)
    short = int((there < asked.k).sum())
    if not short:
        return []
    return [
        f"{short:,} of {len(there):,} lists have fewer than {asked.k} items; the places that are empty show nothing."
    ]


def _too_few(people: int, least: int) -> str:
    return f"There are fewer than {least} people, too few for any figure of people." if people else "There is nobody."


def _about(material: Material, asked: Asked, metrics: list[str], permutations: int) -> dict[str, Any]:
    return {
        "source": "served" if material.targets is None else "held-out",
        "k": asked.k,
        "metrics": metrics,
        "main": metrics[0] if metrics else "",
        "people": material.n_people,
        "lists": len(material.lists),
        "items": material.n_items,
        "resamples": asked.resamples,
        "permutations": permutations,
        "least": asked.least,
        "seed": asked.seed,
        "level": asked.level,
        "seconds": 0.0,
        "sensitive_features": [],
        "run_groups": [],
        "data": {},
    }


def _omnibus(
    values: Values, groupings: Sequence[Grouping], compared: Compared, asked: Asked
) -> tuple[list[tuple[Values, Values]], int]:
    """Statistics and p (n_groupings,) of each metric, and how many permutations were made."""
    found, permutations = [], asked.permutations
    for metric, column in enumerate(values.T):
        shown = [known[:, metric] for known in compared.known]
        seed = asked.seed + 1
        statistic, p, made = permuted(column, groupings, shown, permutations=asked.permutations, seed=seed)
        permutations = min(permutations, made)
        found.append((statistic, p))
    return found, permutations


def _grouping(
    grouping: Grouping,
    place: int,
    metrics: list[str],
    compared: Compared,
    omnibus: list[tuple[Values, Values]],
    material: Material,
    asked: Asked,
) -> dict[str, Any]:
    shown, figures = compared.shown[place], compared.figures[place]
    people = sizes(grouping.codes, len(grouping.names))
    rows = [
        _group(
            str(grouping.names[at]),
            int(people[at]),
            bool(shown[at]),
            {name: column[at] for name, column in figures.items()},
            metrics,
        )
        for at in np.flatnonzero(people)
    ]
    return _heading(grouping) | {
        "missing": suppression.missing(grouping, material.n_people, least=asked.least),
        "problem": _problem(grouping, people, shown),
        "groups": rows,
        "spread": {name: _spread(figures["mean"][:, at], people) for at, name in enumerate(metrics)},
        "omnibus": {
            name: {"statistic": number(omnibus[at][0][place]), "p": number(omnibus[at][1][place]), "p_holm": None}
            for at, name in enumerate(metrics)
        },
        **_described(),
    }


def _heading(grouping: Grouping) -> dict[str, Any]:
    return {
        "name": grouping.name,
        "title": grouping.title,
        "kind": grouping.kind,
        "sensitive": grouping.sensitive,
        "parts": list(grouping.parts),
    }


def _described() -> dict[str, Any]:
    return {"popularity": [], "calibration": [], "explanations": [], "parity": [], "opportunity": []}


def _unformed(name: str, why: str) -> dict[str, Any]:
    """What stands for an attribute that was asked for and that makes no groups."""
    empty: dict[str, Any] = {"missing": None, "problem": why, "groups": [], "spread": {}, "omnibus": {}}
    return {"name": name, "title": name, "kind": "attribute", "sensitive": False, "parts": []} | empty | _described()


def _group(value: str, people: int, shown: bool, figures: dict[str, Values], metrics: list[str]) -> dict[str, Any]:
    if not shown:
        return {"value": value, "people": None, "suppressed": True, "metrics": {}}
    told = {
        metric: {name: number(figures[name][at], 8) for name in (*FIGURES, "shrunk")} | {"p_holm": None}
        for at, metric in enumerate(metrics)
    }
    return {"value": value, "people": people, "suppressed": False, "metrics": told}


def _spread(means: Values, people: NDArray[np.int64]) -> dict[str, float | None]:
    there = ~np.isnan(means)
    return consumer.spread(means[there], people[there].astype(np.float64))


def _problem(grouping: Grouping, people: NDArray[np.int64], shown: NDArray[np.bool_]) -> str:
    if not people.any():
        return f"Of nobody it is known to which group of {grouping.title} they belong."
    if (people > 0).sum() == 1:
        return f"Everyone of whom {grouping.title} is known is in one group, so there is nothing to compare it with."
    if not shown.any():
        return f"All groups of {grouping.title} are suppressed: they are too small, or would give small ones away."
    return ""


def _people(values: Values, metrics: list[str], compared: Compared, asked: Asked) -> dict[str, Any]:
    told = {}
    for at, name in enumerate(metrics):
        figures = consumer.of_people(values[:, at])
        low, high = gini_interval(figures["gini"], float(compared.extra[at]), values[:, at], asked.level)
        interval = {"low": number(compared.everyone["low"][at]), "high": number(compared.everyone["high"][at])}
        told[name] = figures | interval | {"gini_low": low, "gini_high": high}
    return told


def gini_interval(gini: float | None, error: float, values: Values, level: float) -> tuple[float | None, float | None]:
    """Interval of a Gini coefficient on the scale of its logarithmic odds, so that it stays between 0 and 1; `error` is
    that of the mean influence where unknown people count as 0."""
    if gini is None or not 0 < gini < 1:
        return None, None
    known = float((~np.isnan(values)).mean())
    reach = stats.norm.ppf((1 + level) / 2) * error / known / (gini * (1 - gini))
    odds = np.log(gini / (1 - gini))
    return number(1 / (1 + np.exp(reach - odds))), number(1 / (1 + np.exp(-reach - odds)))


def _explanations(
    result: dict[str, Any],
    material: Material,
    groupings: list[Grouping],
    shown: list[NDArray[np.bool_]],
    asked: Asked,
) -> None:
    """Figures of trust in explanations by group, where there are any; a group needs as many people as for anything."""
    if material.explanations is None or not groupings:
        return
    names = metric_columns(material.explanations)
    values = _finite(material.explanations[names].to_numpy(dtype=np.float64))
    there = np.flatnonzero((~np.isnan(values)).sum(axis=0))
    names, values = [names[at] for at in there], values[:, there]
    compared = compare_groups(values, groupings, asked)
    for place, grouping in enumerate(groupings):
        figures = compared.figures[place]
        result["groupings"][place]["explanations"] = [
            {"value": grouping.names[at], "figure": name}
            | {part: number(figures[part][at, metric]) for part in ("mean", "low", "high")}
            for at in np.flatnonzero(shown[place])
            for metric, name in enumerate(names)
            if np.isfinite(figures["mean"][at, metric])
        ]


def _tests(result: dict[str, Any], material: Material, asked: Asked) -> dict[str, Any]:
    """Holm over all groups against their rest by the main metric, and over all omnibus tests of it."""
    main, groupings = result["about"]["main"], result["groupings"]
    rows = [
        (grouping, group, group["metrics"][main])
        for grouping in groupings
        for group in grouping["groups"]
        if group["metrics"].get(main, {}).get("p") is not None
    ]
    twins = {id(figures) for grouping in groupings for figures in _twin(grouping, main)}
    family = [figures for _, _, figures in rows if id(figures) not in twins]
    _adjust(family)
    for grouping in groupings:
        for figures in _twin(grouping, main):
            figures["p_holm"] = grouping["groups"][0]["metrics"][main]["p_holm"]
    _adjust([each["omnibus"][main] for each in groupings if each["omnibus"].get(main, {}).get("p") is not None])
    found = [_finding(*row, main) for row in rows if row[2]["p_holm"] < 1 - asked.level and id(row[2]) not in twins]
    return {"method": "Holm", "looked_at": len(family), "found": sorted(found, key=lambda each: each["p_holm"])}


def _twin(grouping: dict[str, Any], main: str) -> list[dict[str, Any]]:
    """The second of two groups that are everyone: its rest is the first, so that both comparisons are the same one."""
    if len(grouping["groups"]) != 2 or grouping["missing"] is None:
        return []
    figures = [group["metrics"].get(main) for group in grouping["groups"]]
    return [figures[1]] if all(each and each["p"] is not None for each in figures) else []


def _adjust(family: list[dict[str, Any]]) -> None:
    adjusted = holm(np.array([figures["p"] for figures in family], dtype=np.float64))
    for figures, p in zip(family, adjusted, strict=True):
        figures["p_holm"] = number(p, 8)


def _finding(grouping: dict[str, Any], group: dict[str, Any], figures: dict[str, Any], main: str) -> dict[str, Any]:
    named = {"grouping": grouping["name"], "title": grouping["title"], "value": group["value"], "metric": main}
    told = {"versus_rest": figures["versus_rest"], "low": figures["rest_low"], "high": figures["rest_high"]}
    return named | told | {"p_holm": figures["p_holm"]}
