"""People and items hardly seen: MeLU-4 and ten percent on MovieLens-1M, every floor and learner in one run.

Five drawings of what is given and asked; a person's figure is the mean over them, intervals are over people (bootstrap)
and p over people by sign flips against the hybrid floor. Floors are tuned on people and films cut from the training
part, and so are the levels that whole-star decisions cut at; the learners' settings were chosen there too.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from recommender.algorithms import registry
from recommender.algorithms.neural_process import NeuralProcess
from recommender.evaluation.cold_start.floors import LinearFloor
from recommender.evaluation.cold_start.protocols import (
    PROTOCOLS,
    SCENARIOS,
    Case,
    Partition,
    absolute_errors,
    exponential_gain,
    top_five,
)
from recommender.evaluation.cold_start.stars import Levels
from recommender.evaluation.cold_start.tuned import FLOORS, Predict, chosen, described
from recommender.evaluation.significance import compare, intervals
from recommender.metalearning.attention import least_error, median
from recsite.benchmarks import Say, cold_start_limits
from recsite.benchmarks.melu import partition, validation

DRAWINGS, ASKED_TO_TUNE = 5, 300
BARS = {
    ("melu-4", "mae"): (0.68, 0.84, 0.84),
    ("melu-4", "mae_level"): (0.65, 0.81, 0.81),
    ("ten percent", "p@5"): (0.62, 0.54, 0.52),
    ("ten percent", "ndcg@5"): (0.89, 0.83, 0.815),
}
LEARNERS: dict[str, dict[str, Any]] = {
    "ridge_head": {"loss": "rating", "use_text": True, "most": 2000},
    "neural_process": {
        "loss": "rating", "use_text": True, "most": 2000, "shots": 60, "epochs": 15, "batch": 48,
        "learning_rate": 0.004, "weight_decay": 0.05,
    },
}  # fmt: skip
"""What is trained, with settings chosen on validation."""
Values = NDArray[np.float64]
Decide = Callable[[Case, str, Values], tuple[Values, Values]]
"""Of a scenario and predicted ratings: what is said to have the least absolute error, between levels and as a level."""
Cases = dict[tuple[str, str], list[Case]]


@dataclass(frozen=True)
class Contender:
    name: str
    predict: Predict
    decide: Decide
    seconds: float


def run(say: Say) -> dict[str, Any]:
    """ours: neural_process, peer: the hybrid floor, MAE of new people; a row per contender, protocol and scenario."""
    whole = partition(say)
    inner = validation(whole)
    cases = drawn(whole, DRAWINGS)
    tables: dict[str, dict[tuple[str, str], pd.DataFrame]] = {}
    rows: list[dict[str, Any]] = []
    for contender in itertools.chain(floors(whole, inner, say), learners(whole, say)):
        if isinstance(contender.predict, LinearFloor):
            hybrid = contender.predict  # the last of the linear floors
        tables[contender.name] = measured(contender, cases)
        found = [row for at in cases for row in rows_of(contender, at, tables)]
        rows += found
        for row in found:
            say(", ".join(f"{name} {value}" for name, value in row.items()))
    ours, peer = (tables[name]["melu-4", "new people"]["mae"].mean() for name in ("neural_process", "hybrid"))
    return {
        "ours": ours,
        "peer": peer,
        "ratio": ours / peer,
        "unit": "MAE of new people",
        "bars": bars(tables),
        "rows": rows,
        "limits": cold_start_limits.rows(whole, hybrid),
    }


def drawn(given: Partition, drawings: int, most: int | None = None) -> Cases:
    found: Cases = {}
    for at, (protocol, draw) in enumerate(PROTOCOLS.items()):
        for scenario in SCENARIOS:
            several = [draw(given, scenario, np.random.default_rng([seed, at])) for seed in range(drawings)]
            found[protocol, scenario] = [_some(case, most) for case in several]
    return found


def _some(case: Case, most: int | None) -> Case:
    if most is None or len(case.people) <= most:
        return case
    at = np.random.default_rng(0).permutation(len(case.people))[:most]
    return Case(case.people[at], case.given.select(at), case.query.select(at), case.known.select(at))


def measured(contender: Contender, cases: Cases) -> dict[tuple[str, str], pd.DataFrame]:
    """Per protocol and scenario a table with a row per person: means over the drawings."""
    found = {}
    for (protocol, scenario), several in cases.items():
        tables = [of_case(contender, protocol, scenario, case) for case in several]
        found[protocol, scenario] = pd.concat(tables).groupby("user", as_index=False).mean()
    return found


def of_case(contender: Contender, protocol: str, scenario: str, case: Case) -> pd.DataFrame:
    said = contender.predict(case)
    table = {"user": case.people}
    if protocol == "melu-4":
        between, level = contender.decide(case, scenario, said)
        several = {"mae": said, "mae_median": between, "mae_level": level}
        return pd.DataFrame(table | {name: absolute_errors(each, case.query) for name, each in several.items()})
    precision, gain = top_five(said, case.query)
    return pd.DataFrame(
        table | {"p@5": precision, "ndcg@5": gain, "ndcg@5_exponential": exponential_gain(said, case.query)}
    )


def rows_of(
    contender: Contender, at: tuple[str, str], tables: dict[str, dict[tuple[str, str], pd.DataFrame]]
) -> Iterator[dict[str, Any]]:
    """A row per metric: value, interval, and where the hybrid was measured before, the difference to it."""
    table, rival = tables[contender.name][at], tables.get("hybrid", {}).get(at)
    for metric, interval in intervals(table).items():
        row = {"contender": contender.name, "protocol": at[0], "scenario": at[1], "metric": metric}
        row |= {name: round(value, 4) for name, value in interval.as_dict().items()}
        row |= {"people": len(table), "seconds": round(contender.seconds, 1)}
        if rival is not None and contender.name != "hybrid":
            apart = compare(table, rival, metric)
            row |= {"against_hybrid": round(apart.difference, 4), "p": round(apart.p, 5)}
        yield row


def bars(tables: dict[str, dict[tuple[str, str], pd.DataFrame]]) -> list[dict[str, Any]]:
    """Every bar beside the best floor and each learner."""
    found = []
    for (protocol, metric), wanted in BARS.items():
        for scenario, bar in zip(SCENARIOS, wanted, strict=True):
            values = {name: float(each[protocol, scenario][metric].mean()) for name, each in tables.items()}
            down = metric.startswith("mae")
            best = (min if down else max)(values[name] for name in LEARNERS)
            row = {"protocol": protocol, "metric": metric, "scenario": scenario, "bar": bar}
            row |= {name: round(values[name], 4) for name in ("hybrid", *LEARNERS)}
            found.append(row | {"reached": best <= bar if down else best >= bar})
    return found


def learners(whole: Partition, say: Say) -> Iterator[Contender]:
    for name, settings in LEARNERS.items():
        started = time.perf_counter()
        config = registry.config_class(name).from_mapping(settings)
        model: Any = registry.create(name, config)
        model.fit(whole.train, rng=np.random.default_rng(0), report=lambda *_: None)
        seconds = time.perf_counter() - started
        say(f"{name}: trained in {seconds:.0f} s")
        if isinstance(model, NeuralProcess):
            yield Contender(name, *decoded(model), seconds)
        else:
            yield Contender(name, lambda case, model=model: _predicted(model, case), unchanged, seconds)  # type: ignore[misc]


def _predicted(model: Any, case: Case) -> Values:
    found: Values = model.predict(case.support, case.query.rows, case.query.items).astype(np.float64)
    return found


def unchanged(case: Case, scenario: str, said: Values) -> tuple[Values, Values]:
    """Of a recommender that says one number: that number, and the nearest level."""
    return said, np.round(said)


def decoded(model: NeuralProcess) -> tuple[Predict, Decide]:
    kept: dict[int, Any] = {}

    def distribution(case: Case) -> Any:
        if id(case) not in kept:
            kept.clear()
            adapted = model.adapt(case.support)
            kept[id(case)] = model.distribution(adapted, case.query.rows, case.query.items)
        return kept[id(case)]

    def predict(case: Case) -> Values:
        found: Values = (distribution(case) @ model.levels.numpy()).astype(np.float64)
        return found

    def decide(case: Case, scenario: str, said: Values) -> tuple[Values, Values]:
        found = torch.from_numpy(distribution(case))
        return tuple(each(found, model.levels).numpy().astype(np.float64) for each in (median, least_error))  # type: ignore[return-value]

    return predict, decide


def floors(whole: Partition, inner: Partition, say: Say) -> Iterator[Contender]:
    """Every floor as validation chose it, with whole levels cut where validation says."""
    asked, content = drawn(inner, 1, ASKED_TO_TUNE), described(whole.train)
    for name, floor in FLOORS.items():
        started = time.perf_counter()
        option, predict = chosen(floor, inner.train, asked_of(asked, "melu-4"), content)
        levels = {scenario: _levels(predict, asked["melu-4", scenario]) for scenario in SCENARIOS}
        found = floor.make(whole.train, option, content)
        say(f"{name}: {option}")
        yield Contender(name, found, _cutting(levels), time.perf_counter() - started)


def asked_of(asked: Cases, protocol: str) -> list[Case]:
    return [case for (each, _), several in asked.items() if each == protocol for case in several]


def _levels(predict: Predict, several: Sequence[Case]) -> Levels:
    found = np.concatenate([predict(case) for case in several])
    return Levels.learned(found, np.concatenate([case.query.values.astype(np.float64) for case in several]))


def _cutting(levels: dict[str, Levels]) -> Decide:
    return lambda case, scenario, said: (said, levels[scenario].decide(said))
