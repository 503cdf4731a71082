"""Runs that begin with the weights of a run of another catalog: which may, and the weights.

The two catalogs share neither people nor items, so nothing of what the one holds back for measuring is in the other's
weights; a run of the same catalog would have seen it and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recommender.algorithms.base import START, Config, Recommender
from recommender.exceptions import BadConfig, Conflict
from recommender.models import Catalog, Checkpoint, Run
from recommender.selectors.pages import catalogs_of
from recommender.services.checkpoints import load_checkpoint

ALIKE = ("width", "features")
"""Settings that both runs must have in common where the algorithm has them: sizes of what is taken over."""


def start_of(*, catalog: Catalog, algorithm: str, config: Config, by: Any) -> Run | None:
    """The run that the setting `start` names; None without one.

    It must be a run of the same algorithm that succeeded, in another catalog that the login `by` may enter (None: a
    command, which may enter all), and both must read texts. Raises BadConfig (field start).
    """
    number = getattr(config, START, None)
    if number is None:
        return None
    found = Run.objects.filter(pk=number, algorithm=algorithm, status=Run.Status.SUCCEEDED).exclude(catalog=catalog)
    if by is not None:
        found = found.filter(catalog__in=catalogs_of(by))
    run = found.first()
    if run is None:
        message = f"start: there is no {algorithm} run {number} that is done, in another catalog that you may enter."
        raise BadConfig(message, field=START)
    if not (getattr(config, "use_text", False) and run.config.get("use_text")):
        raise BadConfig(f"start: {run} and this one must both read texts; set use_text in both.", field=START)
    for name in ALIKE:
        if hasattr(config, name) and run.config.get(name) != getattr(config, name):
            raise BadConfig(f"start: {run} has {name} {run.config.get(name)}; give this one the same.", field=START)
    return run


def started(*, run: Run) -> Mapping[str, Recommender]:
    """What a training of `run` begins with, as `parents` of its fit; {} where it begins with chance. Raises Conflict
    where the weights are gone."""
    number = run.config.get(START)
    if number is None:
        return {}
    content = load_checkpoint(run_id=number, purpose=Checkpoint.Purpose.FINAL)
    if content is None:
        raise Conflict(f"Run {number}, which it starts from, is not there any more, or its weights. Set another start.")
    return {START: content.restore()}
