"""Trainings: made, carried out under a lease, resumed where they were, cancelled.

One run goes through: read the data → train without the held-out part → measure on it → train on everything. A state
is kept each epoch; a run that is taken up again starts with the phase and epoch it had reached, on the rows it had
seen. Whoever wants a run to be worked on calls recommender.tasks: services never enqueue.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models.functions import Now

from recommender.algorithms import registry
from recommender.algorithms.base import Config, Recommender, State
from recommender.algorithms.checkpoint import Checkpoint as Content
from recommender.data.dataset import Dataset
from recommender.data.preparation import fingerprint
from recommender.data.splits import Split, leave_last_out
from recommender.evaluation.measuring import as_rows, measure
from recommender.evaluation.protocol import fit_measured
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, Checkpoint, Run
from recommender.selectors.dataset import Bounds, current_bounds, load_dataset
from recommender.services import (
    audit,
    checkpoints,
    encoding,
    evaluating,
    forgetting,
    grouping,
    parents,
    preparing,
    starting,
    work,
)
from recommender.services.leases import Lease
from recommender.services.recording import LOAD, MEASURE, MEASURED, REFIT, Phase, Recorder, lasting
from recommender.services.versions import code_version

logger = logging.getLogger(__name__)
Purpose = Checkpoint.Purpose


def create_run(
    *,
    catalog: Catalog,
    algorithm: str,
    config: Mapping[str, Any] | None = None,
    seed: int = 0,
    by: Any = None,
    like: Run | None = None,
    made_for: Run | None = None,
    bounds: Mapping[str, int] | None = None,
    preparation: Mapping[str, Any] | None = None,
) -> Run:
    """A run that waits for a worker, with every hyperparameter spelled out, and before it runs of those it is made of.

    Of a recommender made of others, `config` may name runs to take as they are: {"parents": [3, 5]}; the rest are
    made here, with the settings of the parents of `like` where it is given. `bounds`: the newest rows it may learn
    from; `preparation`: settings of PreparationConfig that differ from their defaults, for its parents too. Raises
    UnknownAlgorithm, BadConfig or BadInput, each naming the field.
    """
    own, named = parents.split_settings(catalog, algorithm, config or {})
    settings = registry.config_class(algorithm).from_mapping(own)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise BadInput("seed must be a whole number from 0 to 9223372036854775807.", field="seed")
    grouping.check(catalog=catalog, config=settings)
    prepare = preparing.settings_of(preparation)
    start = starting.start_of(catalog=catalog, algorithm=algorithm, config=settings, by=by)
    with transaction.atomic():
        run = Run.objects.create(
            catalog=catalog, algorithm=algorithm, config=asdict(settings), seed=seed, code_version=code_version(),
            created_by=by, made_for=made_for, bounds=bounds, preparation=prepare, phase="waiting",
        )  # fmt: skip
        make = partial(create_run, catalog=catalog, seed=seed, by=by, preparation=prepare)
        parents.give_parents(run=run, config=settings, named=named, make=make, like=like)
        run.parents.add(*([start] if start else []))
        audit.note(catalog=catalog, login=by, action="run-started", subject=str(run), details={"seed": seed})
    return run


@transaction.atomic
def cancel_run(*, run: Run, by: Any = None) -> None:
    """Stop a run that waits at once, one that is worked on within seconds. Raises Conflict where it is over.

    What it has trained so far is dropped; a solver that cannot be interrupted ends later, without effect. Runs that
    were made to be its parents, and are nobody else's, stop too.
    """
    _cancel(run, by)
    for parent in parents.made_only_for(run=run):
        with suppress(Conflict):  # it has just ended
            cancel_run(run=parent, by=by)


def _cancel(run: Run, by: Any) -> None:
    if not work.stop(row=run):
        raise Conflict(f"Run {run.pk} is over ({run.get_status_display()}); there is nothing to cancel.")
    audit.note(catalog=run.catalog, login=by, action="run-cancelled", subject=str(run))


def execute_with_parents(*, run_id: int) -> bool:
    """`execute_run` after those of its parents that are still to be trained, all in this process."""
    try:
        for parent in parents.unfinished_parents(run_id=run_id):
            execute_run(run_id=parent.pk)
    except KeyboardInterrupt:
        with suppress(Conflict):
            cancel_run(run=Run.objects.get(pk=run_id))
        raise
    return execute_run(run_id=run_id)


def execute_run(*, run_id: int) -> bool:
    """Carry a run out, from the last epoch it had reached, as work.execute. False also while a parent of its is not
    done."""
    return work.execute(kind=Run, row_id=run_id, do=lambda lease: _Training(lease).carry_out(), tidy=_tidy)


def _tidy(lease: Lease) -> None:
    """What a run that did not succeed could have resumed from goes."""
    if Run.objects.filter(pk=lease.run_id, worker=lease.worker).exists():
        checkpoints.remove_checkpoint(run_id=lease.run_id, purpose=Purpose.RESUME)
        checkpoints.sweep(run_id=lease.run_id)


@dataclass(frozen=True)
class _Material:
    """What a run learns from; `mark` tells whether a checkpoint belongs to it, `data` which data it is, whatever
    groups of people a training makes."""

    dataset: Dataset
    split: Split
    bounds: Bounds
    mark: str
    data: str


class _Training:
    """One run under a lease, from wherever it was left to its end."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.run = Run.objects.get(pk=lease.run_id)
        self.config = registry.config_class(self.run.algorithm).from_mapping(self.run.config)
        self.version = code_version()
        self.resume = checkpoints.load_checkpoint(run_id=self.run.pk, purpose=Purpose.RESUME)
        self.measured = checkpoints.load_checkpoint(run_id=self.run.pk, purpose=Purpose.MEASURED)
        self.recorder = Recorder(lease, self.run)

    def carry_out(self) -> None:
        with self.recorder.phase(LOAD):
            self.material = self._load()
            self.recorder.curve = self.recorder.curve[: self._rows_kept()]
            bounds, mark = asdict(self.material.bounds), self.material.data
            report = self.run.preparation_report
            kept = {
                "data_fingerprint": mark,
                "preparation_report": report,
                "bounds": bounds,
                "code_version": self.version,
            }
            self.lease.write(**kept, **self.recorder.standing())
            self.parents = parents.RunParents(self.run, self.material.split, mark, self._alive)
        if self.measured is None:
            self.measured = self._measure()
        self._refit(self.measured.config)

    def _load(self) -> _Material:
        """The rows the run saw before it was interrupted, else all there are.

        Where those have changed (someone was erased, an attribute corrected) the run starts anew: what it has learned
        so far belongs to data that no longer exist.
        """
        left = self.resume or self.measured
        given = left.extra["bounds"] if left else self.run.bounds
        bounds = Bounds(**given) if given else current_bounds()
        text = parents.needs_text(self.run, self.config)
        if text:
            encoding.ensure_vectors(catalog_id=self.run.catalog_id, newest=bounds.item, report=self._alive)
            encoding.keep_up(catalog_id=self.run.catalog_id)
        groups = grouping.loaded_for(self.run)
        dataset = load_dataset(catalog_id=self.run.catalog_id, bounds=bounds, text=text, groups=groups)
        dataset, self.run.preparation_report = preparing.prepared(run=self.run, dataset=dataset)
        mark = fingerprint(dataset)
        if left and left.extra["fingerprint"] != mark:
            self._start_anew()
            return self._load()
        data = fingerprint(replace(dataset, user_groups={})) if groups else mark
        return _Material(dataset, leave_last_out(dataset), bounds, mark, data)

    def _start_anew(self) -> None:
        logger.warning("the data of run %s changed while nobody worked on it; it starts anew", self.run.pk)
        for purpose in (Purpose.RESUME, Purpose.CHOOSING, Purpose.MEASURED):
            checkpoints.remove_checkpoint(run_id=self.run.pk, purpose=purpose)
        self.resume = self.measured = None
        self.recorder.reached, self.recorder.durations = 0.0, {}
        self.lease.write(curve=[], metrics={}, details={}, people=None, durations={}, progress=0.0)

    def _rows_kept(self) -> int:
        """How many rows of the curve belong to what is resumed; later ones will be written again."""
        wanted = MEASURED if self.measured is None else REFIT
        if self.resume and self.resume.extra["phase"] == wanted.key:
            return int(self.resume.extra["curve"])
        return int(self.measured.extra["curve"]) if self.measured else 0

    def _resumed(self, phase: Phase) -> State | None:
        belongs = self.resume is not None and self.resume.extra["phase"] == phase.key
        return self.resume.state if belongs and self.resume else None

    def _measure(self) -> Content:
        """Train without the test, measure on it, keep both; returns the measured checkpoint."""
        material, run = self.material, self.run
        with self.recorder.phase(MEASURED, self._keeper(MEASURED)):
            fitted = fit_measured(
                lambda config: registry.create(run.algorithm, config),
                self.config,
                material.split,
                seed=run.seed,
                report=self.recorder.report,
                resume=self._resumed(MEASURED),
                parents=self.parents,
                keep=self._keep_choosing,
            )
        with self.recorder.phase(MEASURE):
            told = self.recorder.progress
            measured = measure(
                lambda config: registry.create(run.algorithm, config),
                fitted,
                material.split,
                seed=run.seed,
                report=self._alive,
                progress=told,
                parents=self.parents,
            )
            path = evaluating.put_person_metrics(run_id=run.pk, table=measured.per_user)
            results = {"people": len(measured.per_user), "metrics": as_rows(measured.metrics)}
            results["details"] = measured.details
            content = self._content(fitted.chosen, fitted.model.state(), MEASURED)
            written = results | {"person_metrics": path}
        self._keep_with(Purpose.MEASURED, MEASURED, content, written | self.recorder.standing())
        evaluating.forget_erased(run_id=run.pk)
        forgetting.forget_erased(run_id=run.pk)
        return content

    def _refit(self, chosen: Config) -> None:
        """Train on everything with what was chosen; this is what serves."""
        run = self.run
        with self.recorder.phase(REFIT, self._keeper(REFIT)):
            model = registry.create(run.algorithm, chosen)
            model.fit(
                self.material.split.full,
                parents=self.parents.final(),
                resume=self._resumed(REFIT),
                rng=np.random.default_rng(run.seed),
                report=self.recorder.report,
            )
        content = self._content(chosen, model.state(), REFIT)
        over = {"status": Run.Status.SUCCEEDED, "finished": Now()}
        standing = self.recorder.standing() | {"phase": "", "finishes": None, "progress": 1.0}
        self._keep_with(Purpose.FINAL, REFIT, content, standing | over)
        forgetting.forget_erased(run_id=run.pk)
        checkpoints.remove_checkpoint(run_id=run.pk, purpose=Purpose.RESUME)
        checkpoints.sweep(run_id=run.pk)

    def _keep_with(self, purpose: str, phase: Phase, content: Content, changes: dict[str, Any]) -> None:
        """Keep a checkpoint and change the run in one transaction."""
        kept = {"run_id": self.run.pk, "purpose": purpose, "phase": phase.key, "epoch": len(self.recorder.curve)}
        lasting(
            lambda: checkpoints.save_checkpoint(**kept, content=content, together=lambda: self.lease.write(**changes))
        )

    def _keep_choosing(self, model: Recommender) -> None:
        """Keep what has not seen the validation's targets: recommenders made of this one learn from it."""
        content = self._content(model.config, model.state(), MEASURED)
        self._keep_with(Purpose.CHOOSING, MEASURED, content, {"curve": self.recorder.curve})

    def _alive(self, *_: Any) -> None:
        self.lease.check()

    def _keeper(self, phase: Phase) -> Any:
        def keep(state: State, together: Any) -> None:
            content = self._content(self.config, state, phase)
            epoch = self.recorder.curve[-1]["epoch"] if self.recorder.curve else 0
            checkpoints.save_checkpoint(
                run_id=self.run.pk,
                purpose=Purpose.RESUME,
                phase=phase.key,
                epoch=epoch,
                content=content,
                together=together,
            )

        return keep

    def _content(self, config: Config, state: State, phase: Phase) -> Content:
        """A checkpoint of this run: what it learned from, and how far the curve had come."""
        extra = {
            "run": self.run.pk,
            "seed": self.run.seed,
            "phase": phase.key,
            "curve": len(self.recorder.curve),
            "fingerprint": self.material.mark,
            "bounds": asdict(self.material.bounds),
        }
        items = self.material.dataset.items
        return Content(self.run.algorithm, config, items, state, code=self.version, extra=extra)
