"""Searches over settings: made, carried out under a lease trial by trial, taken up where they were left, cancelled.

A trial trains on the training part alone and is judged by the validation's answers; the test is never read. What is
known of the trials is in the database, so that a search goes on after any death with the trial it was at. Whoever wants
one to be worked on calls recommender.tasks.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from importlib import import_module
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from recommender.algorithms import registry
from recommender.algorithms.base import Config, Recommender, ndcg
from recommender.data.splits import Split, leave_last_out
from recommender.evaluation.space import Dimension, meta_features, space
from recommender.exceptions import BadInput, Cancelled, Conflict, LeaseLost, NotTrainable, RecommenderError
from recommender.models import Catalog, Study, Trial
from recommender.selectors import tuning as select
from recommender.selectors.dataset import Bounds, current_bounds, load_dataset
from recommender.services import audit, encoding, work
from recommender.services.leases import Lease
from recommender.services.recording import lasting

logger = logging.getLogger(__name__)
METRIC, DEPTH = "ndcg@10", 10
TRIALS, MOST_TRIALS = 30, 1000
FROM_ELSEWHERE = 3
"""Settings at most that are taken over from data that look alike."""
WRITE_SECONDS = 1.0
State, Origin = Trial.State, Trial.Origin


class Behind(Exception):
    """The trial is below the median of the others: it is not worth its time."""


def create_study(
    *,
    catalog: Catalog,
    algorithm: str,
    trials: int = TRIALS,
    only: Sequence[str] = (),
    seed: int = 0,
    by: Any = None,
) -> Study:
    """A search that waits for a worker; `only` names the settings to vary (default: all that may be).

    Raises UnknownAlgorithm or BadInput naming the field.
    """
    config = registry.config_class(algorithm)
    if registry.parents(algorithm, config()):
        raise BadInput(f"{algorithm} is made of others; tune those it is made of.", field="algorithm")
    if "ranking" not in registry.abilities(algorithm):
        raise BadInput(f"{algorithm} gives no lists, by which settings are judged here.", field="algorithm")
    space(config, only)
    for name, value, most in (("trials", trials, MOST_TRIALS), ("seed", seed, 2**63 - 1)):
        if isinstance(value, bool) or not isinstance(value, int) or not (name == "trials") <= value <= most:
            raise BadInput(f"{name} must be a whole number from {int(name == 'trials')} to {most}.", field=name)
    given = {"catalog": catalog, "algorithm": algorithm, "wanted": trials, "only": list(only), "metric": METRIC}
    with transaction.atomic():
        study = Study.objects.create(**given, seed=seed, created_by=by, phase="waiting")
        audit.note(catalog=catalog, login=by, action="tuning-started", subject=str(study), details={"trials": trials})
    return study


@transaction.atomic
def cancel_study(*, study: Study, by: Any = None) -> None:
    """Stop one that waits at once, one that is worked on within seconds; its trials stay. Raises Conflict."""
    if not work.stop(row=study):
        raise Conflict("This tuning is over; there is nothing to cancel.")
    audit.note(catalog=study.catalog, login=by, action="tuning-cancelled", subject=str(study))


def may_read_text(algorithm: str, dimensions: Sequence[Dimension]) -> bool:
    """Whether the defaults, or a choice that a search over `dimensions` may take, read the vectors of items' texts."""
    defaults = registry.config_class(algorithm)()
    choices = [{each.name: choice} for each in dimensions for choice in each.choices]
    return any(registry.needs_text(algorithm, defaults.replace(**chosen)) for chosen in [{}, *choices])


def best_settings(*, study: Study) -> dict[str, Any]:
    """Settings of the best trial, to train with. Raises Conflict where no trial is done."""
    best = select.best_trial(study=study)
    if best is None:
        raise Conflict(f"No trial of {study} is done yet.")
    return dict(best.config)


def execute_study(*, study_id: int) -> bool:
    """Carry one out, as work.execute."""
    return work.execute(kind=Study, row_id=study_id, do=lambda lease: _Tuning(lease).carry_out(), tidy=_tidy)


def _tidy(lease: Lease) -> None:
    """A trial that was under way when the search ended is none."""
    if not Study.objects.filter(pk=lease.run_id, status__in=Study.LIVE).exists():
        Trial.objects.filter(study_id=lease.run_id, state=State.RUNNING).delete()


class _Tuning:
    """One search under a lease, from wherever it was left to its end."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.study = Study.objects.get(pk=lease.run_id)
        self.config = registry.config_class(self.study.algorithm)
        self.space: list[Dimension] = space(self.config, self.study.only)
        self.written = 0.0
        self.began: tuple[float, float] | None = None

    def carry_out(self) -> None:
        lasting(lambda: self.lease.write(phase="reading the data"))
        split = self._load()
        search = import_module("recommender.evaluation.search")  # a web process does without optuna
        known = [
            search.Known(each.found, each.state, each.value, np.maximum.accumulate(each.curve or [0.0]).tolist())
            for each in self.study.trials.exclude(state=State.RUNNING).order_by("number")
        ]
        self.search = search.Search(self.space, self.study.seed, known)
        for number in range(len(known) + 1, self.study.wanted + 1):
            self._carry_out(self._trial(number), split)
        self._conclude()

    def _load(self) -> Split:
        study = self.study
        bounds = Bounds(**study.bounds) if study.bounds else current_bounds()
        text = may_read_text(study.algorithm, self.space)
        if text:
            report = lambda *_: self.lease.check()  # noqa: E731
            encoding.ensure_vectors(catalog_id=study.catalog_id, newest=bounds.item, report=report)
        dataset = load_dataset(catalog_id=study.catalog_id, bounds=bounds, text=text)
        split = leave_last_out(dataset)
        if not len(split.validation.people):
            raise NotTrainable("Settings are judged by people with three interactions or more; there are none.")
        self.features = meta_features(dataset)
        lasting(lambda: self.lease.write(bounds=asdict(bounds), features=self.features))
        return split

    def _trial(self, number: int) -> Trial:
        """The trial that a dead worker was at, else the next one: defaults, then what was best elsewhere, then new."""
        left = self.study.trials.filter(state=State.RUNNING).first()
        if left is not None:
            self.search.propose(left.found)
            left.curve = []
            return left
        given = self._given()
        origin, settings = given[number - 1] if number <= len(given) else (Origin.SEARCH, None)
        wanted = None
        if settings is not None:
            wanted = {each.name: each.sought(settings.get(each.name)) for each in self.space}
        found = self.search.propose(wanted)
        chosen = {each.name: each.value(found[each.name]) for each in self.space}
        config = asdict(self.config()) | chosen
        return Trial.objects.create(study=self.study, number=number, origin=origin, found=found, config=config)

    def _given(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Settings to begin with, each once. Those tried already stay; once the search has begun none are added."""
        defaults = asdict(self.config())
        trials = self.study.trials.order_by("number")
        others = [each.config for each in trials.filter(origin=Origin.ALIKE)]
        if not trials.filter(origin=Origin.SEARCH).exists():
            best = select.best_elsewhere(study=self.study, features=self.features, most=FROM_ELSEWHERE)
            fresh = [each for settings in best if (each := defaults | settings) != defaults]
            others += fresh[len(others) :]
        return [(Origin.DEFAULT, defaults), *((Origin.ALIKE, each) for each in others)]

    def _carry_out(self, trial: Trial, split: Split) -> None:
        started = time.monotonic()
        try:
            trial.value = self._judged(trial, split)
            trial.state = State.DONE
        except Behind:
            trial.state, trial.value = State.PRUNED, max(trial.curve)
        except (LeaseLost, Cancelled):
            raise
        except (RecommenderError, ValueError, ArithmeticError, MemoryError) as error:
            trial.state, trial.error = State.FAILED, work.one_line(error)
        self.search.tell(trial.state, trial.value)
        trial.seconds = round(time.monotonic() - started, 3)
        share = trial.number / self.study.wanted
        lasting(lambda: self._keep(trial, share))

    def _keep(self, trial: Trial, share: float) -> None:
        """The trial and the progress of the whole, both or neither."""
        with transaction.atomic():
            self.lease.write(attempts=1, importance=self.search.importance(), **self._standing(trial, share))
            trial.save()

    def _judged(self, trial: Trial, split: Split) -> float:
        """The metric on validation of the trial's settings. Raises Behind."""
        config: Config = self.config.from_mapping(trial.config)
        model: Recommender = registry.create(self.study.algorithm, config)

        def report(progress: float, metrics: Mapping[str, float], state: Any) -> None:
            self.lease.check()
            self._tell(trial, progress)
            if METRIC in metrics:
                trial.curve.append(round(float(metrics[METRIC]), 6))
                if self.search.behind(max(trial.curve), len(trial.curve) - 1):
                    raise Behind

        validation = split.validation if model.uses_validation else None
        rng = np.random.default_rng(self.study.seed)
        model.fit(split.train, validation=validation, rng=rng, report=report)
        self.lease.check()
        value = ndcg(model, split.validation, DEPTH)
        if not np.isfinite(value):
            raise NotTrainable("Its scores are not finite.")
        return value

    def _tell(self, trial: Trial, progress: float) -> None:
        if time.monotonic() - self.written > WRITE_SECONDS:
            share = (trial.number - 1 + 0.9 * min(1.0, max(0.0, progress))) / self.study.wanted
            lasting(lambda: self.lease.write(**self._standing(trial, share)))
            self.written = time.monotonic()

    def _standing(self, trial: Trial, share: float) -> dict[str, Any]:
        """Columns that say where the whole is."""
        now = time.monotonic()
        if self.began is None:
            self.began = (now, share)
        moved = share - self.began[1]
        left = timedelta(seconds=(now - self.began[0]) * (1 - share) / moved) if moved > 0.01 else None
        finishes = timezone.now() + left if left is not None else None
        return {"phase": f"trial {trial.number} of {self.study.wanted}", "progress": share, "finishes": finishes}

    def _conclude(self) -> None:
        if select.best_trial(study=self.study) is None:
            first = self.study.trials.exclude(error="").order_by("number").first()
            raise NotTrainable(first.error if first else "No trial came to its end.")
        work.succeeded(self.lease)
