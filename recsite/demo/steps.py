"""The steps of the demonstration. Each looks at what is there and does only what is missing, so that a start after a
kill continues where the last one was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from django.utils import timezone

from explain.models import DisparityAudit, Examination
from explain.tasks import start_audit, start_examination
from recommender import tasks
from recommender.algorithms import registry
from recommender.exceptions import RecommenderError
from recommender.models import Catalog, DataImport, Deployment, Run
from recommender.models.leased import Leased
from recommender.services import deploying, importing, parents
from recsite.demo import movielens

CATALOG, TITLE = "movielens", "MovieLens-100K"
METRIC = "ndcg@10"
TRAINED = (
    "random",
    "popularity",
    "item_knn",
    "ease",
    "ials",
    "mf",
    "content",
    "cold_item",
    "ridge_head",
    "sasrec",
    "ensemble",
    "blend",
)
"""One or two of each family, in minutes; the others are a click away."""
SETTINGS: Mapping[str, Mapping[str, Any]] = {"ridge_head": {"use_fields": False}, "blend": {"warm": "ensemble"}}
"""Settings that differ from the defaults: so few people teach more without fields, as validation said (NDCG@10 of new
people after five interactions .485 against .457; popularity .450); people known well are answered by the best there is.
"""
QUICK = {
    "sasrec": {"epochs": 2, "factors": 16, "blocks": 1},
    "ials": {"iterations": 2, "factors": 16},
    "mf": {"epochs": 1, "factors": 8},
    "ridge_head": {"epochs": 1},
    "cold_item": {"epochs": 1},
}
"""Settings of a demonstration that shows the path, not the quality (`--quick`)."""
SERVING = "what serves"
Settings = Mapping[str, Any]
EXAMINED: Mapping[str, Mapping[str, Settings]] = {
    "ease": {
        "global": {"people": 60},
        "trust": {"people": 40, "methods": ["contributions", "shapley_sampling", "ablation"]},
    },
    SERVING: {"global": {"people": 25}},
}
"""Examinations by recommender and kind, of few people and by methods that are quick there, so that all of them take
under a minute. More people and every method are a click away, and so is how far to trust what serves: of a recommender
that is made of others that takes minutes."""
EXAMINED_QUICKLY: Mapping[str, Mapping[str, Settings]] = {
    "ease": {"global": {"people": 25}, "trust": {"people": 20, "methods": ["contributions", "ablation"]}},
}

AUDITED = ("gender", "age")
"""Attributes of people by which what serves is audited."""

Say = Callable[[str], None]


def import_once(given: Path | None, downloads: Path, say: Say) -> Catalog:
    """The catalog with its data."""
    catalog, _ = Catalog.objects.get_or_create(name=CATALOG, defaults={"title": TITLE})
    if catalog.imports.filter(status=DataImport.Status.SUCCEEDED).exists():
        say(f"{TITLE} is imported")
        return catalog
    source = movielens.obtain(given, downloads, say)
    say(f"Importing {source.name}")
    path = str(source.resolve())
    row = importing.create_import(catalog=catalog, source=source.name, options={"path": path}, created_by=None)
    done = importing.run_import(import_id=row.pk)
    counts = {role: done.counts[role] for role in ("users", "items", "interactions")}
    say("Imported " + ", ".join(f"{found['new']:,} {role}" for role, found in counts.items()))
    return catalog


def start_missing(catalog: Catalog, configs: Mapping[str, Mapping[str, Any]]) -> list[Run]:
    """A run of each of TRAINED: the newest that is done or under way, else a new one, enqueued.

    What is made of others is made of these.
    """
    runs: dict[str, Run] = {}
    for algorithm in TRAINED:
        usable = catalog.runs.filter(algorithm=algorithm, status__in=[*Run.LIVE, Run.Status.SUCCEEDED])
        given = {**SETTINGS.get(algorithm, {}), **configs.get(algorithm, {})}
        config = given | parents.made_of_these(algorithm, list(runs.values()), given)
        runs[algorithm] = usable.first() or tasks.start_training(
            catalog=catalog, algorithm=algorithm, config=config, seed=0, by=None
        )
    return list(runs.values())


def follow(runs: Iterable[Run], say: Say, every: float = 0.5) -> list[Run]:
    """Say how far the runs are until all are over, a line per phase and tenth. Returns them as they ended."""
    waiting = {run.pk for run in runs}
    ended: list[Run] = []
    said: dict[int, tuple[Any, ...]] = {}
    while waiting:
        for run in Run.objects.filter(pk__in=waiting).order_by("pk"):
            now = (run.status, run.phase, int(run.progress * 10))
            if said.get(run.pk) != now:
                say(progress_line(run))
                said[run.pk] = now
            if run.status not in Run.LIVE:
                waiting.discard(run.pk)
                ended.append(run)
        if waiting:
            time.sleep(every)
    return ended


def progress_line(run: Run) -> str:
    """One run in one line: how far, how long still, or what became of it."""
    name = f"{run.algorithm:<11}"
    if run.status == Run.Status.SUCCEEDED:
        metric = METRIC if METRIC in run.metrics else "rmse"
        found = run.metrics[metric]
        return f"{name} done: {metric.upper()} {found['value']:.4f} (95%: {found['low']:.4f} to {found['high']:.4f})"
    if run.status not in Run.LIVE:
        return f"{name} {run.get_status_display()}: {run.error}"
    left = max(0, round((run.finishes - timezone.now()).total_seconds())) if run.finishes else None
    ending = f", about {left} s left" if left is not None else ""
    return f"{name} {run.phase or run.get_status_display()}, {run.progress:.0%}{ending}"


def deploy_best(catalog: Catalog, runs: Iterable[Run], say: Say) -> Run:
    """Put the run with the best NDCG@10 of those that adapt to people hardly known into service, or of all where none
    does, unless somebody has already chosen one."""
    serving = Deployment.objects.filter(catalog=catalog).select_related("run").first()
    if serving:
        say(f"{serving.run} serves")
        return serving.run
    done = [run for run in runs if run.status == Run.Status.SUCCEEDED and METRIC in run.metrics]
    if not done:
        raise RecommenderError("No recommender could be trained; the reasons are above and on the page Runs.")
    adapting = [run for run in done if run.algorithm in registry.ADAPTABLE]
    best = max(adapting or done, key=lambda run: run.metrics[METRIC]["value"])
    deploying.deploy_run(run=best, by=None)
    say(f"{best} serves now: the best by NDCG@10{' of those that adapt to people hardly known' if adapting else ''}")
    return best


def examine(
    serving: Run, runs: Iterable[Run], asked: Mapping[str, Mapping[str, Settings]], say: Say
) -> list[Examination]:
    """Have explanations examined as `asked`: what counts for everyone, and how far they can be trusted. What is done or
    under way is not asked for again; one that fails says why and stops nothing."""
    named = {run.algorithm: run for run in runs if run.status == Run.Status.SUCCEEDED} | {SERVING: serving}
    rows = [
        _examination(named[name], kind, settings)
        for name, kinds in asked.items()
        for kind, settings in kinds.items()
        if name in named
    ]
    return [_ended(row, say, "Examining") for row in {row.pk: row for row in rows}.values()]


def _examination(run: Run, kind: str, settings: Settings) -> Examination:
    usable = run.examinations.filter(kind=kind, status__in=[*Run.LIVE, Run.Status.SUCCEEDED])
    return usable.order_by("-id").first() or start_examination(run=run, kind=kind, settings=settings)


def audit(serving: Run, say: Say) -> DisparityAudit:
    """Have the lists of what serves audited by AUDITED, unless that was done or is under way."""
    usable = serving.disparity_audits.filter(status__in=[*Run.LIVE, Run.Status.SUCCEEDED])
    settings = {"groups": list(AUDITED)}
    row = usable.first() or start_audit(catalog=serving.catalog, run=serving, settings=settings)
    return _ended(row, say, "Auditing")


Row = TypeVar("Row", bound=Leased)


def _ended(row: Row, say: Say, what: str, every: float = 0.5) -> Row:
    """The row once it is over, whatever became of it."""
    if row.status in Run.LIVE:
        say(f"{what} {row}")
    while row.status in Run.LIVE:
        time.sleep(every)
        row.refresh_from_db()
    say(f"{row}: {row.error or row.get_status_display()}")
    return row
