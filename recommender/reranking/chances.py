"""How likely each candidate is what a person takes up next: scores of any recommender made comparable between people.

A conditional logit (McFadden, 1974), of what each did last among the candidates without it. Its weights are not
negative, so the order of candidates stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from recommender.data.dataset import Float, Int
from recommender.reranking.base import NONE, Candidates, Values

LEAST = 1e-3
"""Scores below this many standard deviations count as that in a logarithm."""
AHEAD = 3.0
"""Added to a place before its logarithm, so that the very first ones do not differ all too much."""
BY_PLACE = (0.0, 0.0, 1.0)
"""Weights where nothing was learned: by place alone, 1 / (place + AHEAD)."""
PULL = 1e-3
"""Of the weights towards BY_PLACE, for each person learned from."""


@dataclass(frozen=True)
class Chances:
    """P(i) ∝ exp(a s/σ + b ln max(s/σ, LEAST) − c ln(place + AHEAD)), Σ = 1 over a person's candidates; s the score, σ
    the standard deviation of all scores, `weights` (a, b, c) ≥ 0, place from 0."""

    weights: tuple[float, float, float] = BY_PLACE
    scale: float = 1.0

    def of(self, candidates: Candidates) -> Float:
        """(n, m) float32, 0 where there is no item."""
        if not candidates.items.size:
            return np.zeros(candidates.items.shape, dtype=np.float32)
        value = _features(candidates, self.scale) @ np.array(self.weights)
        value[candidates.items == NONE] = -np.inf
        best = value.max(axis=1, keepdims=True)
        odds = np.exp(value - np.where(np.isfinite(best), best, 0.0))
        return cast(Float, (odds / np.maximum(odds.sum(axis=1, keepdims=True), 1e-300)).astype(np.float32))

    def given(self, candidates: Candidates) -> Candidates:
        return Candidates(candidates.items, candidates.scores, self.of(candidates))


def of(candidates: Candidates) -> Float:
    """(n, m) the chances that came with `candidates`, or by place alone."""
    return Chances().of(candidates) if candidates.chances is None else candidates.chances


def learned(candidates: Candidates, taken: Int) -> Chances:
    """The weights under which `taken` (n,), the item each person took up next (−1: none), is likeliest among its
    candidates; whoever's is not among them says nothing. The problem is convex; deterministic."""
    hits = (candidates.items == taken[:, None]) & (candidates.items != NONE)
    known = np.flatnonzero(hits.any(axis=1))
    there = candidates.items != NONE
    scale = float(candidates.scores[there].std()) if there.any() else 0.0
    if not len(known) or scale == 0 or not np.isfinite(scale):
        return Chances(scale=scale if scale > 0 else 1.0)
    features, barred = _features(candidates.select(known), scale), ~there[known]
    chosen = features[np.arange(len(known)), hits[known].argmax(axis=1)]

    def loss(weights: Values) -> tuple[float, Values]:
        value = features @ weights
        value[barred] = -np.inf
        best = value.max(axis=1, keepdims=True)
        odds = np.exp(value - best)
        total = odds.sum(axis=1, keepdims=True)
        expected = np.einsum("nm,nmf->nf", odds / total, features)
        away = weights - np.array(BY_PLACE)
        surprise = np.log(total[:, 0]) + best[:, 0] - chosen @ weights
        return float(surprise.mean() + PULL * (away**2).sum()), (expected - chosen).mean(axis=0) + 2 * PULL * away

    found = minimize(loss, np.array(BY_PLACE), jac=True, method="L-BFGS-B", bounds=[(0, 50)] * 3)
    a, b, c = (float(weight) for weight in found.x)
    return Chances((a, b, c), scale)


def _features(candidates: Candidates, scale: float) -> NDArray[np.float64]:
    """(n, m, 3)"""
    score = np.where(candidates.items == NONE, 0.0, candidates.scores.astype(np.float64)) / scale
    place = np.broadcast_to(-np.log(np.arange(score.shape[1]) + AHEAD), score.shape)
    return np.stack([score, np.log(np.maximum(score, LEAST)), place], axis=-1)
