"""Speed and completeness of explanations on MovieLens-1M, one core: exact contributions, integrated gradients over 50
items, and Shapley values sampled over 50 items beside a plain loop of Captum's over the same game.

Recommenders are those of `trained_1m`. People are drawn once for all figures; the explained item is the first of each
person's list. Every explanation begins with a game that knows nothing yet, so that nothing is answered from memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from captum.attr import ShapleyValueSampling
from numpy.typing import NDArray

from explain.attribution import registry
from explain.attribution.base import Attribution
from explain.attribution.game import Game, Target
from explain.attribution.shapley import ShapleySampling
from recommender.algorithms.base import Recommender, mask_seen
from recommender.data.dataset import Histories, Int
from recommender.data.splits import Split, leave_last_out
from recsite.benchmarks import Say
from recsite.benchmarks.adaptation import threads
from recsite.benchmarks.ensemble import movielens_1m
from recsite.benchmarks.trained_1m import trained_1m

LINEAR = ("ease", "item_knn", "ials")
NEURAL = "sasrec"
PEOPLE, BESIDE = 120, 20
"""People whose explanations are timed, and for whom Captum's loop, which takes seconds each, is timed too."""
LENGTH, PERMUTATIONS = 50, 25
EXACT_GAP, EXACT_MS = 1e-5, 20.0
GRADIENT_GAP, GRADIENT_MS = 1e-2, 150.0
SAMPLING_MS = 700.0
WITHIN = 1.5
"""Standard errors that two samples of the same values may differ by on average; were both normal it would be
√(2/π) = 0.8 of the error of the difference."""


@dataclass(frozen=True)
class Timed:
    """Explanations and the milliseconds that each took."""

    found: list[Attribution]
    milliseconds: NDArray[np.float64]

    @property
    def gaps(self) -> NDArray[np.float64]:
        return np.array([each.relative_gap for each in self.found])

    @property
    def half(self) -> float:
        return float(np.median(self.milliseconds))


def run(say: Say) -> dict[str, Any]:
    """ours: sampling all coalitions at once, peer: Captum's loop, in ms of half the explanations; a row per figure."""
    split = leave_last_out(movielens_1m(say))
    models = {name: trained_1m(name, split, say) for name in (*LINEAR, NEURAL)}
    whole, newest = people(split, PEOPLE, None), people(split, PEOPLE, LENGTH)
    with threads(1):
        rows = [exact(name, models[name], whole, say) for name in LINEAR]
        rows.append(gradients(models[NEURAL], newest, say))
        rows.append(sampling(models[NEURAL], newest[:BESIDE], say))
    ours, peer = rows[-1]["p50 ms"], rows[-1]["captum p50 ms"]
    figures = {"ours": ours, "peer": peer, "ratio": ours / peer, "unit": "ms", "bar": SAMPLING_MS}
    return figures | {"reached": all(row["reached"] for row in rows), "rows": rows}


def people(split: Split, count: int, length: int | None) -> list[Histories]:
    """The histories of `count` people, drawn; with `length` of those who met at least so much, the newest of it."""
    given = split.test.histories
    able = np.flatnonzero(given.lengths >= (length or 1))
    found = []
    for row in np.random.default_rng(0).permutation(able)[:count]:
        one = given.select(np.array([row]))
        found.append(one if length is None else one.keep(np.arange(len(one.items)) >= len(one.items) - length))
    return found


def game(model: Recommender, history: Histories) -> Game:
    """Why the first of the list is the first."""
    return Game(model, history, Target(int(mask_seen(model.score(history), history)[0].argmax())))


def timed(model: Recommender, histories: list[Histories], explain: Callable[[Game], Attribution]) -> Timed:
    """After one explanation that does not count, which loads what is loaded once."""
    explain(game(model, histories[0]))
    found, took = [], []
    for history in histories:
        asked = game(model, history)
        started = time.perf_counter()
        found.append(explain(asked))
        took.append(1000 * (time.perf_counter() - started))
    return Timed(found, np.array(took))


def exact(name: str, model: Recommender, histories: list[Histories], say: Say) -> dict[str, Any]:
    done = timed(model, histories, registry.get("contributions").explain)
    say(f"{name}: exact contributions in {done.half:.1f} ms, largest relative gap {done.gaps.max():.1e}")
    row = {"figure": "exact contributions", "algorithm": name, "people": len(histories), "p50 ms": round(done.half, 2)}
    reached = done.half <= EXACT_MS and bool(done.gaps.max() <= EXACT_GAP)
    return row | {"largest gap": float(done.gaps.max()), "bar": [EXACT_MS, EXACT_GAP], "reached": reached}


def gradients(model: Recommender, histories: list[Histories], say: Say) -> dict[str, Any]:
    done = timed(model, histories, registry.get("integrated_gradients").explain)
    half, most = (float(each) for each in np.percentile(done.gaps, [50, 95]))
    say(f"{model.name}: integrated gradients in {done.half:.0f} ms, relative gap {half:.1e}, 95% within {most:.1e}")
    return {
        "figure": "integrated gradients", "algorithm": model.name, "people": len(histories),
        "p50 ms": round(done.half, 1), "p50 gap": half, "p95 gap": most, "largest gap": float(done.gaps.max()),
        "passes": float(np.mean([each.cost.evaluations for each in done.found])),
        "bar": [GRADIENT_MS, GRADIENT_GAP], "reached": done.half <= GRADIENT_MS and most <= GRADIENT_GAP,
    }  # fmt: skip


def sampling(model: Recommender, histories: list[Histories], say: Say) -> dict[str, Any]:
    """Ours and Captum's, by turns, so that both meet the same machine; their values against their errors."""
    ours, loop, apart = [], [], []
    ShapleySampling(2).explain(game(model, histories[0]))
    for seed, history in enumerate(histories):
        started = time.perf_counter()
        found = ShapleySampling(PERMUTATIONS).explain(game(model, history), seed=seed)
        between = time.perf_counter()
        values, errors = by_captum(game(model, history), PERMUTATIONS, seed)
        loop.append(1000 * (time.perf_counter() - between))
        ours.append(1000 * (between - started))
        apart.append(difference(found, values, errors))
    half, peer, errors_apart = float(np.median(ours)), float(np.median(loop)), float(np.mean(apart))
    say(
        f"{model.name}: Shapley values sampled in {half:.0f} ms, Captum's loop {peer:.0f} ms; {errors_apart:.2f} errors"
    )
    return {
        "figure": "Shapley sampling", "algorithm": model.name, "people": len(histories), "p50 ms": round(half, 1),
        "captum p50 ms": round(peer, 1), "times": round(peer / half, 1), "errors apart": round(errors_apart, 2),
        "bar": [SAMPLING_MS, WITHIN], "reached": half <= SAMPLING_MS and errors_apart <= WITHIN,
    }  # fmt: skip


def by_captum(asked: Game, permutations: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and standard errors by ShapleyValueSampling, a coalition at a time: one call per permutation (which is
    what its samples are), so that errors can be told. Units are a row of ones, absent 0."""

    def value(present: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(target_of(asked, present.numpy() > 0))

    n = len(asked.units)
    torch.manual_seed(seed)
    method, present, mask = ShapleyValueSampling(value), torch.ones(1, n), torch.arange(n)[None]
    parts = [method.attribute(present, feature_mask=mask, n_samples=1)[0].numpy() for _ in range(permutations)]
    each = np.array(parts, dtype=np.float64)
    return each.mean(axis=0), each.std(axis=0, ddof=1) / permutations**0.5


def target_of(asked: Game, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(n,) by the recommender's own score, without the game's memory of equal coalitions."""
    items: Int = asked.target.items
    return asked.model.score(asked.coalitions(kept), items=items)[:, 0].astype(np.float64)


def difference(found: Attribution, values: NDArray[np.float64], errors: NDArray[np.float64]) -> float:
    """Mean |difference| in standard errors of the difference."""
    assert found.errors is not None
    together = np.sqrt(found.errors**2 + errors**2)
    return float((np.abs(found.values - values) / np.maximum(together, 1e-12)).mean())
