"""The ensemble against each of its parts on MovieLens-1M: leave-last-out, NDCG@10, paired over people.

The data go through the import and out of the database. Every part is trained here, once without the validation's
answers (weights are learned from those) and once with them (those are measured, and joined by these weights). The
peer is the best part. p is two-sided, by sign flips of each person's difference, after Holm's correction.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import pandas as pd
from django.conf import settings

from recommender.algorithms import registry
from recommender.algorithms.ensemble import Ensemble
from recommender.data.dataset import Dataset
from recommender.data.splits import leave_last_out
from recommender.evaluation.protocol import evaluate
from recommender.evaluation.significance import compare, holm
from recommender.exceptions import BadInput
from recommender.models import Catalog
from recommender.selectors.dataset import load_dataset
from recommender.services import importing
from recsite.benchmarks import Say
from recsite.benchmarks.quality import METRIC, Kept, trained

CATALOG = "benchmark-ensemble"
LARGEST_P = 0.01
SETTINGS: dict[str, dict[str, Any]] = {
    "sasrec": {"length": 200, "epochs": 8, "dropout": 0.1, "hidden_items": 0.0, "weight_decay": 0.1}
}
"""What differs from the defaults on MovieLens-1M, chosen on validation: people have met more here, and there is more to
learn from."""


def run(say: Say) -> dict[str, Any]:
    """ours: the ensemble, peer: its best part; a row per recommender with its distance to the ensemble."""
    dataset = movielens_1m(say)
    split = leave_last_out(dataset)
    config = registry.config_class("ensemble")()
    kept: Kept = {}
    tables, seconds = {}, {}
    for name in (*registry.parents("ensemble", config), "ensemble"):
        started = time.perf_counter()
        of_it = config if name == "ensemble" else registry.config_class(name).from_mapping(SETTINGS.get(name, {}))
        kept[name, 0] = trained(name, of_it, split, 0, kept)
        seconds[name] = time.perf_counter() - started
        tables[name] = evaluate(kept[name, 0].model, split.test, dataset).per_user
        say(f"{name}: {tables[name][METRIC].mean():.4f} after {seconds[name]:.0f} s")
    weights = cast(Ensemble, kept["ensemble", 0].model).weights()
    return summary(tables, seconds, weights)


def summary(tables: dict[str, pd.DataFrame], seconds: dict[str, float], weights: dict[str, float]) -> dict[str, Any]:
    """Figures from metrics per person of the ensemble and its parts."""
    against = {name: compare(tables["ensemble"], tables[name], METRIC) for name in weights}
    adjusted = dict(zip(weights, holm(np.array([each.p for each in against.values()])).tolist(), strict=True))
    ours, peer = (float(value) for value in (tables["ensemble"][METRIC].mean(),
                                             max(tables[name][METRIC].mean() for name in weights)))  # fmt: skip
    rows = [
        {
            "algorithm": name,
            METRIC: round(float(tables[name][METRIC].mean()), 5),
            "weight": round(weights[name], 4),
            "ensemble above by": round(against[name].difference, 5),
            "p": adjusted[name],
            "seconds": round(seconds[name], 1),
        }
        for name in weights
    ]
    reached = all(against[name].difference > 0 and adjusted[name] < LARGEST_P for name in weights)
    rows.append({"algorithm": "ensemble", METRIC: round(ours, 5), "seconds": round(seconds["ensemble"], 1)})
    figures = {"ours": ours, "peer": peer, "ratio": ours / peer, "unit": "NDCG@10"}
    return figures | {"people": len(tables["ensemble"]), "rows": rows, "largest_p": LARGEST_P, "reached": reached}


def movielens_1m(say: Say) -> Dataset:
    """The arrays of a catalog that is imported for this and removed again."""
    with catalog_1m(CATALOG, say) as catalog:
        return load_dataset(catalog_id=catalog.pk)


@contextmanager
def catalog_1m(name: str, say: Say) -> Iterator[Catalog]:
    """MovieLens-1M as a catalog, for the block. Raises BadInput where it is not there."""
    folder = settings.DATASETS_DIR / "ml-1m" if settings.DATASETS_DIR else None
    if folder is None or not (folder / "ratings.dat").is_file():
        raise BadInput("The benchmark needs MovieLens-1M: set DATASETS_DIR to a folder that holds ml-1m.")
    Catalog.objects.filter(name=name).delete()
    catalog = Catalog.objects.create(name=name)
    try:
        row = importing.create_import(catalog=catalog, source="ml-1m", options={"path": str(folder)})
        importing.run_import(import_id=row.pk)
        say("imported MovieLens-1M")
        yield catalog
    finally:
        catalog.delete()
