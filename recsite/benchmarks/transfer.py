"""Films help with books, and books with films: a ridge head that begins with another catalog's weights, through texts.

MovieLens-1M and goodbooks-10k share neither people nor items. On the one, a ridge head that reads texts alone of an
item's content is trained; with its weights another begins on the other catalog, beside the same learner that begins
with chance, same settings, same data, same seed. The second catalog has just opened (300 people with at most FEW
ratings each to learn from) or is an established one (3,000 people with all of theirs). Asked are ASKED people unknown
to training with up to FEW ratings given (0, 1, 5), full ranking of all items not given, NDCG@10 of all their others.

Five seeds draw people and train; comparisons are paired over people, p by sign flips, after Holm's correction over a
direction's rows. A fifth of the training people, not the asked, chooses when to stop, then all are learned from.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd

from recommender.algorithms import registry
from recommender.algorithms.base import START, Recommender
from recommender.algorithms.ridge_head import RidgeHead
from recommender.data.dataset import Dataset, Histories, Int
from recommender.data.splits import Split
from recommender.data.splits.base import from_end, holdout
from recommender.evaluation.protocol import evaluate, fit_measured
from recommender.evaluation.significance import compare, holm
from recommender.metalearning.episodes import first
from recsite.benchmarks import Say
from recsite.benchmarks.catalogs import books, films

METRIC, SEEDS, LARGEST_P = "ndcg@10", 5, 0.01
FEW, SHOTS = 5, (0, 1, 5)
KINDS = {"opened": (300, FEW), "established": (3000, 1_000_000)}
"""Of each kind of catalog how many people there are to learn from, and how many ratings of each at most."""
ASKED, LEARNED = 400, 6000
KEPT_APART = 10
"""Every tenth person is asked nothing here: settings were chosen on them."""
STEPS: dict[str, dict[str, Any]] = {"with start": {"learning_rate": 1e-3}, "without": {"learning_rate": 3e-3}}
"""What is there needs smaller steps than chance: of 3e-4, 1e-3, 3e-3 and 1e-2 the best for each, on KEPT_APART."""
Key = tuple[str, int, str]
SETTINGS: dict[str, Any] = {"use_text": True, "use_fields": False, "queries": 20}
BEFORE: dict[str, Any] = {"epochs": 5, "hidden_items": 0.7}
AFTER: dict[str, Any] = {"epochs": 8, "batch": 32, "patience": 4}
"""Settings of both trainings, of the first and of the second one, chosen on validation."""


def run(say: Say) -> dict[str, Any]:
    """ours: with a start, peer: without, NDCG@10 of an opened catalog's people after FEW ratings, mean of both ways."""
    catalogs = {"films": films(say), "books": books(say)}
    rows: list[dict[str, Any]] = []
    for source, target in (("books", "films"), ("films", "books")):
        start = learned(catalogs[source], say)
        rows += direction(f"{source} to {target}", start, catalogs[target], say)
    main = [row for row in rows if row["catalog"] == "opened" and row["ratings given"] == FEW]
    ours, peer = (float(np.mean([row[name] for row in main])) for name in ("with start", "without"))
    reached = all(row["above by"] > 0 and row["p"] < LARGEST_P for row in main)
    figures = {"ours": ours, "peer": peer, "ratio": ours / peer, "unit": "NDCG@10"}
    return {**figures, "largest_p": LARGEST_P, "reached": reached, "rows": rows}


def learned(dataset: Dataset, say: Say) -> RidgeHead:
    """A ridge head of LEARNED people, at most."""
    started, rng = time.perf_counter(), np.random.default_rng(0)
    people = eligible(dataset.histories, 2)
    split = divided(dataset, rng.permutation(people)[:LEARNED], np.empty(0, dtype=np.int64), 10**6, rng)
    found = trained(split, BEFORE, {}, 0)
    say(f"learned from {dataset.n_items:,} items in {time.perf_counter() - started:.0f} s")
    return found


def direction(name: str, start: RidgeHead, dataset: Dataset, say: Say, seeds: int = SEEDS) -> list[dict[str, Any]]:
    """A row per kind of catalog and number of ratings given."""
    tables: dict[Key, list[pd.DataFrame]] = {}
    for kind in KINDS:
        for seed in range(seeds):
            found = one(start, dataset, kind, seed)
            for key, table in found.items():
                tables.setdefault(key, []).append(table)
            means = {how: found[kind, FEW, how][METRIC].mean() for how in ("with start", "without", "popularity")}
            say(f"{name}, {kind}, seed {seed}: " + ", ".join(f"{how} {value:.4f}" for how, value in means.items()))
    return rows_of(name, tables)


def one(start: RidgeHead, dataset: Dataset, kind: str, seed: int) -> dict[Key, pd.DataFrame]:
    """Figures per person of one draw: by kind of catalog, number of ratings given, and how it was trained."""
    many, most = KINDS[kind]
    can = eligible(dataset.histories, FEW + 1)
    order = np.random.default_rng([seed, 1]).permutation(can[can % KEPT_APART != 0])
    split = divided(dataset, order[ASKED : ASKED + many], order[:ASKED], most, np.random.default_rng([seed, 2]))
    models = {
        "with start": trained(split, AFTER | STEPS["with start"], {START: start}, seed),
        "without": trained(split, AFTER | STEPS["without"], {}, seed),
        "popularity": popular(split),
    }
    return {(kind, shots, how): after(model, split, shots) for shots in SHOTS for how, model in models.items()}


def rows_of(name: str, tables: Mapping[Key, list[pd.DataFrame]]) -> list[dict[str, Any]]:
    each = {key: pd.concat(found).groupby("user", as_index=False).mean() for key, found in tables.items()}
    rows = []
    for kind, shots in dict.fromkeys((kind, shots) for kind, shots, _ in each):
        ours, peer = each[kind, shots, "with start"], each[kind, shots, "without"]
        found = compare(ours, peer, METRIC)
        rows.append(
            {"direction": name, "catalog": kind, "ratings given": shots, "people": found.people}
            | {how: round(float(each[kind, shots, how][METRIC].mean()), 5)
               for how in ("with start", "without", "popularity")}
            | {"above by": round(found.difference, 5), "low": round(found.low, 5), "high": round(found.high, 5)}
            | {"p": found.p}
        )  # fmt: skip
    adjusted = holm(np.array([row["p"] for row in rows])).tolist()
    return [row | {"p": p} for row, p in zip(rows, adjusted, strict=True)]


@dataclass(frozen=True)
class _Parents:
    found: Mapping[str, Recommender]

    def __call__(self, stage: int) -> Mapping[str, Recommender]:
        return self.found


def trained(split: Split, config: Mapping[str, Any], parents: Mapping[str, Recommender], seed: int) -> RidgeHead:
    settings = registry.config_class("ridge_head").from_mapping({**SETTINGS, **config})
    create = partial(registry.create, "ridge_head")
    told = fit_measured(create, settings, split, seed=seed, report=lambda *_: None, parents=_Parents(parents))
    return cast(RidgeHead, told.model)


def popular(split: Split) -> Recommender:
    rng = np.random.default_rng(0)
    return registry.create("popularity").fit(split.before_test, rng=rng, report=lambda *_: None)


def eligible(histories: Histories, least: int) -> Int:
    return np.flatnonzero(histories.lengths >= least)


def divided(dataset: Dataset, people: Int, asked: Int, most: int, rng: np.random.Generator) -> Split:
    """Training on up to `most` ratings, drawn, of each of `people`, of whom a fifth validates by their last one; the
    test asks about all of `asked`'s in an order drawn at random, of which `after` gives the first."""
    own = shuffled(dataset.histories.select(people), rng)
    own = first(own, most)
    whole = _spread(own, people, dataset.n_users)
    is_last = np.zeros(len(people), dtype=np.bool_)
    is_last[rng.permutation(len(people))[: len(people) // 5]] = True
    held = is_last[own.rows] & (from_end(own) == 0) & (own.lengths > 1)[own.rows]
    train = _spread(own.keep(~held), people, dataset.n_users)
    validated = np.flatnonzero(np.bincount(own.rows[held], minlength=len(people)))
    validation = replace(holdout(validated, own.keep(~held), own.keep(held)), people=people[validated].astype(np.int64))
    test = shuffled(dataset.histories.select(asked), rng)
    nothing = test.keep(np.zeros(len(test.items), dtype=np.bool_))
    return Split(
        train=dataset.with_histories(train),
        validation=validation,
        test=replace(holdout(np.arange(len(asked)), nothing, test), people=asked.astype(np.int64)),
        before_test=dataset.with_histories(whole),
        full=dataset,
    )


def shuffled(histories: Histories, rng: np.random.Generator) -> Histories:
    return histories.take(np.lexsort((rng.random(len(histories.items)), histories.rows)))


def _spread(rows: Histories, people: Int, n: int) -> Histories:
    """The rows of `people` among `n`, all others empty."""
    order = np.argsort(people)
    lengths = np.zeros(n, dtype=np.int64)
    lengths[people] = rows.lengths
    return replace(rows.select(order), indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def after(model: Recommender, split: Split, shots: int) -> pd.DataFrame:
    """Figures per person of the test given the first `shots` ratings, asked about all others."""
    given = first(split.test.targets, shots)
    place = np.arange(len(split.test.targets.items)) - np.repeat(
        split.test.targets.indptr[:-1], split.test.targets.lengths
    )
    test = replace(split.test, histories=given, targets=split.test.targets.keep(place >= shots))
    return evaluate(model, test, split.full).per_user[["user", METRIC]]
