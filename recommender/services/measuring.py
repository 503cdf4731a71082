"""Measurements: a run's configuration under another protocol, trained on its training part and measured on its test.

Figures of different protocols answer different questions; none is ever compared with another's. Whoever wants a
measurement to be worked on calls recommender.tasks; `evaluate_run` carries one out here and now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

from recommender.algorithms import registry
from recommender.algorithms.base import Config, Recommender
from recommender.data import splits
from recommender.data.dataset import Dataset
from recommender.data.splits import Split
from recommender.evaluation.measuring import Measured, as_rows, measure, measure_opinions, opinions_of
from recommender.evaluation.parents import TrainedParents
from recommender.evaluation.protocol import Parents, fit_measured
from recommender.exceptions import BadInput, Conflict, NotTrainable, RecommenderError
from recommender.models import Measurement, Run
from recommender.selectors.dataset import current_bounds, load_dataset
from recommender.services import encoding, evaluating, grouping, preparing, work
from recommender.services import parents as made_of
from recommender.services.leases import Lease
from recommender.services.progress import Part, Progress
from recommender.services.starting import started

logger = logging.getLogger(__name__)
OWN_PROTOCOL = "leave-last-out"
"""What every run is measured by while it trains."""
UNTIL_FLOORS = 0.85
"""Share of a measurement's progress that is over when its floors begin."""
Told = Callable[[float], None]


def create_measurement(*, run: Run, protocol: str, shots: int | None = None, by: Any = None) -> Measurement:
    """A measurement that waits. Raises BadInput (fields protocol, shots), Conflict while the run is not done."""
    splits.check(protocol, shots)
    if protocol == OWN_PROTOCOL:
        raise BadInput(f"Every run is measured by {OWN_PROTOCOL} already; choose another protocol.", field="protocol")
    needed = "rating" if protocol == "k-fold" else "ranking"
    if needed not in registry.abilities(run.algorithm):
        lacks = "predicts no ratings" if needed == "rating" else "gives no lists"
        raise BadInput(f"{run.algorithm} {lacks}, which is all that {protocol} measures.", field="protocol")
    if run.status != Run.Status.SUCCEEDED:
        raise Conflict(f"Run {run.pk} is {run.get_status_display()}; measure it once it is done.")
    return Measurement.objects.create(run=run, protocol=protocol, shots=shots, created_by=by, phase="waiting")


def cancel_measurement(*, measurement: Measurement) -> None:
    """Stop one that waits at once, one that is worked on within seconds. Raises Conflict where it is over."""
    if not work.stop(row=measurement):
        raise Conflict("This measurement is over; there is nothing to cancel.")


def evaluate_run(*, run: Run, protocol: str = OWN_PROTOCOL, shots: int | None = None) -> dict[str, Any]:
    """{"run", "protocol", "people", "metrics"[, "shots", "details"]}, worked out here unless it is known already.

    Raises BadInput, Conflict as create_measurement; RecommenderError with the reason where it fails.
    """
    splits.check(protocol, shots)
    if protocol == OWN_PROTOCOL:
        if run.people is None:
            display = run.get_status_display()
            raise Conflict(f"Run {run.pk} has no metrics: it is {display}. Wait for it or train another.")
        return {"run": run.pk, "protocol": protocol, "people": run.people, "metrics": run.metrics}
    row = create_measurement(run=run, protocol=protocol, shots=shots)
    execute_measurement(measurement_id=row.pk)
    row.refresh_from_db()
    if row.status != Run.Status.SUCCEEDED:
        raise RecommenderError(row.error or f"The measurement was {row.get_status_display()}.")
    found = {"run": run.pk, "protocol": protocol, "people": row.people, "metrics": row.metrics}
    return found | {"details": row.details} | ({} if shots is None else {"shots": shots})


def execute_measurement(*, measurement_id: int) -> bool:
    """Carry one out, as work.execute."""
    return work.execute(kind=Measurement, row_id=measurement_id, do=_carry_out)


def _carry_out(lease: Lease) -> None:
    row = Measurement.objects.select_related("run").get(pk=lease.run_id)
    told = Progress(lease)
    told.say("reading the data", 0.0)
    dataset = _loaded(row.run, lease)
    cuts = splits.splits_of(dataset, row.protocol, shots=row.shots, seed=row.run.seed)
    measured = _measured(row, cuts, dataset, told)
    path = evaluating.put_person_metrics(run_id=row.run_id, table=measured.per_user)
    results = {"metrics": as_rows(measured.metrics), "details": measured.details, "people": len(measured.per_user)}
    work.succeeded(lease, **results, person_metrics=path)
    evaluating.forget_erased(run_id=row.pk, kind=Measurement)


def _loaded(run: Run, lease: Lease) -> Dataset:
    config = _config(run)
    text = made_of.needs_text(run, config)
    bounds = current_bounds()
    if text:
        encoding.ensure_vectors(catalog_id=run.catalog_id, newest=bounds.item, report=lambda *_: lease.check())
    groups = grouping.loaded_for(run)
    dataset = load_dataset(catalog_id=run.catalog_id, bounds=bounds, text=text, groups=groups)
    return preparing.prepared(run=run, dataset=dataset)[0]


def _config(run: Run) -> Config:
    return registry.config_class(run.algorithm).from_mapping(run.config)


def _measured(row: Measurement, cuts: list[Split], dataset: Dataset, told: Progress) -> Measured:
    """One split's figures, or those of all folds together."""
    run, parts, cold = row.run, [], row.protocol in splits.WITH_SHOTS
    for at, split in enumerate(cuts):
        start, size = at / len(cuts), (UNTIL_FLOORS if cold else 1.0) / len(cuts)
        words = "training on what is not held out" if len(cuts) == 1 else f"training on fold {at + 1} of {len(cuts)}"
        train = told.part(words, start, start + 0.8 * size)
        parents = _parents(run, split, train)
        fitted = fit_measured(_create(run), _config(run), split, seed=run.seed, report=train.report, parents=parents)
        rest = told.part("measuring", start + 0.8 * size, start + size)
        if len(cuts) == 1:
            found = measure(
                _create(run), fitted, split, seed=run.seed, report=rest.report, progress=rest.progress, parents=parents
            )
            return _beside_floors(row, found, split, told) if cold else found
        parts.append(opinions_of(_create(run), fitted, split, seed=run.seed, report=rest.report, parents=parents))
    said = [part for part in parts if part is not None]
    if len(said) < len(parts):
        raise NotTrainable("There are no ratings that differ in every fold; k-fold measures predicted ratings.")
    return measure_opinions(said, dataset)


def _beside_floors(row: Measurement, found: Measured, split: Split, told: Progress) -> Measured:
    """What a cold protocol measured, with the floors on the same people among its details.

    Their module imports torch, which the addresses of the site must not.
    """
    beside = import_module("recommender.evaluation.cold_start.beside").beside
    words = told.part("measuring what is simple beside it", UNTIL_FLOORS, 1.0)
    asked = {"algorithm": row.run.algorithm, "protocol": row.protocol, "shots": row.shots, "seed": row.run.seed}
    found, floors = beside(found, split, **asked, progress=words.progress)
    return replace(found, details=found.details | {"floors": floors.floors, "floors_notes": floors.notes})


def _parents(run: Run, split: Split, told: Part) -> Parents:
    """Those that the run is made of, trained on the same split with their own configurations, and what it starts
    from."""
    configs = {each.algorithm: _config(each) for each in run.parents.filter(catalog=run.catalog_id).order_by("pk")}
    made_of = TrainedParents(registry.create, configs, split, run.seed, lambda *_: told.whole.lease.check())
    start = started(run=run)
    return lambda stage: {**made_of(stage), **start}


def _create(run: Run) -> Callable[[Config], Recommender]:
    return lambda config: registry.create(run.algorithm, config)
