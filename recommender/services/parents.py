"""Runs that other runs are made of: named or made, waited for, and taken in as trained recommenders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from recommender.algorithms import registry
from recommender.algorithms.base import Config, Recommender, Report
from recommender.data.splits import Split
from recommender.evaluation.parents import fit_choosing
from recommender.evaluation.protocol import CHOOSING
from recommender.exceptions import BadConfig, Conflict
from recommender.models import Catalog, Checkpoint, Run
from recommender.selectors.dataset import current_bounds
from recommender.services.checkpoints import load_checkpoint
from recommender.services.starting import started

SETTING = "parents"
"""Among the settings of a run: ids of runs to be made of, `parents=3,5`."""
WAITING = "waiting for its parents"
WEIGHT = "weight "
"""Begins the names of weights among what the training of a recommender made of others reports."""
Make = Callable[..., Run]


def split_settings(catalog: Catalog, algorithm: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Run]]:
    """The algorithm's own settings, and the runs that `parents` names among them.

    Where runs are named and the algorithm's own settings do not say what it is made of, it is made of them. Raises
    BadConfig (field parents).
    """
    settings = dict(given)
    cls: Any = registry.get(algorithm)
    if not hasattr(cls, "parents"):
        return settings, []
    named = _named(catalog, settings.pop(SETTING, None))
    if named and hasattr(cls, "settings_for"):
        settings = dict(cls.settings_for(tuple(run.algorithm for run in named))) | settings
    return settings, named


def _named(catalog: Catalog, given: Any) -> list[Run]:
    """Runs of `catalog` that succeeded or still may, one of each algorithm."""
    ids = _ids(given)
    found = Run.objects.filter(catalog=catalog, pk__in=ids, status__in=[*Run.LIVE, Run.Status.SUCCEEDED]).in_bulk()
    if lacking := [str(pk) for pk in ids if pk not in found]:
        message = f"There is no run {', '.join(lacking)} in this catalog that is done or under way."
        raise BadConfig(message, field=SETTING)
    runs = [found[pk] for pk in ids]
    algorithms = [run.algorithm for run in runs]
    if twice := sorted({name for name in algorithms if algorithms.count(name) > 1}):
        raise BadConfig(f"parents names several runs of {', '.join(twice)}; name one of each.", field=SETTING)
    return runs


def _ids(given: Any) -> list[int]:
    """[3, 5] from "3,5", ["3", "5"] or [3, 5], each once."""
    parts = given.replace(",", " ").split() if isinstance(given, str) else given
    if parts in (None, ""):
        return []
    parts = [parts] if isinstance(parts, int) else parts
    try:
        ids = [int(part) for part in parts]
    except (TypeError, ValueError):
        raise BadConfig("parents takes numbers of runs, separated by commas, such as 3,5.", field=SETTING) from None
    if any(not 0 < pk < 2**63 for pk in ids):
        raise BadConfig("parents takes numbers of runs from 1.", field=SETTING)
    return list(dict.fromkeys(ids))


def made_of_these(algorithm: str, runs: Sequence[Run], settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Settings of a recommender made of others that take from `runs` (one of each algorithm) what they can, those
    that `settings` ask for if they say so; {} for one that stands alone."""
    wanted = registry.parents(algorithm, registry.config_class(algorithm).from_mapping(settings or {}))
    ids = [run.pk for run in runs if run.algorithm in wanted]
    cls: Any = registry.get(algorithm)
    return {**cls.settings_for(wanted), SETTING: ids} if ids and hasattr(cls, "settings_for") else {}


def weights_of(*, run: Run) -> list[tuple[str, Run | None, float | None]]:
    """What a run is made of: name, the run that trained it (None where it was deleted), and its weight once learned."""
    learned = next((row for row in run.curve if any(name.startswith(WEIGHT) for name in row)), {})
    weights = {name.removeprefix(WEIGHT): value for name, value in learned.items() if name.startswith(WEIGHT)}
    there = {each.algorithm: each for each in run.parents.filter(catalog=run.catalog_id).order_by("pk")}
    names = sorted({*weights, *there}, key=lambda name: (-weights.get(name, 0.0), name))
    return [(name, there.get(name), weights.get(name)) for name in names]


def give_parents(*, run: Run, config: Config, named: Sequence[Run], make: Make, like: Run | None = None) -> None:
    """Link a new run to its parents; those that are not named are made by `make`, to be trained first.

    All see the same rows. `like`: an earlier run, whose parents' settings the made ones take. Raises BadConfig where a
    run is named that the configuration does not ask for.
    """
    wanted = registry.parents(run.algorithm, config)
    if not wanted:
        return
    by_name = {each.algorithm: each for each in named}
    if spare := [f"{each} (run {each.pk})" for each in named if each.algorithm not in wanted]:
        message = f"{', '.join(spare)} is not among what it is made of: {', '.join(wanted)}."
        raise BadConfig(message, field=SETTING)
    settings = {each.algorithm: each.config for each in like.parents.all()} if like else {}
    run.bounds = next((each.bounds for each in named if each.bounds), None) or asdict(current_bounds())
    waiting = Run.objects.filter(pk__in=[each.pk for each in named], status=Run.Status.QUEUED, bounds=None)
    waiting.update(bounds=run.bounds)
    for name in wanted:
        if name not in by_name:
            by_name[name] = make(algorithm=name, config=settings.get(name), made_for=run, bounds=run.bounds)
    run.parents.set(by_name.values())
    run.phase = WAITING
    run.save(update_fields=["phase", "bounds"])


def needs_text(run: Run, config: Config) -> bool:
    """Whether a run or one of those it is made of reads the vectors of the items' texts."""
    made_of = [(each.algorithm, registry.config_class(each.algorithm).from_mapping(each.config))
               for each in run.parents.all()]  # fmt: skip
    return any(registry.needs_text(name, settings) for name, settings in [(run.algorithm, config), *made_of])


def unfinished_parents(*, run_id: int) -> list[Run]:
    """Parents that are still to be trained, and theirs before them: the order in which to take them up."""
    found: list[Run] = []
    for parent in Run.objects.filter(children=run_id, status__in=Run.LIVE).order_by("pk"):
        for each in [*unfinished_parents(run_id=parent.pk), parent]:
            if each not in found:
                found.append(each)
    return found


def freed_children(*, run_id: int) -> list[int]:
    """Runs that waited for this one, and for no other any more."""
    children = Run.objects.filter(parents=run_id, status=Run.Status.QUEUED)
    return list(children.exclude(parents__status__in=Run.LIVE).order_by("pk").values_list("pk", flat=True))


def made_only_for(*, run: Run) -> list[Run]:
    """Live runs that were made for this one and that no other live run waits for."""
    made = Run.objects.filter(made_for=run, status__in=Run.LIVE).order_by("pk")
    others = Run.objects.filter(status__in=Run.LIVE).exclude(pk=run.pk)
    return [each for each in made if not others.filter(parents=each).exists()]


class RunParents:
    """Trained parents of a run, by stage of `fit_measured` and for the last training; loaded when asked for.

    Raises Conflict where a parent did not succeed or learned from other data than `mark` says.
    """

    def __init__(self, run: Run, split: Split, mark: str, report: Report) -> None:
        self.runs = list(run.parents.filter(catalog=run.catalog_id).order_by("pk"))
        self.run, self.split, self.report = run, split, report
        for each in self.runs:
            if each.status != Run.Status.SUCCEEDED:
                said = f": {each.error}" if each.error else ""
                raise Conflict(f"Its parent {each} did not succeed ({each.get_status_display()}{said}). Train again.")
            if each.data_fingerprint != mark:
                raise Conflict(
                    f"Its parent {each} learned from other data: rows came, went or changed since. Train {each} again."
                )

    def __call__(self, stage: int) -> Mapping[str, Recommender]:
        take = self._choosing if stage == CHOOSING else self._measured
        return {each.algorithm: take(each) for each in self.runs} | started(run=self.run)

    def final(self) -> Mapping[str, Recommender]:
        """Those that learned from everything."""
        return {each.algorithm: self._kept(each, Checkpoint.Purpose.FINAL) for each in self.runs} | started(
            run=self.run
        )

    def _measured(self, run: Run) -> Recommender:
        return self._kept(run, Checkpoint.Purpose.MEASURED)

    def _choosing(self, run: Run) -> Recommender:
        """The one kept from when validation chose; where validation chose nothing it is trained here."""
        content = load_checkpoint(run_id=run.pk, purpose=Checkpoint.Purpose.CHOOSING)
        if content is not None:
            return content.restore()
        config = registry.config_class(run.algorithm).from_mapping(run.config)
        if registry.parents(run.algorithm, config):
            raise Conflict(f"Its parent {run} kept nothing of when its weights were learned; train {run} again.")
        return fit_choosing(
            lambda chosen: registry.create(run.algorithm, chosen),
            config,
            self.split,
            seed=run.seed,
            report=lambda *_: self.report(0.0, {}, None),
        )

    def _kept(self, run: Run, purpose: str) -> Recommender:
        content = load_checkpoint(run_id=run.pk, purpose=purpose)
        if content is None:
            raise Conflict(f"Its parent {run} has no checkpoint of this kind any more; train it again.")
        return content.restore()
