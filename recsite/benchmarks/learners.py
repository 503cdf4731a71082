"""Which learner wins where: every learner, floor and peer on new people, new items and both, by number of shots.

MovieLens-1M. Each seed draws a fifth of the people and of the films to be new, trains everything once on the rest, and
asks up to ASKED people of each scenario. What is given are the first 0 to 20 of one random order of a person's own
interactions, what is asked are always those after the twentieth: all columns of a table ask the same of the same
people. A person's figure is the mean over seeds; intervals are over people (bootstrap), p over people by sign flips,
after Holm's correction over a table. Every tenth person is asked nothing here: settings were chosen on these.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from django.conf import settings

from recommender.algorithms import registry
from recommender.algorithms.base import Recommender
from recommender.data.dataset import Dataset
from recommender.evaluation.cold_start.by_shots import Asked, divided, drawn, gains
from recommender.evaluation.cold_start.protocols import (
    SCENARIOS,
    Case,
    Partition,
    absolute_errors,
    exponential_gain,
    top_five,
)
from recommender.evaluation.cold_start.tuned import FLOORS, Predict, chosen, described
from recsite.benchmarks import Say
from recsite.benchmarks.learners_told import summary
from recsite.benchmarks.melu import catalog

SEEDS, SHOTS, ASKED, SHARE = 5, (0, 1, 3, 5, 10, 20), 400, 0.2
TRAINED = 2000
"""People whom everything learns from: all of them would take hours of a core."""
KEPT_APART, VALIDATION, TUNED_AT = 10, 1000, (1, 5, 20)
"""Every tenth person is asked in validation only; the seed by which that draws its new films; the numbers of shots at
which floors are tuned."""
LISTS: dict[str, dict[str, Any]] = {
    "popularity": {},
    "content": {"half_life": 0.0},
    "item_knn": {"half_life": 0.0, "neighbours": 500, "shrink": 100.0},
    "ease": {"half_life": 0.0, "regularization": 20_000.0},
}
GRADIENT: dict[str, Any] = {"epochs": 8, "queries": 100}
LEARNERS: dict[str, dict[str, Any]] = {
    "ridge_head": {"use_text": True, "use_fields": False, "epochs": 25, "learning_rate": 0.015, "queries": 200},
    "neural_process": {
        "use_text": True, "loss": "rating", "epochs": 10, "batch": 48, "learning_rate": 0.004, "weight_decay": 0.05,
    },
    "prototypes": {"epochs": 10, "cuts": 4},
    "maml": GRADIENT,
    "fomaml": GRADIENT,
    "anil": GRADIENT,
    "reptile": GRADIENT,
    "cold_item": {},
}  # fmt: skip
"""What differs from the defaults, chosen on validation."""
KNOWN_ITEMS = ("item_knn", "ease")
"""They know nothing of new items."""


@dataclass(frozen=True)
class Contender:
    """What makes lists, what predicts ratings, or both."""

    model: Recommender | None
    predict: Predict | None
    scenarios: tuple[str, ...] = SCENARIOS


def run(say: Say) -> dict[str, Any]:
    """ours: ridge_head, peer: item_knn, NDCG@10 of new people after five interactions."""
    dataset = catalog(say)
    options = tuned(dataset, say)
    found = [seed_of(dataset, seed, options, say) for seed in range(SEEDS)]
    return summary(pd.concat(found, ignore_index=True), say)


def division(dataset: Dataset, seed: int | None) -> Partition:
    """Who is new: drawn by the seed from all but those kept apart, or (None, for validation) just these. TRAINED of
    the others are learned from."""
    met = np.flatnonzero(dataset.histories.lengths)
    apart, others = met[met % KEPT_APART == 0], met[met % KEPT_APART != 0]
    order = np.random.default_rng([VALIDATION if seed is None else seed, 0]).permutation(others)
    new, rest = (apart, order) if seed is None else np.split(order, [int(SHARE * len(met))])
    part = np.isin(dataset.histories.rows, np.concatenate([new, rest[:TRAINED]]))
    return divided(dataset.with_histories(dataset.histories.keep(part)), new, VALIDATION if seed is None else seed)


def tuned(dataset: Dataset, say: Say) -> dict[str, Any]:
    """The option of each floor that errs least on the people kept apart and films drawn for it."""
    given = division(dataset, None)
    asked, content = drawn(given, SHOTS, ASKED, VALIDATION), described(given.train)
    cases = [each.cases[shots] for each in asked.values() for shots in TUNED_AT]
    found = {}
    for name, floor in FLOORS.items():
        found[name] = chosen(floor, given.train, cases, content)[0]
        say(f"{name}: {found[name]}")
    return found


def seed_of(dataset: Dataset, seed: int, options: Mapping[str, Any], say: Say) -> pd.DataFrame:
    """A row per contender, scenario, number of shots and person."""
    given = division(dataset, seed)
    asked = drawn(given, SHOTS, ASKED, seed)
    tables = []
    for name, make in contenders(given, seed, options):
        started = time.perf_counter()
        of = ({**LISTS, **LEARNERS}.get(name), options.get(name), SHOTS, ASKED, SHARE, TRAINED)
        mark = hashlib.sha256(repr((name, of)).encode()).hexdigest()[:16]
        table = kept(f"{seed}-{name.replace(' ', '-')}-{mark}", lambda make=make: measured(make(), asked))  # type: ignore[misc]
        tables.append(table.assign(contender=name, seed=seed))
        say(f"seed {seed}, {name} ({time.perf_counter() - started:.0f} s): {told(table)}")
    return pd.concat(tables, ignore_index=True)


def kept(name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """A table from the disk, so that a run that was stopped goes on: delete the folder to measure again."""
    place: Path = settings.DATA_DIR / "benchmarks" / "learners" / f"{name}.parquet"
    if not place.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        make().to_parquet(place)
    return pd.read_parquet(place)


def told(table: pd.DataFrame) -> str:
    """NDCG@10 and MAE after five interactions."""
    means = table[table["shots"] == 5].groupby("scenario")[["ndcg@10", "mae"]].mean()
    return "; ".join(f"{name} {lists:.4f} and {mae:.4f}" for name, lists, mae in means.itertuples(name=None))


def contenders(
    given: Partition, seed: int, options: Mapping[str, Any]
) -> Iterator[tuple[str, Callable[[], Contender]]]:
    content = described(given.train)
    for name, option in options.items():
        yield name, lambda name=name, option=option: Contender(None, FLOORS[name].make(given.train, option, content))
    for name, config in {**LISTS, **LEARNERS}.items():
        yield name, lambda name=name, config=config: contender(name, config, given.train, seed)


def contender(name: str, config: Mapping[str, Any], train: Dataset, seed: int) -> Contender:
    model, loss = trained(name, config, train, seed), config.get("loss", "both")
    rates = "rating" in registry.abilities(name) and loss != "ranking"
    return Contender(
        None if loss == "rating" else model,
        (lambda case: _predicted(model, case)) if rates else None,
        SCENARIOS[:1] if name in KNOWN_ITEMS else SCENARIOS,
    )


def trained(name: str, config: Mapping[str, Any], train: Dataset, seed: int) -> Recommender:
    made = registry.config_class(name).from_mapping(config)
    model = registry.create(name, made)
    parents = {each: trained(each, {}, train, seed) for each in registry.parents(name, made)}
    return model.fit(train, parents=parents, rng=np.random.default_rng(seed), report=lambda *_: None)


def _predicted(model: Any, case: Case) -> Any:
    return model.predict(case.support, case.query.rows, case.query.items).astype(np.float64)


def measured(each: Contender, asked: Mapping[str, Asked]) -> pd.DataFrame:
    """A row per scenario, number of shots and person (position); nan for what a contender does not do."""
    return pd.concat(
        [
            one(each, asked[name], shots).assign(scenario=name, shots=shots)
            for name in each.scenarios
            for shots in SHOTS
        ],
        ignore_index=True,
    )


def one(each: Contender, asked: Asked, shots: int) -> pd.DataFrame:
    case = asked.cases[shots]
    table = pd.DataFrame({"user": case.people, "ndcg@10": np.nan, "mae": np.nan, "ndcg@5": np.nan})
    table["ndcg@5_exponential"] = np.nan
    if each.model is not None:
        table["ndcg@10"] = gains(each.model, asked, shots)
    if each.predict is not None:
        said = each.predict(case)
        table["mae"], table["ndcg@5"] = absolute_errors(said, case.query), top_five(said, case.query)[1]
        table["ndcg@5_exponential"] = exponential_gain(said, case.query)
    return table
