"""What a sweep measures: the same people's lists at each strength, re-ranked here or made by runs trained for it.

Trainings are carried out in the sweep's own process, one after another: were they left to the queue, a lone worker
would wait for itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pandas as pd
from django.db import transaction
from numpy.typing import NDArray

from explain.fairness import pareto
from explain.fairness.base import Asked, Classes
from explain.fairness.disparities import People
from explain.fairness.influence import Shown
from explain.models import RemedySweep
from explain.services import audited_held_out, sweeping
from explain.services.sweeping import Swept
from recommender.algorithms.checkpoint import Checkpoint as Content
from recommender.algorithms.reranked import Reranked, RerankedConfig, pool_of
from recommender.data.dataset import Dataset, Histories, Holdout, Int
from recommender.data.groups import ACTIVITY
from recommender.data.preparation import fingerprint
from recommender.data.splits import Split, leave_last_out
from recommender.evaluation.protocol import evaluate
from recommender.evaluation.ranking import ranking_metrics
from recommender.evaluation.segments import LEAST
from recommender.exceptions import Conflict, NotTrainable
from recommender.models import Checkpoint, Run
from recommender.reranking import classes as classing
from recommender.reranking.base import NONE, Candidates
from recommender.selectors.dataset import Bounds, hidden_items, load_dataset
from recommender.services import encoding, parents, preparing, training
from recommender.services.checkpoints import load_checkpoint
from recommender.services.progress import Progress

METRICS = ("ndcg", "recall")
BATCH = 2000
"""People whose candidates are made at once; between batches it is asked whether the sweep goes on."""
MOVED = 12
"""Items named that gain most exposure, and that lose most."""
WAIT_SECONDS = 1.0
UNKNOWN_THEN = (
    "When a list is asked for, {} is known of nobody, since it is no feature of recommenders in this catalog: the "
    "remedy has its groups in learning only, and lists of people in all groups are re-ranked alike."
)


@dataclass(frozen=True)
class Base:
    """What all points share: the measured weights of the sweep's run, its data, and the people who are asked about."""

    run: Run
    content: Content
    split: Split
    users: Int
    people: People
    problems: list[str]

    @property
    def holdout(self) -> Holdout:
        return self.split.test


def carried_out(row: RemedySweep, asked: Swept, told: Progress) -> tuple[dict[str, Any], pd.DataFrame]:
    """The results, and a row per person and strength. Raises Conflict where the data do not allow it, Cancelled."""
    started = time.perf_counter()
    told.say("reading the data", 0.02)
    base = base_of(row.run, asked, told)
    made = list(trained(row, asked, base, told) if asked.remedy.trained else reranked(asked, base, told))
    told.say("comparing strengths", 0.9)
    drawn = Asked(k=asked.k, resamples=asked.resamples, seed=asked.seed, least=LEAST)
    curve = pareto.curve([pareto.Point(each.strength, each.metrics[f"ndcg@{asked.k}"], each.lists) for each in made],
                         base.people, drawn)  # fmt: skip
    told.say("comparing strengths", 0.95)
    remedy, metric = asked.remedy, f"NDCG@{asked.k}"
    results = pareto.told(curve, remedy.aims, trained=remedy.trained, metric=metric, groups=asked.groups or ACTIVITY)
    if not results["figures"]:
        raise Conflict("Nobody’s list has an item that may be shown, so there is nothing to compare.")
    results["items"] = {f"{each.strength:g}": moved(made[0].lists, each.lists, base) for each in made[1:]}
    results["about"] = about(asked, base, drawn) | {"seconds": round(time.perf_counter() - started, 2)}
    results["problems"] = base.problems
    table = pd.concat([
        pd.DataFrame({"user": base.users, "strength": each.strength, **each.metrics}) for each in made
    ])  # fmt: skip
    return results, table


@dataclass(frozen=True)
class Made:
    """Lists (n_people, k) at one strength, and their `metrics` per person."""

    strength: float
    lists: Int
    metrics: dict[str, NDArray[np.float64]]

    @classmethod
    def of(cls, strength: float, lists: Int, targets: Histories, k: int) -> Made:
        every = ranking_metrics(ranks_in(lists, targets), targets.rows, len(lists), (k,))
        return cls(strength, lists, {f"{name}@{k}": every[f"{name}@{k}"] for name in METRICS})


def ranks_in(lists: Int, targets: Histories) -> NDArray[np.float64]:
    """(nnz,) place of each held-out item in its person's list, from 1; inf where it is not in it."""
    hits = lists[targets.rows] == targets.items[:, None]
    return np.where(hits.any(axis=1), hits.argmax(axis=1) + 1.0, np.inf)


def base_of(run: Run, asked: Swept, told: Progress) -> Base:
    content = load_checkpoint(run_id=run.pk, purpose=Checkpoint.Purpose.MEASURED)
    if content is None:
        raise Conflict(f"The weights that run {run.pk} was measured by are gone; train it again to try remedies on it.")
    dataset, problems = data_of(run, content, asked, told)
    split = leave_last_out(dataset)
    holdout = split.test
    if len(holdout.people) < LEAST:
        raise Conflict(f"Of fewer than {LEAST} people something was held out, too few to compare strengths by.")
    users = split.full.users.keys[holdout.people]
    if (
        asked.remedy.by_people
        and not asked.remedy.trained
        and asked.groups not in ("", ACTIVITY, *holdout.histories.fields)
    ):
        problems.append(UNKNOWN_THEN.format(asked.groups))
    return Base(run, content, split, users, people_of(run, asked, split, users, problems), problems)


def data_of(run: Run, content: Content, asked: Swept, told: Progress) -> tuple[Dataset, list[str]]:
    """The rows the run learned from; a sentence where some have changed since, Conflict where they must not have."""
    bounds = Bounds(**content.extra["bounds"])
    text = parents.needs_text(run, content.config)
    if text:
        encoding.ensure_vectors(catalog_id=run.catalog_id, newest=bounds.item, report=lambda *_: told.lease.check())
    groups = [asked.groups] if not asked.remedy.trained and asked.groups not in ("", ACTIVITY) else []
    read = load_dataset(catalog_id=run.catalog_id, bounds=bounds, text=text, groups=groups)
    dataset, _ = preparing.prepared(run=run, dataset=read)
    if not np.array_equal(dataset.items.keys, content.items.keys):
        raise Conflict(f"Items were deleted since run {run.pk} was trained; train it again to try remedies on it.")
    if fingerprint(replace(dataset, user_groups={})) == run.data_fingerprint:
        return dataset, []
    changed = f"The data changed since run {run.pk} was trained"
    if asked.remedy.trained:
        raise Conflict(f"{changed}, so trainings would not be like its own; train it again to try this remedy on it.")
    return dataset, [f"{changed}: its points cannot be saved before it is trained again."]


def people_of(run: Run, asked: Swept, split: Split, users: Int, problems: list[str]) -> People:
    """Groupings as an audit has them, items classed as the remedy has them."""
    holdout, items = split.test, split.full.items
    shares = audited_held_out.met_by(holdout.histories, len(items))
    groupings, _ = audited_held_out.groupings_of(run.catalog, users, None, holdout.histories, shares)
    classes = classes_by(asked, split, problems)
    offered = np.ones(len(items), dtype=np.bool_)
    hidden = items.positions(hidden_items(catalog_id=run.catalog_id))
    offered[hidden[hidden >= 0]] = False
    return People(holdout.histories, holdout.targets, shares, offered, classes, tuple(groupings))


def classes_by(asked: Swept, split: Split, problems: list[str]) -> Classes:
    """By what is asked; where no item has such a class, by popularity, which is said. Raises NotTrainable where the
    remedy itself looks at classes."""
    by = asked.by
    try:
        known = classing.known(split.before_test, by)
    except NotTrainable as error:
        if asked.remedy.by_classes:
            raise
        by = classing.POPULARITY
        problems.append(f"{error} Distance to tastes and disparate exposure are told by {by} instead.")
        known = classing.known(split.before_test, by)
    return Classes(by, by.capitalize(), known.class_names, known.members)


def reranked(asked: Swept, base: Base, told: Progress) -> Iterator[Made]:
    """As the algorithm `reranked` does it: what it learns from, and everyone's candidates, are made once."""
    parent = base.content.restore()
    settings = cast(RerankedConfig, RerankedConfig.from_mapping(asked.config(base.run, asked.strengths[0])[1]))
    words = "learning from everyone’s candidates"
    report = told.part(words, 0.05, 0.35).report
    given = Reranked(settings).gathered(base.split.before_test, parent, report)
    histories = base.holdout.histories
    candidates = candidates_of(parent, histories, asked, told)
    for at, strength in enumerate(asked.strengths):
        told.say(f"re-ranking at strength {strength:g}", 0.6 + 0.3 * at / len(asked.strengths))
        lists = Reranked(replace(settings, strength=strength)).learned(given).lists(candidates, histories)
        yield Made.of(strength, lists, base.holdout.targets, asked.k)


def candidates_of(parent: Any, histories: Histories, asked: Swept, told: Progress) -> Candidates:
    found = []
    for start in range(0, len(histories), BATCH):
        told.say("making everyone’s candidates", 0.35 + 0.25 * start / len(histories))
        found.append(
            pool_of(parent, histories.select(np.arange(start, min(start + BATCH, len(histories)))), asked.pool)
        )
    return Candidates(*(np.concatenate([getattr(each, name) for each in found]) for name in ("items", "scores")))


def trained(row: RemedySweep, asked: Swept, base: Base, told: Progress) -> Iterator[Made]:
    """Each strength a run of its own; one that did not succeed is left out, and said."""
    for at, strength in enumerate(asked.strengths):
        low, step = 0.05 + 0.85 * at / len(asked.strengths), 0.85 / len(asked.strengths)
        content: Content | None = base.content
        if strength:
            told.say(f"training at strength {strength:g} ({at} of {len(asked.strengths) - 1})", low)
            content = trained_at(row, asked, strength, told, base.problems)
        if content is None:
            continue
        part = told.part(f"measuring strength {strength:g}", low + 0.8 * step, low + step)
        if not np.array_equal(content.items.keys, base.content.items.keys):
            raise Conflict("Items came or went while the sweep was trained; start it again.")
        dataset = base.split.full
        lists = evaluate(content.restore(), base.holdout, dataset, ks=(asked.k,), progress=part.progress).lists
        yield Made.of(strength, padded(lists, asked.k), base.holdout.targets, asked.k)


def padded(lists: Int, k: int) -> Int:
    return np.pad(lists, ((0, 0), (0, max(0, k - lists.shape[1]))), constant_values=NONE)


def trained_at(row: RemedySweep, asked: Swept, strength: float, told: Progress, problems: list[str]) -> Content | None:
    """The measured weights of the run for a strength: the one there is, else one trained now; None where it failed."""
    run = sweeping.run_at(row, strength)
    if run is None or run.status in (Run.Status.FAILED, Run.Status.CANCELLED):
        with transaction.atomic():
            run = sweeping.made_run(row, asked, strength, by=row.created_by)
            sweeping.remember(row=row, part=sweeping.RUNS, strength=strength, run=run)
    while run.status in Run.LIVE:
        told.lease.check()
        if not training.execute_with_parents(run_id=run.pk):
            time.sleep(WAIT_SECONDS)  # another worker was given it
        run.refresh_from_db()
    told.lease.check()
    if run.status != Run.Status.SUCCEEDED:
        why = f": {run.error}" if run.error else ""
        problems.append(f"Strength {strength:g} is missing: its training {run.get_status_display()}{why}")
        return None
    if run.data_fingerprint != row.run.data_fingerprint:
        problems.append(f"Strength {strength:g} is missing: the data changed while it was trained.")
        return None
    return load_checkpoint(run_id=run.pk, purpose=Checkpoint.Purpose.MEASURED)


def about(asked: Swept, base: Base, drawn: Asked) -> dict[str, Any]:
    remedy = asked.remedy
    return {
        "remedy": remedy.name, "title": remedy.title, "about": remedy.about, "aims": list(remedy.aims),
        "trained": remedy.trained, "by": base.people.classes.name,
        "groups": (asked.groups or ACTIVITY) if remedy.by_people else "", "k": asked.k, "pool": asked.pool,
        "people": len(base.users), "items": int(base.people.offered.sum()), "resamples": drawn.resamples,
        "least": drawn.least, "seed": drawn.seed, "level": drawn.level, "metric": f"ndcg@{asked.k}",
        "run": base.run.pk, "algorithm": base.run.algorithm,
    }  # fmt: skip


def moved(before: Int, after: Int, base: Base) -> dict[str, list[dict[str, Any]]]:
    """Items whose share of all exposure grows most and shrinks most, by their database keys."""
    shares = [Shown.of(lists, base.people.n_items).exposure() for lists in (before, after)]
    shares = [each / max(each.sum(), 1e-300) for each in shares]
    change = shares[1] - shares[0]
    order = np.argsort(change, kind="stable")
    ends = {
        "more": [at for at in order[::-1][:MOVED] if change[at] > 0],
        "less": [at for at in order[:MOVED] if change[at] < 0],
    }
    keys = base.split.full.items.keys
    return {
        end: [{"item": int(keys[at]), "before": round(float(shares[0][at]), 8), "after": round(float(shares[1][at]), 8)}
              for at in found]
        for end, found in ends.items()
    }  # fmt: skip
