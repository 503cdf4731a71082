"""Which app next, asked in a situation: recommenders that read the context beside the same ones that do not, on Frappe.

The data go through the import and out of the database. Every piece of context counts but `cost` (it says whether the
app that was used is a paid one); how often an app was used is left out too. Questions are `splits.in_context`'s: a
fifth of each person's apps, each asked once in one of its contexts, all other apps ranked, everyone with two apps
counted. Five seeds draw questions and train; a figure is the mean over a person's questions of all seeds, comparisons
are paired over people, p by sign flips, after Holm's correction over the recommenders.

A place hardly seen: of a third of the countries with at least two people training knows nobody; half of the people
there are asked, the others are the context's support, of which 0 to all interactions are given. Nothing is trained
then: `RidgeHead.in_context` counts them.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd
from django.conf import settings

from recommender.algorithms import registry
from recommender.algorithms.base import Recommender
from recommender.algorithms.ridge_head import RidgeHead
from recommender.data.dataset import Dataset, Holdout
from recommender.data.splits import Split
from recommender.data.splits.contextual import in_context, new_contexts, shots_of
from recommender.evaluation.protocol import evaluate, fit_measured
from recommender.evaluation.significance import compare, holm, intervals
from recommender.exceptions import BadInput
from recommender.models import Catalog
from recommender.selectors.dataset import load_dataset
from recommender.services import importing
from recsite.benchmarks import Say

CATALOG, METRIC, SEEDS, LARGEST_P = "benchmark-frappe", "ndcg@10", 5, 0.01
OURS = "ridge_head"
SETTINGS: dict[str, dict[str, Any]] = {
    "ridge_head": {"epochs": 3, "patience": 2, "learning_rate": 0.01, "batch": 32, "queries": 20},
    "fm": {"epochs": 8},
    "ncf": {"epochs": 4},
}
"""What differs from the defaults, chosen on validation."""
PLACE, SHOTS = "country", (0, 5, 20, 100, None)
"""The context that is new, and how many interactions of it are given; None: all of the other half's."""
IGNORED = {"interactions": ["cnt", "cost"], "items": ["package", "icon", "downloads", "rating", "short desc"]}
COLUMNS = {"items.title": "name", "items.categories": "category", "items.creators": "developer", "items.price": ""}


def run(say: Say) -> dict[str, Any]:
    """ours: the ridge head in its context, peer: the same without; rows per recommender, and per number of shots in a
    new place."""
    dataset = frappe(say)
    rows = [beside(name, dataset, say) for name in SETTINGS]
    adjusted = holm(np.array([row["p"] for row in rows])).tolist()
    rows = [row | {"p": p} for row, p in zip(rows, adjusted, strict=True)]
    ours = next(row for row in rows if row["algorithm"] == OURS)
    few = in_new_places(dataset, say)
    figures = {"ours": ours[METRIC], "peer": ours["without"], "ratio": ours[METRIC] / ours["without"]}
    reached = ours["above by"] > 0 and ours["p"] < LARGEST_P
    return {**figures, "unit": "NDCG@10", "largest_p": LARGEST_P, "reached": reached, "rows": [*rows, *few]}


def frappe(say: Say) -> Dataset:
    """The arrays of a catalog that is imported for this and removed again."""
    folder = settings.DATASETS_DIR / "frappe" / "frappe" if settings.DATASETS_DIR else None
    if folder is None or not (folder / "frappe.csv").is_file():
        raise BadInput("The benchmark needs Frappe: set DATASETS_DIR to a folder that holds frappe.")
    Catalog.objects.filter(name=CATALOG).delete()
    catalog = Catalog.objects.create(name=CATALOG)
    try:
        options = {"path": str(folder / "frappe.csv"), "items": str(folder / "meta.csv")}
        row = importing.create_import(
            catalog=catalog, source="frappe", format="csv",
            options=options | {"columns": COLUMNS, "ignored": IGNORED},
        )  # fmt: skip
        importing.run_import(import_id=row.pk)
        say("imported Frappe")
        return load_dataset(catalog_id=catalog.pk)
    finally:
        catalog.delete()


def beside(name: str, dataset: Dataset, say: Say, seeds: int = SEEDS) -> dict[str, Any]:
    """A recommender with its context against itself without."""
    started, tables = time.perf_counter(), dict[bool, list[pd.DataFrame]]()
    for seed in range(seeds):
        for use in (True, False):
            split = in_context(dataset, seed=seed)
            config = registry.config_class(name).from_mapping(SETTINGS[name] | {"use_context": use})
            create = partial(registry.create, name)
            model = fit_measured(create, config, split, seed=seed, report=lambda *_: None).model
            tables.setdefault(use, []).append(per_question(model, split.test, dataset))
            say(f"{name} seed {seed} {'with' if use else 'without'} context: {tables[use][-1][METRIC].mean():.4f}")
    each = {use: per_person(found) for use, found in tables.items()}
    row = {"algorithm": name} | compared(each[True], each[False])
    return row | {"seconds": round((time.perf_counter() - started) / (2 * seeds), 1)}


def compared(ours: pd.DataFrame, peer: pd.DataFrame) -> dict[str, Any]:
    """Means over people, and their paired difference."""
    found = compare(ours, peer, METRIC)
    of_ours = intervals(ours)[METRIC]
    return {
        "people": found.people,
        METRIC: round(float(ours[METRIC].mean()), 5),
        "low": round(of_ours.low, 5),
        "high": round(of_ours.high, 5),
        "without": round(float(peer[METRIC].mean()), 5),
        "above by": round(found.difference, 5),
        "difference low": round(found.low, 5),
        "difference high": round(found.high, 5),
        "p": found.p,
    }


def per_question(model: Recommender, holdout: Holdout, dataset: Dataset) -> pd.DataFrame:
    return evaluate(model, holdout, dataset).per_user[["user", METRIC]]


def per_person(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """The mean over all questions of a person, whichever seed drew them."""
    return pd.concat(tables).groupby("user", as_index=False).mean()


def in_new_places(dataset: Dataset, say: Say, seeds: int = SEEDS) -> list[dict[str, Any]]:
    """A row per number of shots: the ridge head given so much of a country that training did not know, against the
    same without context."""
    tables = []
    for seed in range(seeds):
        tables.append(place(dataset, seed))
        said = ", ".join(f"{how} {table[METRIC].mean():.4f}" for how, table in tables[-1].items())
        say(f"new places, seed {seed}: {said}")
    return rows_of_places(tables)


def place(dataset: Dataset, seed: int) -> dict[str, pd.DataFrame]:
    """Figures per question without context and after each of SHOTS, of one draw of new places."""
    new = new_contexts(dataset, PLACE, seed=seed)
    models = {use: _trained(new.split, use, seed) for use in (True, False)}
    found = {"without": per_question(models[False], new.split.test, dataset)}
    for shots in SHOTS:
        support = new.others
        if shots is not None:
            support = shots_of(new.others, PLACE, shots, np.random.default_rng([seed, shots]))
        found[named(shots)] = per_question(models[True].in_context(support), new.split.test, dataset)
    return found


def rows_of_places(tables: list[dict[str, pd.DataFrame]]) -> list[dict[str, Any]]:
    each = {how: per_person([found[how] for found in tables]) for how in tables[0]}
    rows = [{"algorithm": OURS, "shots in a new place": named(shots)} | compared(each[named(shots)], each["without"])
            for shots in SHOTS]  # fmt: skip
    adjusted = holm(np.array([row["p"] for row in rows])).tolist()
    return [row | {"p": p} for row, p in zip(rows, adjusted, strict=True)]


def named(shots: int | None) -> str:
    return "all" if shots is None else str(shots)


def _trained(split: Split, use: bool, seed: int) -> RidgeHead:
    config = registry.config_class(OURS).from_mapping(SETTINGS[OURS] | {"use_context": use})
    create = partial(registry.create, OURS)
    return cast(RidgeHead, fit_measured(create, config, split, seed=seed, report=lambda *_: None).model)
