"""Predicted ratings on MovieLens-100K's official folds u1 to u5: mf beside the bias model.

The data go through the import and out of the database; the folds are those of the published files u1.test … u5.test.
The peer predicts μ + b(u) + b(i), shrunk (Koren, KDD 2008), with the two shrinkages that do best on a tenth of the
fold's training ratings. The bar is the mean RMSE over the folds, at default settings; further recommenders that
predict ratings stand beside.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from recommender.algorithms import registry
from recommender.algorithms.base import RatingPredictor
from recommender.data.dataset import Dataset, Histories, Holdout, IdMap, Int
from recommender.data.splits.base import Split, in_order
from recommender.data.splits.folds import fold
from recommender.evaluation.protocol import fit_measured
from recommender.exceptions import BadInput
from recommender.models import EndUser, Item
from recsite.benchmarks import Say
from recsite.benchmarks.quality import movielens_100k

BAR, FOLDS = 0.92, 5
SHRINKAGES = (1.0, 3.0, 5.0, 10.0, 25.0)
Values = NDArray[np.float64]


def run(say: Say) -> dict[str, Any]:
    """ours: mf, peer: the bias model, both mean RMSE over the folds (less is better); a row per fold and kind."""
    dataset = movielens_100k(say)
    splits = official(dataset)
    ours = [row for name in registry.RATING for row in predicted(name, splits, say)]
    peer = [measured("bias model", at, *biased(split)) for at, split in enumerate(splits, start=1)]
    means = {name: mean(name, ours + peer) for name in [*registry.RATING, "bias model"]}
    for name, value in means.items():
        say(f"{name}: RMSE {value:.4f} over {FOLDS} folds")
    return {
        "ours": means["mf"],
        "peer": means["bias model"],
        "ratio": means["mf"] / means["bias model"],
        "unit": "RMSE",
        "bar": BAR,
        "reached": means["mf"] <= BAR,
        "means": {name: round(value, 5) for name, value in means.items()},
        "rows": ours + peer,
    }


def official(dataset: Dataset) -> list[Split]:
    """The five published splits of the same 100,000 ratings."""
    folder = settings.DATASETS_DIR / "ml-100k" if settings.DATASETS_DIR else None
    if folder is None or not (folder / "u1.test").is_file():
        raise BadInput("The benchmark needs MovieLens-100K's folds: set DATASETS_DIR to a folder that holds ml-100k.")
    histories = in_order(dataset)
    users, items = client_ids(EndUser, dataset.users), client_ids(Item, dataset.items)
    place = {pair: at for at, pair in enumerate(zip(users[histories.rows], items[histories.items], strict=True))}
    folds = np.full(len(histories.items), -1)
    for number in range(FOLDS):
        rows = np.loadtxt(folder / f"u{number + 1}.test", dtype=np.int64, usecols=(0, 1))
        folds[[place[user, item] for user, item in rows.astype(str)]] = number
    if (folds < 0).any():
        raise BadInput("The catalog holds ratings that are in no fold: import MovieLens-100K into an empty catalog.")
    return [fold(dataset, histories, folds, at, np.random.default_rng(at)) for at in range(FOLDS)]


def client_ids(model: type[EndUser] | type[Item], known: IdMap) -> NDArray[np.str_]:
    found = dict(model.objects.filter(pk__in=known.keys.tolist()).values_list("pk", "client_id"))
    return np.array([found[key] for key in known.keys.tolist()])


def predicted(name: str, splits: list[Split], say: Say) -> list[dict[str, Any]]:
    """A row per fold: a training with the default settings on what is not tested, and its errors on what is."""
    rows = []
    for at, split in enumerate(splits, start=1):
        started = time.perf_counter()
        fitted = fit_measured(
            lambda chosen: registry.create(name, chosen), registry.config_class(name)(), split, seed=0,
            report=lambda *_: None,
        )  # fmt: skip
        assert isinstance(fitted.model, RatingPredictor)
        asked = split.test
        found = fitted.model.predict(asked.histories, asked.targets.rows, asked.targets.items)
        row = measured(name, at, found.astype(np.float64), asked.targets.values)
        rows.append(row | {"seconds": round(time.perf_counter() - started, 1)})
        say(f"{name} u{at}: RMSE {row['rmse']:.4f}, MAE {row['mae']:.4f}, {rows[-1]['seconds']} s")
    return rows


def measured(name: str, at: int, found: Values, given: Values) -> dict[str, Any]:
    error = found - given
    rmse, mae = float(np.sqrt(np.mean(error**2))), float(np.abs(error).mean())
    return {"algorithm": name, "fold": f"u{at}", "rmse": round(rmse, 5), "mae": round(mae, 5)}


def mean(name: str, rows: list[dict[str, Any]]) -> float:
    return float(np.mean([row["rmse"] for row in rows if row["algorithm"] == name]))


def biased(split: Split) -> tuple[Values, Values]:
    """Predicted and given ratings of the test, by the bias model whose shrinkages validation chose."""
    options = itertools.product(SHRINKAGES, SHRINKAGES)
    best = min(options, key=lambda pair: squared(*bias_model(split.train.histories, split.validation, *pair)))
    return bias_model(split.before_test.histories, split.test, *best)


def squared(found: Values, given: Values) -> float:
    return float(np.mean((found - given) ** 2))


def bias_model(known: Histories, asked: Holdout, of_items: float, of_people: float) -> tuple[Values, Values]:
    """b(i) = Σ (r − μ) / (λ_i + n_i), then b(u) = Σ (r − μ − b(i)) / (λ_u + n_u); held within the scale."""
    values = known.values.astype(np.float64)
    overall = values.mean()
    n_items = int(max(known.items.max(), asked.targets.items.max())) + 1
    items = _shrunk(values - overall, known.items, n_items, of_items)
    people = _shrunk(values - overall - items[known.items], known.rows, len(known), of_people)
    found = overall + people[asked.people[asked.targets.rows]] + items[asked.targets.items]
    return np.clip(found, values.min(), values.max()), asked.targets.values.astype(np.float64)


def _shrunk(values: Values, at: Int, n: int, shrinkage: float) -> Values:
    sums, counts = np.bincount(at, weights=values, minlength=n), np.bincount(at, minlength=n)
    return sums / (counts + shrinkage)
