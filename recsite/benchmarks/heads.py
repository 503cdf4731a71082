"""Learning ratings and what is taken over shared layers, together and alone: maml on MovieLens-100K, for new people
after a few interactions.

The data go through the import and out of the database. A fifth of the people is new, as `cold-users` divides, with
SHOTS interactions each; everything else they did is asked. All settings but `loss` are the defaults.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd

from recommender.algorithms import registry
from recommender.algorithms.base import RatingPredictor, Recommender
from recommender.data.dataset import Dataset, Holdout
from recommender.data.preparation import rated
from recommender.data.splits import held_out_people
from recommender.evaluation.protocol import evaluate, fit_measured
from recommender.evaluation.rating import rating_table
from recommender.evaluation.significance import compare
from recsite.benchmarks import Say
from recsite.benchmarks.quality import METRIC, movielens_100k

LEARNER, SHOTS, SEEDS = "maml", 5, 3
LOSSES = ("both", "ranking", "rating")
MAE = "mae_person"


def run(say: Say) -> dict[str, Any]:
    """ours: NDCG@10 of both together, peer: of ranking alone; a row per loss with the errors of ratings too."""
    return summary(measured(movielens_100k(say), range(SEEDS), say))


def measured(dataset: Dataset, seeds: range, say: Say) -> dict[str, pd.DataFrame]:
    """Metrics per person of each loss, the people of all seeds below each other."""
    found: dict[str, list[pd.DataFrame]] = {loss: [] for loss in LOSSES}
    for seed in seeds:
        split = held_out_people(dataset, shots=SHOTS, seed=seed)
        for loss in LOSSES:
            config = registry.config_class(LEARNER).from_mapping({"loss": loss})
            model = fit_measured(
                partial(registry.create, LEARNER), config, split, seed=seed, report=lambda *_: None
            ).model
            table = per_person(model, split.test, dataset, loss).assign(
                user=lambda each, at=seed: each["user"] + at * 10**9
            )
            found[loss].append(table)
            say(f"{loss} seed {seed}: {told(table)}")
    return {loss: pd.concat(tables, ignore_index=True) for loss, tables in found.items()}


def per_person(model: Recommender, test: Holdout, dataset: Dataset, loss: str) -> pd.DataFrame:
    """NDCG@10 where it ranks, the mean absolute error where it rates."""
    table = evaluate(model, test, dataset).per_user[["user", METRIC]]
    if loss == "rating":
        table = table.drop(columns=METRIC)
    if loss != "ranking":
        asked = test.targets.keep(rated(test.targets))
        said = cast(RatingPredictor, model).predict(test.histories, asked.rows, asked.items)
        errors = rating_table(said.astype(np.float64), asked.values.astype(np.float64), asked.rows, len(test.people))
        table = table.assign(**{MAE: errors[MAE].to_numpy()})
    return table


def told(table: pd.DataFrame) -> str:
    return ", ".join(f"{name} {table[name].mean():.4f}" for name in (METRIC, MAE) if name in table)


def summary(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Figures, and what both together differ from each alone by."""
    rows = []
    for loss, table in tables.items():
        row: dict[str, Any] = {"loss": loss}
        for name in (METRIC, MAE):
            if name in table:
                row[name] = round(float(table[name].mean()), 4)
                if loss != "both":
                    against = compare(tables["both"], table, name)
                    row |= {"both above by": round(against.difference, 4), "p": against.p}
        rows.append(row)
    ours, peer = (float(tables[loss][METRIC].mean()) for loss in ("both", "ranking"))
    figures = {"ours": ours, "peer": peer, "ratio": ours / peer, "unit": METRIC.upper()}
    return figures | {"people": len(tables["both"]), "rows": rows}
