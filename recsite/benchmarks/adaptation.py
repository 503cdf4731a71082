"""Speed of adapting to people on MovieLens-1M: gradient steps for many people at once beside a plain loop over them,
adapting in bulk, adapting and ranking within a request, and training.

The data go through the import and out of the database. Speed does not depend on how good weights are, so what is not
timed while it trains is trained for one epoch only. Everything runs in this process, without a web server around it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from recommender.algorithms import registry
from recommender.algorithms.base import Adaptable, Recommender, mask_seen, top_k
from recommender.algorithms.gradient_adapted import GradientAdapted, GradientConfig
from recommender.data.dataset import Dataset, Histories
from recommender.data.splits import Split, held_out_people
from recommender.evaluation.protocol import fit_measured
from recommender.metalearning import meta_sgd
from recommender.metalearning.episodes import latest
from recommender.metalearning.maml import Weights, adapt_alone
from recommender.metalearning.melu import loss
from recsite.benchmarks import Say
from recsite.benchmarks.ensemble import movielens_1m

DEFAULT = "ridge_head"
"""The learner that serves cold people unless another is chosen."""
STEPS = {"maml": {"steps": 5}}
REQUESTS = {"ridge_head": (10.0, 40.0), "neural_process": (10.0, 40.0), "maml": (50.0, None)}
"""Milliseconds within which half of the requests and 99% of them must be answered."""
PER_SECOND, TIMES, SECONDS = 1000, 3.0, 20 * 60
"""Bars: people a second in bulk, how many times a loop's speed, and the training of the default learner."""
TOGETHER, GIVEN, ASKED, ROUNDS = 128, 20, 10, 400
"""People beside each other and interactions of each; interactions in a request, and requests."""


def run(say: Say) -> dict[str, Any]:
    """ours: maml, many people at once, peer: one after the other by autograd alone; a row per figure with its bar."""
    dataset = movielens_1m(say)
    split = held_out_people(dataset)
    rows = [trained_in(split, say)]
    models = {name: quick(name, split) for name in REQUESTS if name in registry.ALGORITHMS}
    together, alone = side_by_side(cast(GradientAdapted, models["maml"]), split)
    say(f"maml: {together:.0f} people a second at once, {alone:.0f} in a loop")
    rows += [in_bulk(name, model, dataset, say) for name, model in models.items()]
    rows += [in_requests(name, model, split, say) for name, model in models.items()]
    figures = {"ours": together, "peer": alone, "ratio": together / alone, "unit": "people a second"}
    reached = figures["ratio"] >= TIMES and all(row["reached"] is not False for row in rows)
    return figures | {"bar": TIMES, "reached": reached, "rows": rows}


def trained_in(split: Split, say: Say) -> dict[str, Any]:
    """Seconds of the default learner's training, choosing by validation and then on everything but the test."""
    started = time.perf_counter()
    config = registry.config_class(DEFAULT)()
    fit_measured(lambda given: registry.create(DEFAULT, given), config, split, seed=0, report=lambda *_: None)
    seconds = time.perf_counter() - started
    say(f"{DEFAULT}: trained in {seconds:.0f} s")
    row = {"figure": "training", "algorithm": DEFAULT, "seconds": round(seconds, 1)}
    return row | {"bar": SECONDS, "reached": seconds <= SECONDS}


def quick(name: str, split: Split) -> Recommender:
    settings = registry.config_class(name).from_mapping({"epochs": 1, **STEPS.get(name, {})})
    made = registry.create(name, settings)
    return made.fit(split.train, rng=np.random.default_rng(0), report=lambda *_: None)


def side_by_side(model: GradientAdapted, split: Split) -> tuple[float, float]:
    """People a second by the same steps from the same tensors, at once and in a loop; the results are compared."""
    support = latest(split.test.histories, GIVEN)
    some = support.select(np.flatnonzero(support.lengths == GIVEN)[:TOGETHER])
    with threads(1), torch.no_grad():
        adapts, episodes = model.supports(some, np.zeros(len(some), dtype=np.float32))
        at_once, found = best_of(lambda: model.steps(adapts, episodes, second=False))
        looped, expected = best_of(lambda: looping(model, adapts, episodes))
    for name, each in expected.items():
        torch.testing.assert_close(found[name], each, rtol=1e-3, atol=1e-4)
    return len(some) / at_once, len(some) / looped


def looping(model: GradientAdapted, prior: Weights, episodes: dict[str, Tensor]) -> Weights:
    """The same steps for one person after the other, by autograd alone."""
    rates, config, found = meta_sgd.by_name(model._fitted().rates), cast(GradientConfig, model.config), []
    for row in range(len(episodes["person"])):
        one = {name: each[row] for name, each in episodes.items()}
        found.append(adapt_alone(loss, prior, one, rates, steps=config.steps, longest=config.longest))
    return {name: torch.stack([each[name] for each in found]) for name in prior}


def in_bulk(name: str, model: Recommender, dataset: Dataset, say: Say) -> dict[str, Any]:
    """People a second on all cores, from histories to what is stored; the bar is the default learner's."""
    support = latest(dataset.histories, GIVEN)
    with threads(os.cpu_count() or 1):
        seconds, found = best_of(lambda: cast(Adaptable, model).adapt(support))
    speed, size = len(support) / seconds, sum(array.nbytes for array in found.values()) / len(support)
    say(f"{name}: {speed:.0f} people a second, {size:.0f} bytes each")
    row = {"figure": "bulk", "algorithm": name, "people a second": round(speed), "bytes a person": round(size)}
    return row | {"bar": PER_SECOND if name == DEFAULT else None, "reached": speed >= PER_SECOND or name != DEFAULT}


def in_requests(name: str, model: Recommender, split: Split, say: Say) -> dict[str, Any]:
    """Milliseconds to adapt to ASKED interactions, score everything and choose ten, on one core."""
    support, times = latest(split.test.histories, ASKED), []
    with threads(1):
        for at in range(ROUNDS):
            one = support.select(np.array([at % len(support)]))
            started = time.perf_counter()
            answer(model, one)
            times.append(1000 * (time.perf_counter() - started))
    half, most = (float(number) for number in np.percentile(times[ROUNDS // 10 :], [50, 99]))
    bars = REQUESTS[name]
    reached = half <= bars[0] and (bars[1] is None or most <= bars[1])
    say(f"{name}: {half:.1f} ms, 99% within {most:.1f} ms")
    row = {"figure": "request", "algorithm": name, "p50 ms": round(half, 2), "p99 ms": round(most, 2)}
    return row | {"bar": bars, "reached": reached}


def answer(model: Recommender, history: Histories) -> Any:
    adapted = cast(Adaptable, model).adapt(history)
    return top_k(mask_seen(model.score(history, adapted=adapted), history), 10)


def best_of(work: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """The least seconds of a few goes, after one to warm up, and what the work gave."""
    found, seconds = work(), []
    for _ in range(times):
        started = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - started)
    return min(seconds), found


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
