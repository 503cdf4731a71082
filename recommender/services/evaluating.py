"""Figures of runs: metrics per person kept in the storage, their summary, and comparisons between runs."""

from __future__ import annotations

import io
import uuid
from collections.abc import Collection, Iterable

import pandas as pd
from django.core.files.storage import default_storage
from django.db import transaction

from recommender.evaluation.significance import compare_all, metric_columns
from recommender.exceptions import BadInput, Conflict
from recommender.models import EndUser, Measurement, Run
from recommender.services.checkpoints import put, take

DEFAULT_METRIC = "ndcg@10"
HasMetrics = Run | Measurement


def put_person_metrics(*, run_id: int, table: pd.DataFrame) -> str:
    """Store a run's table (column `user`: database key, then one per metric); returns its path."""
    path = f"runs/{run_id}/people-{uuid.uuid4().hex}.parquet"
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    put(path, buffer.getvalue())
    return path


def person_metrics(*, run: HasMetrics) -> pd.DataFrame:
    """A row per person the run (or a measurement of it) asked about: `user` (database key), a column per metric such
    as `ndcg@10`, and what is known beside them (`of_…`).

    Raises Conflict where the run has not been measured or its file is gone.
    """
    if not run.person_metrics:
        raise Conflict(f"Run {run.pk} has no metrics: it is {run.get_status_display()}. Wait for it or train another.")
    try:
        return pd.read_parquet(io.BytesIO(take(run.person_metrics)))
    except OSError as error:
        raise Conflict(f"The metrics per person of run {run.pk} are missing from the storage.") from error


def forget_people(*, run: HasMetrics, user_ids: Collection[int]) -> int:
    """Take people out of a run's metrics per person (erasure); returns how many rows went. The summary stays."""
    if not run.person_metrics:
        return 0
    table = person_metrics(run=run)
    kept = table[~table["user"].isin(list(user_ids))]
    if len(kept) < len(table):
        old = run.person_metrics
        owner = run.run_id if isinstance(run, Measurement) else run.pk
        run.person_metrics = put_person_metrics(run_id=owner, table=kept)
        run.save(update_fields=["person_metrics"])
        transaction.on_commit(lambda: default_storage.delete(old))  # an erasure that fails leaves the file there was
    return len(table) - len(kept)


def forget_erased(*, run_id: int, kind: type[HasMetrics] = Run) -> int:
    """Take people out of a run's metrics who were erased while it trained; returns how many rows went.

    Called once a row names the file: an erasure before that is seen here, a later one finds the file itself.
    """
    with transaction.atomic():
        run = kind.objects.select_for_update().get(pk=run_id)
        catalog = run.run.catalog_id if isinstance(run, Measurement) else run.catalog_id
        measured = person_metrics(run=run)["user"]
        there = EndUser.objects.filter(catalog_id=catalog).values_list("id", flat=True)
        return forget_people(run=run, user_ids=set(measured) - set(there))


def compare_runs(*, runs: Iterable[Run], metric: str = DEFAULT_METRIC) -> pd.DataFrame:
    """Every pair of `runs` on the people both were asked about.

    Columns a, b (ids of runs), people, difference (a − b), low, high, p, p_holm. Runs without metrics are left out.
    Raises BadInput where a run lacks `metric`.
    """
    tables = {str(run.pk): person_metrics(run=run) for run in runs if run.person_metrics}
    for name, table in tables.items():
        if metric not in table:
            known = ", ".join(metric_columns(table))
            raise BadInput(f"Run {name} has no metric “{metric}”. Known: {known}.", field="metric")
    compared = compare_all(tables, metric)
    return compared.assign(a=compared["a"].astype(int), b=compared["b"].astype(int))
