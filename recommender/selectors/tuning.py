"""Reads of searches over settings: those of a catalog, their best trials, what was best on data that look alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from recommender.evaluation.space import ALIKE, distance
from recommender.exceptions import BadInput
from recommender.models import Catalog, Study, Trial


def studies(*, catalog: Catalog) -> QuerySet[Study]:
    """A catalog's searches, the newest first, without their long columns."""
    return catalog.studies.defer("traceback").order_by("-id")


def get_study(*, study_id: int, catalog: Catalog) -> Study:
    """Raises BadInput (field tuning) where there is none in the catalog."""
    found = catalog.studies.filter(pk=study_id).first() if 0 < study_id < 2**63 else None
    if found is None:
        raise BadInput(f"There is no tuning {study_id} in {catalog.name}.", field="tuning")
    return found


def best_trial(*, study: Study) -> Trial | None:
    """The trial with the highest value, the earliest of equals."""
    return study.trials.filter(state=Trial.State.DONE).order_by("-value", "number").first()


def best_elsewhere(*, study: Study, features: Mapping[str, float], most: int) -> list[dict[str, Any]]:
    """Settings that were best in other searches of the algorithm on data at most ALIKE away, the nearest first.

    A catalog counts once, by its nearest search; of equals the newest.
    """
    others = Study.objects.filter(algorithm=study.algorithm).exclude(pk=study.pk).exclude(features={}).order_by("-id")
    near: dict[int, tuple[float, Study]] = {}
    for other in others[:1000]:
        away = distance(features, other.features)
        if away <= ALIKE and away < near.get(other.catalog_id, (float("inf"), other))[0]:
            near[other.catalog_id] = (away, other)
    ordered = sorted(near.values(), key=lambda pair: (pair[0], pair[1].pk))
    found = [best_trial(study=other) for _, other in ordered[: most * 3]]
    return [trial.config for trial in found if trial is not None][:most]
