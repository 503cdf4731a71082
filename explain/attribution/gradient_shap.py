"""Expected gradients (Erion et al., Nature Machine Intelligence 2021) over the items' embeddings, by Captum's
GradientShap: integrated gradients against many other histories instead of one baseline, by sampling."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from explain.attribution.base import GRADIENT, Attribution, Cost
from explain.attribution.game import Game
from explain.attribution.integrated_gradients import without_gradients
from explain.exceptions import CannotExplain

BASELINES = 32
"""Histories of drawn items that stand for nothing in particular."""
GOES, SAMPLES = 16, 16
"""Times that a mean is taken, and points in each; the error is told by how much the means differ."""
_DRAWING = threading.Lock()


class GradientShap:
    """φ(j) = E over b, α of Σ_d (x_jd − b_jd) ∂f(b + α (x − b)) / ∂x_jd, b a history of the same length whose items are
    drawn evenly from the catalog, α even in 0 … 1. `baseline_prediction` is the mean target of the b's; values add up
    to the difference only as far as was sampled, and `gap` says how far they do not."""

    name: ClassVar[str] = "gradient_shap"
    title: ClassVar[str] = "Gradient SHAP"
    kind: ClassVar[str] = GRADIENT
    quick: ClassVar[bool] = True

    def refuses(self, game: Game) -> str:
        return without_gradients(game)

    def explain(self, game: Game, *, seed: int = 0) -> Attribution:
        if why := self.refuses(game):
            raise CannotExplain(why, field="method")
        started = time.perf_counter()
        read: Any = import_module("explain.attribution.embedded").Embedded(game)
        captum: Any = import_module("captum.attr")
        baselines, method = read.with_others(BASELINES, np.random.default_rng(seed)), captum.GradientShap(read.target)
        with drawing(seed):
            parts = np.stack([
                read.of_units(method.attribute(read.tokens, baselines, n_samples=SAMPLES)[0]) for _ in range(GOES)
            ])  # fmt: skip
        return Attribution(
            self.name, game.target, game.units, parts.mean(axis=0), "histories of drawn items", read.whole,
            read.at(baselines), Cost(time.perf_counter() - started, GOES * SAMPLES),
            errors=parts.std(axis=0, ddof=1) / GOES**0.5,
        )  # fmt: skip


@contextmanager
def drawing(seed: int) -> Iterator[None]:
    """The global random numbers of numpy and torch, which Captum draws from, from `seed`; put back afterwards. One at a
    time, so that threads do not draw each other's."""
    torch: Any = import_module("torch")
    with _DRAWING, torch.random.fork_rng():
        before = np.random.get_state()
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            np.random.set_state(before)
