"""Runs against the best one, person by person. A comparison never changes once made, so it is kept in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from django.core.cache import cache

from recommender.evaluation.significance import Comparison, compare, holm, metric_columns
from recommender.exceptions import BadInput, Conflict
from recommender.models import Run
from recommender.services.evaluating import person_metrics

KEPT_SECONDS = 7 * 86_400


def against_best(*, best: Run, others: Sequence[Run], metric: str, now: bool) -> dict[int, dict[str, Any]]:
    """Run's key → {"people", "difference" (best − run), "low", "high", "p", "p_holm"}.

    Without `now` nothing is compared here: {} until the cache holds all of `others`, since Holm's correction is over
    all of them that compare.
    """
    table: list[pd.DataFrame] = []
    found: dict[int, dict[str, Any]] = {}
    for run in others:
        kept = cache.get(address(best, run, metric))
        if kept is None and now:
            kept = made(best, run, metric, table)
        if kept is None:
            return {}
        if kept:
            found[run.pk] = dict(kept)
    for row, p in zip(found.values(), holm(np.array([row["p"] for row in found.values()])), strict=True):
        row["p_holm"] = float(p)
    return found


def address(best: Run, run: Run, metric: str) -> str:
    """The files are named, so that a run whose rows were erased is compared anew."""
    return f"compared:{best.pk}:{run.pk}:{metric}:{best.person_metrics[-20:]}:{run.person_metrics[-20:]}"


def made(best: Run, run: Run, metric: str, table: list[pd.DataFrame]) -> dict[str, Any]:
    """{} where the two cannot be compared; `table` keeps the best one's rows between calls."""
    try:
        if not table:
            table.append(person_metrics(run=best))
        compared: Comparison = compare(table[0], person_metrics(run=run), metric)
    except (BadInput, Conflict, KeyError):
        return {}
    result = asdict(compared) if compared.people else {}
    cache.set(address(best, run, metric), result, KEPT_SECONDS)
    return result


def side_by_side(*, a: Run, b: Run, metric: str) -> tuple[Comparison, pd.DataFrame]:
    """The paired comparison a − b, and a row per person whom both were asked about: user, a, b, difference.

    Raises Conflict where the metrics per person of either are missing, BadInput (field metric) where one lacks it.
    """
    tables = [person_metrics(run=run) for run in (a, b)]
    for run, table in zip((a, b), tables, strict=True):
        if metric not in metric_columns(table):
            raise BadInput(f"Run {run.pk} has no metric “{metric}” per person.", field="metric")
    both = tables[0][["user", metric]].merge(tables[1][["user", metric]], on="user", suffixes=("_a", "_b")).dropna()
    both.columns = ["user", "a", "b"]
    return compare(*tables, metric), both.assign(difference=both["a"] - both["b"])


def common_metrics(*, a: Run, b: Run) -> list[str]:
    """Metrics that both runs have per person. Raises Conflict where a file is missing."""
    first, second = (metric_columns(person_metrics(run=run)) for run in (a, b))
    return [name for name in first if name in second]
