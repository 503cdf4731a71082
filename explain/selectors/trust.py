"""What the latest examination of a run's explanations found, read for badges and pages."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pandas as pd
from django.core.files.storage import default_storage

from explain.models import Examination
from recommender.models import Checkpoint, Run


def latest_id(run_id: int) -> int | None:
    """The newest examination of trust that is done."""
    return _done(run_id).values_list("id", flat=True).first()


def judged(run_id: int, way: str) -> Mapping[str, Any] | None:
    """What the newest examination that examined a way (a method, or one on the margin) says of it; None where none
    did: one of other methods leaves what is known of this one."""
    ways = _done(run_id).filter(results__ways__contains=[{"way": way}]).values_list("results__ways", flat=True).first()
    return next((row for row in ways or [] if row["way"] == way), None)


def people(row: Examination) -> pd.DataFrame | None:
    """A row per person and way: `user` (database key), `way`, a column per figure; None where the file is gone."""
    if not row.path:
        return None
    try:
        with default_storage.open(row.path, "rb") as file:
            return pd.read_parquet(io.BytesIO(file.read()))
    except OSError:
        return None


def twin(run: Run) -> Run | None:
    """Another run that differs from this one by nothing but its seed, with the weights it was measured by."""
    alike = Run.objects.filter(
        catalog_id=run.catalog_id, algorithm=run.algorithm, config=run.config, preparation=run.preparation,
        status=Run.Status.SUCCEEDED, data_fingerprint=run.data_fingerprint,
    )  # fmt: skip
    measured = alike.exclude(seed=run.seed).filter(checkpoints__purpose=Checkpoint.Purpose.MEASURED)
    return measured.order_by("-id").first() if run.data_fingerprint else None


def _done(run_id: int) -> Any:
    done = Examination.objects.filter(run_id=run_id, kind=Examination.Kind.TRUST, status=Run.Status.SUCCEEDED)
    return done.order_by("-id")
