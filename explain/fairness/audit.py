"""An audit: who gets worse lists and what of the catalogue is shown, as one report that can be kept as JSON."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from explain.fairness import consumer
from explain.fairness.base import Asked, Material
from explain.fairness.comparing import compare_groups
from explain.fairness.described import described
from explain.fairness.family import tests
from explain.fairness.permuting import omnibus
from explain.fairness.summary import limits, limits_of_items, powers, summary
from explain.fairness.told import Looked, of_groupings, of_people
from recommender.evaluation.significance import metric_columns

Values = NDArray[np.float64]


def audit(material: Material, asked: Asked) -> dict[str, Any]:
    """The whole report, without what only the caller knows (`about.data`, what the run was allowed to read).

    Nothing about the data raises: what cannot be said is a sentence among `problems` and the rest is there.
    """
    started = time.perf_counter()
    looked, problems = look(material, asked)
    whole, by_group, amiss = described(looked)
    result: dict[str, Any] = {
        "about": _about(looked),
        "groupings": of_groupings(looked),
        "people": of_people(looked),
        **whole,
    }
    for grouping, parts in zip(result["groupings"], by_group, strict=False):
        grouping |= parts
    result["tests"] = tests(result["groupings"], result["about"]["main"], asked.level)
    result["summary"] = summary(result)
    result["limits"] = limits(material.targets is None, asked, looked.omnibus.permutations)
    result["limits"] += limits_of_items(result)
    if looked.metrics:
        result["limits"] += powers(looked.values[:, 0], looked.metrics[0], asked.level)
    result["problems"] = [*problems, *material.amiss, *amiss]
    result["about"]["seconds"] = round(time.perf_counter() - started, 3)
    return result


def look(material: Material, asked: Asked) -> tuple[Looked, list[str]]:
    """People's figures and what they say of groups; and what is amiss, a sentence each."""
    metrics, values, problems = measured(material, asked)
    groupings = [each for each in material.groupings if not each.silent]
    beside = [each for each in material.groupings if each.silent]
    if material.n_people < asked.least:
        problems.append(_too_few(material.n_people, asked.least))
        metrics, values, groupings, beside = [], values[:, :0], [], []
    influence = np.array([consumer.gini_influence(column) for column in values.T]).reshape(values.shape[::-1]).T
    compared = compare_groups(values, groupings, asked, influence, beside=beside)
    found = omnibus(values, groupings, compared.known, permutations=asked.permutations, seed=asked.seed + 1)
    return Looked(material, asked, metrics, values, groupings, compared, found, beside), problems


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
        if len(known) < asked.least:
            problems.append(f"{name} is known of fewer than {asked.least} people, so it is left out.")
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


def _about(looked: Looked) -> dict[str, Any]:
    material, asked, metrics = looked.material, looked.asked, looked.metrics
    return {
        "source": "served" if material.targets is None else "held-out",
        "k": asked.k,
        "metrics": metrics,
        "main": metrics[0] if metrics else "",
        "lower": [name for name in metrics if name in material.lower],
        "people": material.n_people,
        "lists": len(material.lists),
        "items": material.n_items,
        "resamples": asked.resamples,
        "permutations": looked.omnibus.permutations,
        "least": asked.least,
        "seed": asked.seed,
        "level": asked.level,
        "seconds": 0.0,
        "sensitive_features": list(material.sensitive_features),
        "sensitive_known": material.sensitive_known,
        "run_groups": [],
        "data": {},
    }
