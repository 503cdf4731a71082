"""Figures of runs: metrics per person kept in the storage, their summary, and comparisons between runs."""

from __future__ import annotations

import io
import math
import uuid
from collections.abc import Collection, Iterable
from typing import Any

import pandas as pd
from django.core.files.storage import default_storage
from django.db import transaction

from recommender.evaluation.protocol import Evaluation
from recommender.evaluation.significance import compare_all, intervals
from recommender.exceptions import BadInput, Conflict
from recommender.models import EndUser, Run
from recommender.services.checkpoints import put, take

PROTOCOLS = ("leave-last-out",)
"""Those that `evaluate_run` can do now."""
PLANNED = ("time", "cold-users", "cold-items", "cold-both")
DEFAULT_METRIC = "ndcg@10"


def put_person_metrics(*, run_id: int, table: pd.DataFrame) -> str:
    """Store a run's table (column `user`: database key, then one per metric); returns its path."""
    path = f"runs/{run_id}/people-{uuid.uuid4().hex}.parquet"
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    put(path, buffer.getvalue())
    return path


def person_metrics(*, run: Run) -> pd.DataFrame:
    """A row per person the run was measured on: `user` (database key) and one column per metric such as `ndcg@10`.

    Raises Conflict where the run has not been measured or its file is gone.
    """
    if not run.person_metrics:
        raise Conflict(f"Run {run.pk} has no metrics: it is {run.get_status_display()}. Wait for it or train another.")
    try:
        return pd.read_parquet(io.BytesIO(take(run.person_metrics)))
    except OSError as error:
        raise Conflict(f"The metrics per person of run {run.pk} are missing from the storage.") from error


def forget_people(*, run: Run, user_ids: Collection[int]) -> int:
    """Take people out of a run's metrics per person (erasure); returns how many rows went. The summary stays."""
    if not run.person_metrics:
        return 0
    table = person_metrics(run=run)
    kept = table[~table["user"].isin(list(user_ids))]
    if len(kept) < len(table):
        old = run.person_metrics
        run.person_metrics = put_person_metrics(run_id=run.pk, table=kept)
        run.save(update_fields=["person_metrics"])
        transaction.on_commit(lambda: default_storage.delete(old))  # an erasure that fails leaves the file there was
    return len(table) - len(kept)


def forget_erased(*, run_id: int) -> int:
    """Take people out of a run's metrics who were erased while it trained; returns how many rows went.

    Called once a row names the file: an erasure before that is seen here, a later one finds the file itself.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update().get(pk=run_id)
        measured = person_metrics(run=run)["user"]
        there = EndUser.objects.filter(catalog_id=run.catalog_id).values_list("id", flat=True)
        return forget_people(run=run, user_ids=set(measured) - set(there))


def summarised(evaluation: Evaluation) -> dict[str, dict[str, float | None]]:
    """{"ndcg@10": {"value", "low", "high"}, …}: means over people with 95% bootstrap intervals; coverage has none."""
    if not len(evaluation.per_user):
        return {}
    summary = {name: interval.as_dict() for name, interval in intervals(evaluation.per_user).items()}
    for name, value in evaluation.summary.items():
        summary.setdefault(name, {"value": value, "low": math.nan, "high": math.nan})
    return {name: {part: _finite(value) for part, value in parts.items()} for name, parts in summary.items()}


def compare_runs(*, runs: Iterable[Run], metric: str = DEFAULT_METRIC) -> pd.DataFrame:
    """Every pair of `runs` on the people both were asked about.

    Columns a, b (ids of runs), people, difference (a − b), low, high, p, p_holm. Runs without metrics are left out.
    Raises BadInput where a run lacks `metric`.
    """
    tables = {str(run.pk): person_metrics(run=run) for run in runs if run.person_metrics}
    for name, table in tables.items():
        if metric not in table:
            known = ", ".join(column for column in table if column != "user")
            raise BadInput(f"Run {name} has no metric “{metric}”. Known: {known}.", field="metric")
    compared = compare_all(tables, metric)
    return compared.assign(a=compared["a"].astype(int), b=compared["b"].astype(int))


def evaluate_run(*, run: Run, protocol: str = "leave-last-out", shots: int | None = None) -> dict[str, Any]:
    """{"run", "protocol", "people", "metrics"}. Leave-last-out is what every run is measured on while it trains.

    Raises BadInput for a protocol that is not there, Conflict for a run without metrics.
    """
    if protocol in PLANNED:
        raise BadInput(
            f"The protocol {protocol} is not available yet. Available: {', '.join(PROTOCOLS)}.", field="protocol"
        )
    if protocol not in PROTOCOLS:
        raise BadInput(f"There is no protocol “{protocol}”. Available: {', '.join(PROTOCOLS)}.", field="protocol")
    if shots is not None:
        raise BadInput("shots belongs to the cold-start protocols; leave it out for leave-last-out.", field="shots")
    if run.people is None:
        raise Conflict(f"Run {run.pk} has no metrics: it is {run.get_status_display()}. Wait for it or train another.")
    return {"run": run.pk, "protocol": protocol, "people": run.people, "metrics": run.metrics}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
